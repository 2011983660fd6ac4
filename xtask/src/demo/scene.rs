//! What was seen at one moment, as the numbers that the board and the log show: pools, tenants,
//! who is first in line, purses. It draws nothing.

use std::collections::BTreeMap;

use edugrid_crds::compute_voucher::VoucherType;
use edugrid_crds::text::Money;
use edugrid_crds::visibility::{QueuePhase, QueuedJob, TenantUse};

use super::text;
use super::window::View;
use super::world::{POOLS, TREE, institution_number, place_of};

/// Institutions of the province.
pub const INSTITUTIONS: usize = 5;

/// A moment of the play.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// Jobs submitted so far.
    pub submitted: usize,
    /// Of these, those that are over.
    pub finished: usize,
    /// Of these, those that were admitted and are not over.
    pub running: usize,
    /// Of these, those that wait.
    pub waiting: usize,
    /// The pools, in order.
    pub pools: Vec<PoolLine>,
    /// The tenants, in the order of the tree.
    pub tenants: Vec<TenantLine>,
    /// Vouchers and own money, in the order of the tree.
    pub purses: Vec<Purse>,
}

/// A pool at one moment, in its units.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PoolLine {
    /// What each institution uses, in their order.
    pub used: [u32; INSTITUTIONS],
    /// Who is first in line, with the reason's sentence.
    pub first: Option<First>,
}

impl PoolLine {
    /// What all use together.
    pub fn busy(&self) -> u32 {
        self.used.iter().sum()
    }
}

/// The first one in a pool's line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct First {
    /// `namespace/name`.
    pub job: String,
    /// The reason's code.
    pub code: String,
    /// The reason's sentence, in the operator's words.
    pub sentence: String,
    /// The same in Chinese.
    pub sentence_zh: String,
}

/// A tenant and all below it, at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TenantLine {
    /// Use and quota by pool, in the order of the pools.
    pub shares: [Share; POOLS.len()],
    /// Jobs admitted and not over.
    pub running: usize,
    /// Jobs that wait, by the reason's code, the most frequent first.
    pub waiting: Vec<(String, usize)>,
}

impl TenantLine {
    /// How many jobs wait.
    pub fn waits(&self) -> usize {
        self.waiting.iter().map(|(_, count)| count).sum()
    }
}

/// A tenant's part of a pool, in its units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Used by the subtree.
    pub used: u32,
    /// Its own (Q1).
    pub own: u32,
}

/// A voucher, or a tenant's own money, in micro-yuan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purse {
    /// The voucher, or the tenant whose own money it is.
    pub name: String,
    /// Whether it is own money.
    pub own: bool,
    /// Who holds it.
    pub holder: &'static str,
    /// What there was to begin with.
    pub face: u64,
    /// Set aside for admitted jobs.
    pub held: u64,
    /// Charged, or handed on.
    pub spent: u64,
}

impl Scene {
    /// The numbers of a view.
    pub fn of(view: &View) -> Self {
        let is_waiting = |job: &&QueuedJob| job.phase == QueuePhase::Waiting;
        let waiting = view.queue.items.iter().filter(is_waiting).count();
        Self {
            submitted: view.jobs.len(),
            finished: view.finished(),
            running: view.queue.items.len() - waiting,
            waiting,
            pools: POOLS
                .iter()
                .map(|pool| pool_line(pool.name, view))
                .collect(),
            tenants: tenant_lines(view),
            purses: TREE
                .iter()
                .flat_map(|place| purses(place.name, view))
                .collect(),
        }
    }
}

impl Scene {
    /// All that wait, by the reason's code, the most frequent first.
    pub fn reasons(&self) -> Vec<(String, usize)> {
        let institutions = self.tenants.iter().zip(&TREE);
        let institutions = institutions.filter(|(_, place)| place.depth == 1);
        let mut sums = BTreeMap::<&str, usize>::new();
        for (code, count) in institutions.flat_map(|(line, _)| &line.waiting) {
            *sums.entry(code).or_default() += count;
        }
        ranked(sums)
    }
}

/// The most frequent first.
fn ranked(counts: BTreeMap<&str, usize>) -> Vec<(String, usize)> {
    let mut ranked: Vec<(String, usize)> = counts
        .into_iter()
        .map(|(code, count)| (code.to_owned(), count))
        .collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    ranked
}

fn pool_line(pool: &str, view: &View) -> PoolLine {
    let mut line = PoolLine::default();
    let here = view.queue.items.iter();
    let here = here.filter(|job| job.pool.as_deref() == Some(pool));
    let (waiting, running): (Vec<_>, Vec<_>) =
        here.partition(|job| job.phase == QueuePhase::Waiting);
    for job in running {
        let institution = tenant_of(job).and_then(institution_number);
        if let Some(used) = institution.and_then(|index| line.used.get_mut(index)) {
            *used += units(job);
        }
    }
    let place = |job: &&&QueuedJob| job.position_in_pool.unwrap_or(u64::MAX);
    line.first = waiting.iter().min_by_key(place).map(|job| first(job));
    line
}

fn first(job: &QueuedJob) -> First {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    First {
        job: format!(
            "{}/{}",
            text(&job.metadata.namespace),
            text(&job.metadata.name)
        ),
        code: text(&job.reason),
        sentence: text(&job.message),
        sentence_zh: text(&job.message_zh),
    }
}

/// The tenant that a line of the queue counts for: in this province that of its namespace.
fn tenant_of(job: &QueuedJob) -> Option<&str> {
    job.tenant.as_deref().or(job.metadata.namespace.as_deref())
}

fn units(job: &QueuedJob) -> u32 {
    let units = job
        .units
        .as_ref()
        .and_then(|units| units.text().parse().ok());
    units.unwrap_or(0)
}

fn tenant_lines(view: &View) -> Vec<TenantLine> {
    let mut lines: Vec<TenantLine> = view.uses.iter().map(own_line).collect();
    let mut reasons = vec![BTreeMap::<&str, usize>::new(); lines.len()];
    for job in &view.queue.items {
        let Some((index, _)) = tenant_of(job).and_then(place_of) else {
            continue;
        };
        for above in on_path(index) {
            if job.phase == QueuePhase::Waiting {
                let code = job.reason.as_deref().unwrap_or("new");
                *reasons[above].entry(code).or_default() += 1;
            } else if let Some(line) = lines.get_mut(above) {
                line.running += 1;
            }
        }
    }
    for (line, reasons) in lines.iter_mut().zip(reasons) {
        line.waiting = ranked(reasons);
    }
    lines
}

/// The place at `index` and those that it stands below, as indices of the tree.
fn on_path(index: usize) -> Vec<usize> {
    let mut path = Vec::new();
    let mut depth = usize::MAX;
    for (at, place) in TREE.iter().enumerate().take(index + 1).rev() {
        if place.depth < depth {
            depth = place.depth;
            path.push(at);
        }
    }
    path
}

fn own_line(uses: &TenantUse) -> TenantLine {
    let mut line = TenantLine::default();
    for (share, pool) in line.shares.iter_mut().zip(POOLS) {
        if let Some(part) = uses.pools.iter().find(|part| part.pool == pool.name) {
            share.used = part.usage.text().parse().unwrap_or(0);
            share.own = part.effective_nominal.text().parse().unwrap_or(0);
        }
    }
    line
}

/// The vouchers that a tenant holds, and its own money, into which its deposits went.
fn purses(holder: &'static str, view: &View) -> Vec<Purse> {
    let amount = |money: &Money| text::micro_yuan(money.as_str()).unwrap_or(0);
    let some = |money: &Option<Money>| money.as_ref().map_or(0, amount);
    let held = view.vouchers.items.iter();
    let grants = held.filter(|it| it.holder == holder && it.type_ != VoucherType::OwnFunds);
    let mut purses: Vec<Purse> = grants
        .map(|voucher| Purse {
            name: voucher.metadata.name.clone().unwrap_or_default(),
            own: false,
            holder,
            face: amount(&voucher.face),
            held: some(&voucher.held),
            spent: some(&voucher.spent),
        })
        .collect();
    let own = view.vouchers.own_money.iter();
    purses.extend(own.filter(|own| own.tenant == holder).map(|own| Purse {
        name: holder.to_owned(),
        own: true,
        holder,
        face: amount(&own.deposited),
        held: amount(&own.held),
        spent: amount(&own.spent),
    }));
    purses
}

#[cfg(test)]
#[path = "scene_tests.rs"]
mod tests;
