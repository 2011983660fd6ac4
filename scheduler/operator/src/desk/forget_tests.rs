//! What the books let go of the province of the tests around.

use edugrid_ledger::Command;
use edugrid_units::{JobUid, Outcome};

use super::*;

impl Desk {
    /// Looks again for what is gone, as if its time had come.
    fn look_for_gone(&mut self) -> Vec<JobUid> {
        self.forgot_at = Stamp(0);
        self.settle();
        self.books.jobs().cloned().collect()
    }
}

#[test]
fn only_what_is_settled_and_gone_is_forgotten() {
    let mut desk = province();
    let uid = JobUid::from(format!("{PLANTED}-runs-0").as_str());
    let key = desk.jobs[&uid].open.clone().expect("an open attempt");
    let before = desk.look_for_gone();
    assert!(before.contains(&uid), "{before:?}");
    let gone = Seen::Gone {
        uid: uid.to_string(),
        name: uid.to_string(),
        last: None,
    };
    desk.told(Change::Job(Box::new(gone)));
    assert_eq!(desk.look_for_gone(), before, "its attempt is open");
    let now = desk.ticker.tick();
    let is_staged = desk.stage(
        now,
        Command::End {
            key: key.clone(),
            outcome: Outcome::Cancelled,
            started: None,
            ended: None,
        },
    );
    assert!(is_staged);
    desk.settle();
    assert!(
        desk.books.settled_attempt(&key).is_some(),
        "not yet its time"
    );
    let after = desk.look_for_gone();
    assert!(!after.contains(&uid), "{after:?}");
    assert_eq!(desk.books.settled_attempt(&key), None);
    assert_eq!(desk.books.audit(), Ok(()));
}
