//! Carries out the steps of an example as the people that it names, by the kubectl commands that stand in it. What must
//! come of the last step is for the tests to judge.

use anyhow::{Context, Result, ensure};
use xtask::{
    cluster::{Cluster, Output},
    examples::Step,
};

/// Names that stand for a service account or a program, as the READMEs of the examples say.
const STAND_INS: [(&str, &str); 1] = [(
    "operator",
    "system:serviceaccount:edugrid-system:edugrid-scheduler",
)];

/// Does a step, for good or (`dry`) only as far as admission.
///
/// # Errors
/// If kubectl can't be run; that the server refused is in the [`Output`].
pub fn perform(cluster: &Cluster, step: &Step, dry: bool) -> Result<Output> {
    let who = step.note("as").context("a step says `as:` who asks")?;
    let mut args: Vec<String> = Vec::new();
    let mut user = who;
    if let Some((_, account)) = STAND_INS.iter().find(|(name, _)| *name == who) {
        (user, args) = ("admin", vec![format!("--as={account}")]);
    }
    args.extend(step.command().iter().map(|word| (*word).to_owned()));
    let is_raw = args.iter().any(|word| word.starts_with("--raw="));
    let mut input = "";
    if step.command()[0] == "patch" {
        args.push(format!("--patch={}", step.body));
    } else if !step.body.is_empty() {
        args.push("--filename=-".to_owned());
        input = &step.body;
    }
    if dry && !is_raw {
        args.push("--dry-run=server".to_owned());
    }
    for word in args
        .iter_mut()
        .filter(|word| dry && word.starts_with("--raw="))
    {
        // --dry-run is not for raw requests; the API server takes it from the query.
        word.push_str("?dryRun=All");
    }
    if !is_raw && changes_an_object(&step.command()) {
        args.push("--output=json".to_owned());
    }
    cluster.kubectl_with_input(user, &args, input)
}

/// Does the steps that prepare the ground.
///
/// # Errors
/// If one is refused, with its number.
pub fn prepare(cluster: &Cluster, steps: &[Step]) -> Result<()> {
    for (index, step) in steps.iter().enumerate() {
        let answer = perform(cluster, step, false)?;
        answer.ok().with_context(|| format!("step {}", index + 1))?;
    }
    Ok(())
}

/// `delete` and `scale` have no object to show.
fn changes_an_object(command: &[&str]) -> bool {
    matches!(
        command.first(),
        Some(&("create" | "replace" | "apply" | "patch" | "label"))
    )
}

/// What the server said of a refusal, without the words that kubectl puts around it: white space is folded, and what
/// stands before the reason (which object, which policy) is cut off.
///
/// # Errors
/// If it was not refused.
pub fn words(answer: &Output) -> Result<String> {
    ensure!(!answer.success(), "taken: {}", answer.stdout.trim());
    let lines = answer
        .stderr
        .lines()
        .filter(|line| !line.starts_with("Warning: "));
    let said = folded(&lines.collect::<Vec<_>>().join(" "));
    for end in [" denied request: ", " is invalid: "] {
        if let Some((_, words)) = said.split_once(end) {
            return Ok(words.to_owned());
        }
    }
    // `Error from server (Forbidden): `, and what kubectl was doing.
    let said = match said.strip_prefix("Error from server ") {
        Some(rest) => rest.split_once("): ").map_or(rest, |(_, words)| words),
        None => &said,
    };
    let said = said
        .strip_prefix("error when creating \"STDIN\": ")
        .unwrap_or(said);
    Ok(said.to_owned())
}

/// White space folded.
pub fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
