//! The walls between the crates, as one table: what each may know and why. `edges.rs`
//! compares the manifests with it, `order.rs` the engine's modules, and
//! `ARCHITECTURE.md` must repeat it.

use std::path::Path;

use super::Finding;

/// The page that repeats the table, between [`BEGIN`] and [`END`].
const PAGE: &str = "ARCHITECTURE.md";
const BEGIN: &str = "<!-- walls -->";
const END: &str = "<!-- /walls -->";

/// What a crate may name in its manifest besides crates of ours. Tests are free.
#[derive(Clone, Copy, Debug)]
pub(super) enum Others {
    /// Nothing but these.
    Only(&'static [&'static str]),
    /// Anything but these.
    AnyBut(&'static [&'static str]),
}

/// One crate's wall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wall {
    /// The crate.
    pub(super) of: &'static str,
    /// The crates of ours that it may use.
    pub(super) ours: &'static [&'static str],
    /// The crates of others that it may use.
    pub(super) others: Others,
    /// What may not be anywhere below it either, when it is built by itself.
    pub(super) never_below: &'static [&'static str],
    /// Why the wall stands.
    pub(super) why: &'static str,
}

/// What talks to the world: not below anything that must be the same on every run.
const OUTSIDE: &[&str] = &[
    "kube",
    "k8s-openapi",
    "tokio",
    "hyper",
    "axum",
    "tracing",
    "jiff",
    "chrono",
];
const CLIENTS: &[&str] = &[
    "kube-client",
    "kube-runtime",
    "tokio",
    "hyper",
    "tower",
    "rustls",
];
const WORDS_ENGINE_BOOKS_LANGUAGE: &[&str] = &[
    "edugrid-units",
    "edugrid-core",
    "edugrid-ledger",
    "edugrid-crds",
];
const ALL_THAT_THE_RIM_AND_THE_ARCHIVE: &[&str] = &[
    "edugrid-units",
    "edugrid-core",
    "edugrid-ledger",
    "edugrid-crds",
    "edugrid-translate",
    "edugrid-archiver",
];

/// Every crate of the workspace.
pub(super) const WALLS: &[Wall] = &[
    Wall {
        of: "edugrid-units",
        ours: &[],
        others: Others::Only(&["thiserror"]),
        never_below: OUTSIDE,
        why: "the words that all speak know nothing",
    },
    Wall {
        of: "edugrid-core",
        ours: &["edugrid-units"],
        others: Others::Only(&[]),
        never_below: OUTSIDE,
        why: "the engine decides from events alone, the same in the cluster, the simulator and a test",
    },
    Wall {
        of: "edugrid-ledger",
        ours: &["edugrid-units"],
        others: Others::Only(&[
            "base64",
            "serde",
            "serde_json",
            "sha2",
            "sled",
            "sm3",
            "thiserror",
        ]),
        never_below: OUTSIDE,
        why: "the books are replayed and audited without a cluster, and know no engine",
    },
    Wall {
        of: "edugrid-lives",
        ours: &["edugrid-units", "edugrid-ledger"],
        others: Others::Only(&[]),
        never_below: OUTSIDE,
        why: "made-up books do what the operator does with the books, the same for the same seed",
    },
    Wall {
        of: "edugrid-crds",
        ours: &["edugrid-units"],
        others: Others::AnyBut(CLIENTS),
        never_below: CLIENTS,
        why: "the user's language is types and rules; who reads them brings the client",
    },
    Wall {
        of: "edugrid-translate",
        ours: WORDS_ENGINE_BOOKS_LANGUAGE,
        others: Others::AnyBut(CLIENTS),
        never_below: CLIENTS,
        why: "what people write is read once, alike in the operator and before it is submitted",
    },
    Wall {
        of: "edugrid-archiver",
        ours: &[
            "edugrid-units",
            "edugrid-ledger",
            "edugrid-crds",
            "edugrid-translate",
        ],
        others: Others::AnyBut(&["sled"]),
        never_below: &[],
        why: "it copies and deletes what the operator wrote, so it judges with the books alone and decides nothing",
    },
    Wall {
        of: "edugrid-scheduler",
        ours: ALL_THAT_THE_RIM_AND_THE_ARCHIVE,
        others: Others::AnyBut(&["sled"]),
        never_below: &[],
        why: "the hands: the one place where objects become events and plans become writes",
    },
    Wall {
        of: "edugrid-cli",
        ours: &[
            "edugrid-units",
            "edugrid-core",
            "edugrid-ledger",
            "edugrid-crds",
            "edugrid-translate",
            "edugrid-archiver",
            "edugrid-sim",
        ],
        others: Others::AnyBut(&["sled"]),
        never_below: &[],
        why: "it asks the API server and reads exported books; it never needs the operator",
    },
    Wall {
        of: "xtask",
        ours: &["edugrid-units", "edugrid-crds"],
        others: Others::AnyBut(&["kube", "tokio"]),
        never_below: CLIENTS,
        why: "chores run kubectl and helm like a person would, and build without the product",
    },
    Wall {
        of: "edugrid-simcluster",
        ours: &[
            "edugrid-units",
            "edugrid-ledger",
            "edugrid-crds",
            "edugrid-archiver",
            "edugrid-scheduler",
        ],
        others: Others::AnyBut(&["sled"]),
        never_below: &[],
        why: "it runs the operator's and the archiver's own code where everything fails, and judges them by journal and objects",
    },
    Wall {
        of: "edugrid-bench",
        ours: &[
            "edugrid-units",
            "edugrid-core",
            "edugrid-ledger",
            "edugrid-lives",
            "xtask",
        ],
        others: Others::AnyBut(&["sled"]),
        never_below: &[],
        why: "it measures engine, books and API server from outside; nothing stands on it",
    },
    Wall {
        of: "edugrid-fuzz-targets",
        ours: &[
            "edugrid-units",
            "edugrid-ledger",
            "edugrid-lives",
            "edugrid-crds",
            "edugrid-translate",
            "edugrid-scheduler",
            "xtask",
        ],
        others: Others::AnyBut(&["sled"]),
        never_below: &[],
        why: "it hands bytes to every decoder; nothing stands on it but the programs of the fuzzer",
    },
    Wall {
        of: "edugrid-e2e",
        ours: &["edugrid-units", "edugrid-ledger", "edugrid-crds", "xtask"],
        others: Others::AnyBut(&["kube"]),
        never_below: &[],
        why: "it sees what a user sees: the binaries, kubectl and the API",
    },
];

/// The order of the engine's modules: each may use only those before it.
pub(super) const CORE_ORDER: &[&str] = &[
    "tenants", "quota", "past", "share", "queue", "topology", "place", "claim", "preempt", "world",
    "schedule", "explain",
];

/// The table in Markdown, with its markers.
pub(super) fn printed() -> String {
    let mut text = format!(
        "{BEGIN}\n| crate | of ours | of others | never below it | why |\n| --- | --- | --- | --- | --- |\n"
    );
    for wall in WALLS {
        let others = match wall.others {
            Others::Only([]) => "nothing".to_owned(),
            Others::Only(names) => format!("only {}", list(names)),
            Others::AnyBut([]) => "any".to_owned(),
            Others::AnyBut(names) => format!("any but {}", list(names)),
        };
        text += &format!(
            "| `{}` | {} | {others} | {} | {} |\n",
            wall.of,
            list(wall.ours),
            list(wall.never_below),
            wall.why
        );
    }
    text += &format!(
        "\nModules of `edugrid-core`, each using only those before it: {}.\n{END}\n",
        CORE_ORDER.join(" → ")
    );
    text
}

fn list(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Compares the page with the table.
pub(super) fn check_page(root: &Path) -> Option<Finding> {
    let fault = |line, what: &str| {
        let way_out = "put in what `cargo xtask tidy --print-walls` prints";
        Some(Finding::new(PAGE, line, format!("{what}: {way_out}")))
    };
    let Ok(text) = std::fs::read_to_string(root.join(PAGE)) else {
        return fault(0, "the page is missing, and with it the walls");
    };
    let Some(begin) = text.lines().position(|line| line.trim() == BEGIN) else {
        return fault(0, &format!("no line `{BEGIN}`"));
    };
    let printed = printed();
    let difference = printed
        .lines()
        .zip(
            text.lines()
                .skip(begin)
                .map(Some)
                .chain(std::iter::repeat(None)),
        )
        .position(|(wanted, found)| Some(wanted) != found.map(str::trim_end));
    difference.and_then(|line| {
        fault(
            begin + line + 1,
            "the walls differ from xtask/src/tidy/walls.rs",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_must_repeat_the_table() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |text: &str| std::fs::write(folder.path().join(PAGE), text).expect("written");
        assert!(
            check_page(folder.path()).is_some(),
            "a missing page is a finding"
        );
        write("# Map\n");
        assert!(
            check_page(folder.path()).is_some(),
            "a page without walls is a finding"
        );
        write(&format!("# Map\n\n{}\nmore\n", printed()));
        assert_eq!(check_page(folder.path()), None);
        write(&format!(
            "# Map\n\n{}",
            printed().replace("only `thiserror`", "only `thiserror`, `tokio`")
        ));
        let finding = check_page(folder.path()).expect("a changed wall is a finding");
        assert_eq!(finding.line, 6, "{finding}");
        write(&printed().replace(END, ""));
        assert!(
            check_page(folder.path()).is_some(),
            "a page that ends too early is a finding"
        );
    }
}
