//! What is told of the past by a view that begins in the middle, and before there is one.

use edugrid_ledger::{Base, Digest, Entry, MemoryView, Record};
use edugrid_units::JobUid;

use super::*;
use crate::{desk::fixture::desk, visibility::Query};

/// A view that was made from a snapshot: it begins in the middle.
struct Begun(MemoryView, Base);

impl HistoryView for Begun {
    fn position(&self) -> Result<Position, ViewError> {
        self.0.position()
    }

    fn base(&self) -> Option<&Base> {
        Some(&self.1)
    }

    fn append(&mut self, records: &[Record], after: Position) -> Result<(), ViewError> {
        self.0.append(records, after)
    }

    fn entry(&self, sequence: u64) -> Result<Option<Entry>, ViewError> {
        self.0.entry(sequence)
    }

    fn of_tenant(
        &self,
        tenant: &TenantName,
        until: Month,
        visit: &mut dyn FnMut(Month, Entry),
    ) -> Result<(), ViewError> {
        self.0.of_tenant(tenant, until, visit)
    }

    fn of_job(&self, job: &JobUid) -> Result<Vec<Entry>, ViewError> {
        self.0.of_job(job)
    }
}

fn asked(month: &str, view: &dyn HistoryView) -> Result<Reply, NotFound> {
    let (reply, mut answer) = oneshot::channel();
    let asked = Recollection {
        at: Position::START,
        tenant: "sdu".into(),
        what: Recalled::Month(month.to_owned()),
        age: desk().age(),
        now: Stamp::from_seconds(1_775_000_000),
        reply,
    };
    asked.tell(view, Position::START);
    answer.try_recv().expect("answered")
}

/// A month that only the archive has is not one in which nothing moved (L12).
#[test]
fn a_month_before_the_view_names_the_archive() {
    let base = Base {
        sequence: 9,
        entries: 70,
        head: Digest([1; 32]),
        at: Stamp::from_seconds(1_772_409_600),
        opening: None,
        accounts: Vec::new(),
        grants: Vec::new(),
        open: Vec::new(),
    };
    let view = Begun(MemoryView::new(), base);
    let absent = asked("2026-03", &view).expect_err("in the archive");
    assert!(matches!(&absent, NotFound::Archived { first, .. } if first == "2026-04"));
    let absent = asked("2026-04", &view).expect_err("nothing moved");
    assert!(matches!(absent, NotFound::Month { .. }), "{absent}");
}

/// Until the view has caught up, a tenant's past is neither told nor denied.
#[test]
fn before_the_view_is_ready_the_past_is_told_later() {
    let mut desk = desk();
    desk.tenant("sdu", None, 8);
    let month = |tenant: &str| Query::Statement {
        tenant: tenant.into(),
        month: "2026-11".into(),
    };
    let later = desk.answered(month("sdu")).expect_err("not yet");
    assert!(
        matches!(&later, NotFound::NotYet(why) if why.contains("start")),
        "{later}"
    );
    let list = Query::Statements {
        tenant: "sdu".into(),
        page: Page::whole(),
    };
    let later = desk.answered(list).expect_err("not yet");
    assert!(matches!(later, NotFound::NotYet(_)), "{later}");
    let absent = desk.answered(month("lnu")).expect_err("nobody");
    assert!(matches!(absent, NotFound::Tenant(_)), "{absent}");
}
