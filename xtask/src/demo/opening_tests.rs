//! What is said before the play.

use super::*;
use crate::demo::trace::{EXCERPT, jobs, read};

#[test]
fn rows_cuts_factor_and_mapping_are_said_in_both_languages() {
    let (jobs, changes) = jobs(&read(EXCERPT).expect("rows")).expect("jobs");
    for language in [Language::En, Language::Zh] {
        let said = rules(&jobs, changes, language);
        let numbers = [
            changes.longer,
            changes.shorter,
            changes.tests,
            changes.put_off,
            changes.held,
        ];
        for number in numbers {
            assert!(said.contains(&number.to_string()), "{number}: {said}");
        }
        for words in [
            "30270",
            "30469",
            "CC BY 4.0",
            "USENIX ATC 2019",
            "300",
            "2h30m",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let table = mapping(&jobs, language);
        assert_eq!(table.lines().count(), MEMBERS.len() + 1);
        for row in read(EXCERPT).expect("rows") {
            assert!(table.contains(&row.cluster), "{}", row.cluster);
        }
    }
}
