//! What Prometheus scrapes, and what a tenant reads of it.
//!
//! Two kinds of numbers. What is about objects is read off a [`Snapshot`] of the loop's state,
//! taken at most once a second and replaced as a whole: a series goes with its object, and no
//! scrape sees half of a change (Q7). What happens is counted as it happens ([`Events`]), with
//! labels of closed lists only. A scrape never waits for the loop, nor the loop for a scrape.
//!
//! Must not know: the engine's rules, who asks. Floats appear only here (N1).

mod about;
mod events;
mod process;
mod requests;
mod rows;
mod snapshot;
mod state;
mod table;
mod text;

use std::{
    ops::Deref,
    sync::{Arc, PoisonError, RwLock},
};

use prometheus_client::{encoding, registry::Registry};

pub use about::{About, Base, Kind};
pub use events::{Events, TierLabel, WatchLabel};
pub use requests::CountRequests;
pub use snapshot::{
    Check, End, Finished, FundingLine, Leader, LeftOut, Loan, Pending, Place, Pool, Snapshot,
    TENANTS_MAX, Tenant, TenantPool, VOUCHERS_MAX, Voucher, VoucherMoney, Work,
};
pub use table::page;
pub use text::Format;

use rows::Exposed;

/// All series. Copies show and count the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    events: Events,
    shelf: Arc<events::Shelf>,
    snapshot: Arc<RwLock<Option<Arc<Snapshot>>>>,
}

/// What happens is counted directly.
impl Deref for Metrics {
    type Target = Events;

    fn deref(&self) -> &Events {
        &self.events
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All series, with nothing counted and no state yet.
    pub fn new() -> Self {
        let events = Events::default();
        Self {
            shelf: Arc::new(events.registered()),
            events,
            snapshot: Arc::default(),
        }
    }

    /// What is counted as it happens.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Replaces the state that is shown.
    pub fn show(&self, snapshot: Snapshot) {
        // A poisoned lock guards nothing but one pointer.
        let mut shown = self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *shown = Some(Arc::new(snapshot));
    }

    fn shown(&self) -> Option<Arc<Snapshot>> {
        let shown = self.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        shown.clone()
    }

    /// Everything, for the provincial operator's Prometheus.
    ///
    /// # Errors
    /// If formatting fails, which the text encoder never does on a `String`.
    pub fn exposition(&self, format: Format) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encoding::text::encode_registry(&mut text, &self.shelf.registry)?;
        if let Some(snapshot) = self.shown() {
            encode(&mut text, snapshot.bounded(TENANTS_MAX, VOUCHERS_MAX))?;
        }
        process::encode(&mut text)?;
        encoding::text::encode_eof(&mut text)?;
        Ok(format.of(text))
    }

    /// What a tenant sees: the series of its subtree, under the same names. None if there is
    /// no such tenant, or no state yet.
    ///
    /// # Errors
    /// As [`exposition`](Self::exposition).
    pub fn of_tenant(
        &self,
        tenant: &str,
        format: Format,
    ) -> Result<Option<String>, std::fmt::Error> {
        let Some(seen) = self.shown().and_then(|snapshot| snapshot.below(tenant)) else {
            return Ok(None);
        };
        let mut text = String::new();
        encode(&mut text, seen)?;
        encoding::text::encode_eof(&mut text)?;
        Ok(Some(format.of(text)))
    }
}

fn encode(text: &mut String, snapshot: Snapshot) -> std::fmt::Result {
    let mut registry = Registry::with_prefix(about::PREFIX);
    registry.register_collector(Box::new(Exposed {
        state: Arc::new(snapshot),
        groups: &state::GROUPS,
    }));
    encoding::text::encode_registry(text, &registry)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
