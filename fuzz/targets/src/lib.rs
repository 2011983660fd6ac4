//! What is fuzzed, one function per decoder of bytes that come from outside. Each says more
//! than "it does not panic": what was read is written back as it was, nothing canonical has two
//! spellings, sums agree with an oracle, and what was altered is found.
//!
//! `fuzz/fuzz_targets` hands these functions to libFuzzer; `tests/corpus.rs` gives them the
//! committed inputs with the ordinary compiler. A target panics where its claim does not hold,
//! which is what a fuzzer looks for; it must not write anything but temporary files.

mod amounts;
mod asked;
mod books;
mod input;
mod journals;
mod objects;
mod snapshots;

/// One target.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: that of its program and of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Whatever the bytes are, it returns.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target {
        name: "amounts",
        run: amounts::amounts,
    },
    Target {
        name: "calendar",
        run: amounts::calendar,
    },
    Target {
        name: "compute_job",
        run: objects::compute_job,
    },
    Target {
        name: "configuration",
        run: asked::configuration,
    },
    Target {
        name: "entry_body",
        run: books::entry_body,
    },
    Target {
        name: "export",
        run: books::export,
    },
    Target {
        name: "export_line",
        run: books::export_line,
    },
    Target {
        name: "journal_file",
        run: journals::journal_file,
    },
    Target {
        name: "money_objects",
        run: objects::money_objects,
    },
    Target {
        name: "price_book",
        run: objects::price_book,
    },
    Target {
        name: "segment_bytes",
        run: journals::segment_bytes,
    },
    Target {
        name: "segment_object",
        run: journals::segment_object,
    },
    Target {
        name: "snapshot",
        run: snapshots::snapshot,
    },
    Target {
        name: "snapshot_object",
        run: snapshots::snapshot_object,
    },
    Target {
        name: "tenancy_objects",
        run: objects::tenancy_objects,
    },
    Target {
        name: "trace",
        run: asked::trace,
    },
    Target {
        name: "visibility",
        run: asked::visibility,
    },
];

/// Runs the target of that name; whether there is one.
pub fn run(name: &str, data: &[u8]) -> bool {
    let found = TARGETS.iter().find(|target| target.name == name);
    if let Some(target) = found {
        (target.run)(data);
    }
    found.is_some()
}
