//! Tenants' use in the form in which people read it: a tree, each tenant with its quota, its
//! jobs and its users. Nothing is decided here; engine and books are read as they stand.

use std::{cmp::Reverse, collections::BTreeMap};

use edugrid_core::{TenantPoolView, TenantView};
use edugrid_crds::{
    labels::home_namespace,
    text::Quantity,
    visibility::{
        OwnMoney, Party, PoolUse, ReasonCount, TenantUse, TenantUseList, UserPool, UserUse,
        VoucherMoney,
    },
};
use edugrid_ledger::VoucherBalance;
use edugrid_units::{MicroYuan, MilliUnits, PoolName, ReasonCode, TenantName};

use super::{
    Desk,
    answer::{money, quantity, time},
};
use crate::visibility::{NotFound, Page};

/// Waiting jobs by reason; without one those that were not looked at yet.
type Waiting = BTreeMap<Option<ReasonCode>, u64>;

/// Jobs of one tenant, those of the tenants below not included.
#[derive(Default)]
struct OwnJobs<'a> {
    waiting: Waiting,
    users: BTreeMap<&'a str, UserJobs>,
}

#[derive(Default)]
struct UserJobs {
    running: u64,
    waiting: u64,
    usage: BTreeMap<PoolName, MilliUnits>,
}

/// The tenants as a tree, and what waits below each.
struct Uses<'a> {
    /// In whose home they are read; `None`: by somebody who may read everything.
    reader: Option<&'a TenantName>,
    views: BTreeMap<TenantName, TenantView>,
    children: BTreeMap<Option<TenantName>, Vec<TenantName>>,
    jobs: BTreeMap<TenantName, OwnJobs<'a>>,
}

impl Desk {
    /// A tenant and all below it, or all tenants.
    pub(super) fn tenant_uses(
        &self,
        home: Option<&TenantName>,
        page: &Page,
    ) -> Result<TenantUseList, NotFound> {
        if let Some(tenant) = home {
            self.known_tenant(tenant)?;
        }
        let uses = self.uses(home);
        let mut items = Vec::new();
        match home {
            Some(tenant) => {
                let namespace = home_namespace(tenant.as_str());
                self.tell_uses(&uses, tenant, Some(&namespace), 0, &mut items);
            }
            None => {
                for root in uses.children.get(&None).into_iter().flatten() {
                    self.tell_uses(&uses, root, None, 0, &mut items);
                }
            }
        }
        let name = |told: &TenantUse| told.metadata.name.clone().unwrap_or_default();
        let (items, metadata) = page.cut(items, name);
        let mut list = TenantUseList::new(self.age(), items);
        list.metadata = metadata;
        Ok(list)
    }

    fn uses<'a>(&'a self, reader: Option<&'a TenantName>) -> Uses<'a> {
        let mut children: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut views = BTreeMap::new();
        for view in self.world.tenants() {
            let below = children.entry(view.parent.clone()).or_default();
            below.push(view.name.clone());
            views.insert(view.name.clone(), view);
        }
        let mut jobs: BTreeMap<TenantName, OwnJobs<'a>> = BTreeMap::new();
        for job in self.world.waiting_jobs() {
            let own = match jobs.get_mut(job.tenant) {
                Some(own) => own,
                None => jobs.entry(job.tenant.clone()).or_default(),
            };
            let code = job.reason.map(|reason| reason.code);
            let count = own.waiting.entry(code).or_default();
            *count = count.saturating_add(1);
            let user = own.users.entry(job.submitter).or_default();
            user.waiting = user.waiting.saturating_add(1);
        }
        for attempt in self.attempts.values() {
            let admission = &attempt.admission;
            let Some(tenant) = admission.tenant() else {
                continue;
            };
            let own = jobs.entry(tenant.clone()).or_default();
            let user = own.users.entry(&admission.submitter).or_default();
            user.running = user.running.saturating_add(1);
            let usage = user.usage.entry(admission.pool.clone()).or_default();
            *usage = usage.saturating_add(admission.billed);
        }
        Uses {
            reader,
            views,
            children,
            jobs,
        }
    }

    /// Writes a tenant and all below it; returns what waits in that subtree. `namespace`
    /// is where it is read; each in its own home if there is none.
    fn tell_uses(
        &self,
        uses: &Uses<'_>,
        tenant: &TenantName,
        namespace: Option<&str>,
        depth: u32,
        items: &mut Vec<TenantUse>,
    ) -> Waiting {
        let own = uses.jobs.get(tenant);
        let mut waiting = own.map(|own| own.waiting.clone()).unwrap_or_default();
        let Some(view) = uses.views.get(tenant) else {
            return waiting;
        };
        let home = home_namespace(tenant.as_str());
        let mut told = TenantUse::new(self.age(), namespace.unwrap_or(&home), tenant.as_str());
        told.depth = depth;
        told.parent = view.parent.as_ref().map(ToString::to_string);
        (told.level, told.display_name) = self.tenants.called(tenant.as_str());
        let lines = view.pools.iter();
        let lines = lines.filter(|line| line.nominal.is_some() || line.used > MilliUnits::ZERO);
        told.pools = lines.map(|line| self.pool_use(uses, line)).collect();
        told.running = view.running.into();
        told.users = own.map(users).unwrap_or_default();
        told.vouchers = self.voucher_sum(tenant);
        told.own = self.own_money(tenant);
        let at = items.len();
        items.push(told);
        let below = uses.children.get(&Some(tenant.clone()));
        for child in below.into_iter().flatten() {
            let theirs = self.tell_uses(uses, child, namespace, depth.saturating_add(1), items);
            for (code, jobs) in theirs {
                let count = waiting.entry(code).or_default();
                *count = count.saturating_add(jobs);
            }
        }
        if let Some(told) = items.get_mut(at) {
            told.waiting = waiting.values().sum();
            told.waiting_by_reason = by_reason(&waiting);
        }
        waiting
    }

    fn pool_use(&self, uses: &Uses<'_>, line: &TenantPoolView) -> PoolUse {
        PoolUse {
            pool: line.pool.to_string(),
            nominal: quantity(line.nominal.unwrap_or(line.effective)),
            effective_nominal: quantity(line.effective),
            usage: quantity(line.used),
            borrowed: quantity(line.borrowed),
            lenders: self.parties(uses, &line.lenders),
            lent: quantity(line.lent),
            borrowers: self.parties(uses, &line.borrowers),
            stops_from: line.taking_back.as_ref().and_then(|by| by.from).map(time),
            available: Quantity::from(line.available.to_string().as_str()),
            borrowing_limit: line.borrowing_limit.map(quantity),
            average_borrowed: quantity(line.average.standard_units()),
            share: quantity(line.share.standard_units()),
        }
    }

    /// The other side of a loan: by name where the reader may know it, the rest in sum.
    fn parties(&self, uses: &Uses<'_>, parties: &[(TenantName, MilliUnits)]) -> Vec<Party> {
        let (mut told, mut others) = (Vec::new(), MilliUnits::ZERO);
        for (tenant, units) in parties {
            let known = |reader| self.relation(reader, tenant).is_some();
            if uses.reader.is_none_or(known) {
                told.push(Party {
                    tenant: Some(tenant.to_string()),
                    units: quantity(*units),
                });
            } else {
                others = others.saturating_add(*units);
            }
        }
        if others > MilliUnits::ZERO {
            told.push(Party {
                tenant: None,
                units: quantity(others),
            });
        }
        told
    }

    fn voucher_sum(&self, tenant: &TenantName) -> Option<VoucherMoney> {
        let vouchers = self.books.vouchers();
        let own = vouchers.filter(|voucher| voucher.grant.holder() == Some(tenant));
        let (mut sum, mut count) = (VoucherBalance::default(), 0_u64);
        for voucher in own.filter(|voucher| voucher.grant.funding_line.is_some()) {
            let balance = self.books.voucher_balance(&voucher.grant.voucher)?;
            count = count.saturating_add(1);
            sum.held = sum.held.saturating_add(balance.held);
            sum.spent = sum.spent.saturating_add(balance.spent);
            sum.available = sum.available.saturating_add(balance.available);
        }
        (count > 0).then(|| VoucherMoney {
            count,
            held: money(sum.held),
            spent: money(sum.spent),
            available: money(sum.available),
        })
    }

    /// The budget of a tenant into which own money was paid.
    pub(super) fn own_money(&self, tenant: &TenantName) -> Option<OwnMoney> {
        let budget = self.books.budget(tenant);
        (budget.credits_posted > MicroYuan::ZERO).then(|| OwnMoney {
            tenant: tenant.to_string(),
            deposited: money(budget.credits_posted),
            held: money(budget.debits_pending),
            spent: money(budget.debits_posted),
            available: money(budget.available()),
        })
    }
}

fn users(own: &OwnJobs<'_>) -> Vec<UserUse> {
    let told = own.users.iter().map(|(user, jobs)| UserUse {
        user: (*user).to_owned(),
        running: jobs.running,
        waiting: jobs.waiting,
        pools: jobs
            .usage
            .iter()
            .map(|(pool, usage)| UserPool {
                pool: pool.to_string(),
                usage: quantity(*usage),
            })
            .collect(),
    });
    told.collect()
}

fn by_reason(waiting: &Waiting) -> Vec<ReasonCount> {
    let told = waiting.iter();
    let told = told.filter_map(|(code, jobs)| Some(((*code)?, *jobs)));
    let mut counts: Vec<(ReasonCode, u64)> = told.collect();
    // Equal counts stay in the order of rule W.
    counts.sort_by_key(|(_, jobs)| Reverse(*jobs));
    let told = counts.into_iter().map(|(code, jobs)| ReasonCount {
        reason: code.as_str().to_owned(),
        jobs,
    });
    told.collect()
}
