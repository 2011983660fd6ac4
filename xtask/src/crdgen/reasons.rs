//! The page of why a job waits, in both languages, from the one list that the engine, the
//! conditions and the metrics use.

use edugrid_units::{Language, ReasonCode};
use std::fmt::Write as _;

/// Where it stands, from the root of the repository.
pub(super) const PAGE: &str = "docs/reasons.md";

const HEAD: &str = "\
<!-- Made by `cargo xtask crdgen` from scheduler/units/src/reason. Change that, and make it anew. -->
# Why a job waits · 作业为何等待

The closed list of reason codes. The same code stands in the job's `status.reason`, in `kubectl edugrid queue` and `explain`, and in
the label `reason` of the metric `edugrid_pending_jobs`. A job shows the first check that fails:
the ledger; what holds the job itself; what only a person cures; limits; quota; order; nodes; windows and claims; money.

原因码的完整列表。作业的 `status.reason`、`kubectl edugrid queue` 与 `explain`、指标 `edugrid_pending_jobs` 的标签 `reason`
使用同一个码。作业显示的是第一个未通过的检查，顺序为：账本；作业自身的限制；须由人解决的问题；上限；配额；排序；节点；时段与预占；资金。

| code · 码 | meaning, and what to do | 含义与办法 |
| --- | --- | --- |
";

/// The whole page.
pub(super) fn page() -> String {
    let mut text = HEAD.to_owned();
    for code in ReasonCode::ALL {
        let [english, chinese] =
            [Language::English, Language::Chinese].map(|language| told(*code, language));
        let _ = writeln!(text, "| `{code}` | {english} | {chinese} |");
    }
    text
}

fn told(code: ReasonCode, language: Language) -> String {
    let (meaning, way_out) = (code.meaning(language), code.way_out(language));
    match language {
        Language::English => format!("{}; {way_out}", capital(meaning)),
        Language::Chinese => format!("{meaning}；{way_out}"),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_line_in_both_languages() {
        let page = page();
        for code in ReasonCode::ALL {
            let line = page
                .lines()
                .find(|line| line.starts_with(&format!("| `{code}` |")));
            let line = line.unwrap_or_default();
            assert!(
                line.contains(code.way_out(Language::Chinese)),
                "{code}: {line}"
            );
        }
    }
}
