//! How the past reaches shares: events of the journal, the weight of the past, and time.

use std::sync::Arc;

use edugrid_units::{
    AttemptKey, Owned, Ownership, PoolMeasure, Ratio, Stamp, TenantName, UserName,
};

use super::{Scale, Standing};
use crate::{
    past::{Past, PastEvent},
    tenants::TreeIx,
};

impl Standing {
    /// Of nobody yet.
    pub fn with_past(past: Past) -> Self {
        Self {
            past: Arc::new(past),
            ..Self::default()
        }
    }

    /// What was borrowed in the past, as the journal tells it.
    pub fn past(&self) -> &Past {
        &self.past
    }

    /// Claims are those of this instant from now on.
    pub fn set_now(&mut self, now: Stamp) {
        let growth = self.past.growth(now).filter(|_| self.past_weight.num() > 0);
        self.scale = growth.map_or_else(Scale::default, |growth| Scale {
            growth,
            past: self.past_weight,
        });
    }

    /// The past counts so much beside the present (O3).
    pub fn set_past_weight(&mut self, weight: Ratio, now: Stamp) {
        self.past_weight = weight;
        self.set_now(now);
    }

    /// What claims of this instant are multiplied with: those read under another one may have
    /// risen since.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Whether claims rise with time alone.
    pub fn keys_move(&self) -> bool {
        self.scale.past.num() > 0
    }

    /// Follows an entry of the journal.
    pub fn record(&mut self, event: PastEvent, now: Stamp) {
        let touched = match &event {
            PastEvent::Began { path, .. } => Some(path.clone()),
            PastEvent::Ended { key, .. } => self.past.path_of(key).map(<[TenantName]>::to_vec),
            PastEvent::Owned(_) | PastEvent::Rebased { .. } => None,
        };
        let restates = matches!(event, PastEvent::Owned(_) | PastEvent::Rebased { .. });
        Arc::make_mut(&mut self.past).record(event);
        if restates {
            self.set_now(now);
            self.average_all();
        }
        for tenant in touched.unwrap_or_default() {
            let node = self.tree.tenant(&tenant);
            for ix in node.into_iter().chain(self.tree.leaf_of(&tenant)) {
                self.average_one(ix);
            }
        }
    }

    /// The leaf and user whose claims the end of an admission in the past lowers.
    pub fn recalled(&self, key: &AttemptKey) -> Option<(TreeIx, UserName)> {
        let leaf = self.tree.leaf_of(self.past.path_of(key)?.first()?)?;
        Some((leaf, self.past.user_of(key)?.clone()))
    }

    pub(super) fn average_all(&mut self) {
        for ix in self.tree.sound().to_vec() {
            self.average_one(ix);
        }
    }

    fn average_one(&mut self, ix: TreeIx) {
        let node = self.tree.node(ix);
        if let Some(sums) = self.averaged.get_mut(ix.row()) {
            *sums = self.past.tenant(&node.tenant, node.implicit);
        }
    }

    /// What the books have to be told of who owns how much, if anything.
    pub fn unrecorded(&self, at: Stamp) -> Option<Ownership> {
        let measures = self.pools().filter_map(|(pool, ix)| {
            let measure = self.measure(ix)?;
            Some(PoolMeasure {
                pool: pool.clone(),
                kind: measure.kind,
                factor: measure.factor,
            })
        });
        let owned = self.pools().flat_map(|(pool, at)| {
            self.tree.sound().iter().flat_map(move |&ix| {
                let node = self.tree.node(ix);
                let line = |beside_children| Owned {
                    tenant: node.tenant.clone(),
                    beside_children,
                    pool: pool.clone(),
                    nominal: self.quota(at).effective(ix).floor(),
                };
                // A tenant without children keeps all that it owns for its own jobs.
                let alone = !node.implicit && node.own_leaf.is_none();
                let whole = (!node.implicit).then(|| line(false));
                whole
                    .into_iter()
                    .chain((node.implicit || alone).then(|| line(true)))
            })
        });
        let (measures, owned) = self.past.missing(measures, owned);
        let is_told = measures.is_empty() && owned.is_empty();
        (!is_told).then_some(Ownership {
            at,
            measures,
            owned,
        })
    }
}
