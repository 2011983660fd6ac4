//! What the play came to: who got what, who waited for what, and what it cost whom, as tables. It
//! must not know how the play went on; whether objects and books agree is `agreement.rs`'s.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use edugrid_crds::ComputeJob;
use edugrid_crds::visibility::{Statement, VirtualClock};
use edugrid_units::ReasonCode;
use jiff::Timestamp;

use super::scene::{Purse, Scene};
use super::text;
use super::trace::Job;
use super::waits::Waits;
use super::words::Language;
use super::world::{MEMBERS, POOLS, TREE, subtree};

/// The statements of every member, by its tenant.
pub type Statements = BTreeMap<&'static str, Vec<Statement>>;

/// What a tenant's jobs came to, in virtual seconds, unit-seconds and micro-yuan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sums {
    jobs: usize,
    waits: Vec<u64>,
    used: [u64; POOLS.len()],
    vouchers: u64,
    own: u64,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.jobs += other.jobs;
        self.waits.extend(&other.waits);
        for (sum, used) in self.used.iter_mut().zip(other.used) {
            *sum += used;
        }
        self.vouchers += other.vouchers;
        self.own += other.own;
    }

    fn cells(&self) -> Vec<String> {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        // The lower median: half of the jobs waited that long or less.
        let half = waits.len().saturating_sub(1) / 2;
        let wait =
            |wait: Option<&u64>| wait.map_or_else(|| "-".to_owned(), |it| text::minutes(*it));
        let mut cells = vec![
            self.jobs.to_string(),
            wait(waits.get(half)),
            wait(waits.last()),
        ];
        cells.extend(self.used.map(text::hours));
        cells.extend([self.vouchers + self.own, self.vouchers, self.own].map(text::fen));
        cells
    }
}

/// Who got what: a line for every tenant of the tree with all below it, and a last one for all.
///
/// # Errors
/// If a statement holds an amount that is none.
pub fn who_got_what(
    played: &[Job],
    jobs: &[ComputeJob],
    statements: &Statements,
    clock: Option<&VirtualClock>,
    language: Language,
) -> Result<String> {
    let mut members = BTreeMap::new();
    for member in MEMBERS {
        let months = statements.get(member.tenant).map_or(&[][..], Vec::as_slice);
        let mut sums = charged(months)?;
        for job in jobs
            .iter()
            .filter(|job| job.metadata.namespace.as_deref() == Some(member.tenant))
        {
            sums.jobs += 1;
            sums.waits.extend(wait(job, played, clock));
        }
        members.insert(member.tenant, sums);
    }
    let of = |places: &[super::world::Place]| {
        let mut sums = Sums::default();
        for below in places.iter().filter_map(|place| members.get(place.name)) {
            sums.add(below);
        }
        sums
    };
    let mut rows = vec![head(language)];
    for (index, place) in TREE.iter().enumerate() {
        let name = format!("{}{}", "  ".repeat(place.depth - 1), place.name);
        let mut row = vec![name, place.called(language).to_owned()];
        row.extend(of(subtree(index)).cells());
        rows.push(row);
    }
    let mut row = vec![language.pick(["all", "合计"]).to_owned(), String::new()];
    row.extend(of(&TREE).cells());
    rows.push(row);
    Ok(text::table(&rows, 2))
}

fn head(language: Language) -> Vec<String> {
    let words = [
        ["TENANT", "租户"],
        ["", ""],
        ["JOBS", "作业"],
        ["MEDIAN WAIT", "等待中位数"],
        ["LONGEST", "最长等待"],
    ];
    let mut head: Vec<String> = words.map(|pair| language.pick(pair).to_owned()).to_vec();
    head.extend(POOLS.map(|pool| {
        let unit = language.pick([pool.unit[0].trim_end_matches('s'), pool.unit[1]]);
        format!("{} {unit}{}", pool.name, language.pick(["-h", "时"]))
    }));
    let money = [
        ["COST", "费用"],
        ["BY VOUCHERS", "算力券支付"],
        ["OWN MONEY", "自有资金"],
    ];
    head.extend(money.map(|pair| language.pick(pair).to_owned()));
    head
}

/// What the books charged.
fn charged(months: &[Statement]) -> Result<Sums> {
    let mut sums = Sums::default();
    for movement in months.iter().flat_map(|month| &month.movements) {
        let pool = POOLS.iter().position(|pool| pool.name == movement.pool);
        let units: u64 = movement.units.text().parse().unwrap_or(0);
        if let Some(used) = pool.and_then(|pool| sums.used.get_mut(pool)) {
            *used += units * movement.seconds;
        }
        for share in &movement.vouchers {
            sums.vouchers += amount(share.amount.as_str())?;
        }
        sums.own += amount(movement.own.as_str())?;
    }
    Ok(sums)
}

/// Reads an amount in yuan.
///
/// # Errors
/// If it is none.
pub fn amount(text: &str) -> Result<u64> {
    text::micro_yuan(text).with_context(|| format!("\"{text}\" is no amount in yuan"))
}

/// How long a job waited for its start while nothing of its user's own kept it back.
fn wait(job: &ComputeJob, played: &[Job], clock: Option<&VirtualClock>) -> Option<u64> {
    let name = job.metadata.name.as_deref()?;
    let kept_back = played.iter().find(|it| it.name() == name)?.delay.seconds();
    let attempts = job.status.iter().flat_map(|status| &status.attempts);
    let start = attempts
        .filter_map(|attempt| attempt.started_at.as_ref())
        .next()?;
    let created = job.metadata.creation_timestamp.as_ref()?;
    let whole = seconds(text::in_virtual_time(created.0, clock), start.0);
    Some(whole.saturating_sub(kept_back))
}

/// From one instant to a later one; nothing where the stamps are too coarse to tell them apart.
fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

/// Who waited for what: for every member the hours that its jobs waited by reason, and the job that
/// waited longest, with what it was told.
pub fn who_waited(waits: &Waits, language: Language) -> String {
    let mut text = String::new();
    for member in MEMBERS {
        let waited = waits.of(member.tenant);
        let mut sums = BTreeMap::<&str, (u64, usize)>::new();
        for wait in &waited {
            for (code, seconds) in wait.seconds.iter().filter(|(_, seconds)| **seconds > 0) {
                let sum = sums.entry(code).or_default();
                sum.0 += seconds;
                sum.1 += 1;
            }
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by_key(|(_, (seconds, _))| std::cmp::Reverse(*seconds));
        let parts: Vec<String> = sums
            .iter()
            .map(|(code, (seconds, count))| {
                let jobs = match (language, count) {
                    (Language::Zh, _) => " 个作业",
                    (Language::En, 1) => " job",
                    (Language::En, _) => " jobs",
                };
                format!("{code} {} ({count}{jobs})", text::minutes(*seconds))
            })
            .collect();
        let nobody = language.pick(["nobody waited", "无人等待"]);
        let parts = match parts.is_empty() {
            true => nobody.to_owned(),
            false => parts.join(", "),
        };
        text += &format!("  {} {parts}\n", text::fit(member.tenant, 10));
        // What its own user held back says nothing about the others.
        let longest = waited.iter().filter(|wait| wait.for_others() > 0);
        if let Some(longest) = longest.max_by_key(|wait| wait.for_others()) {
            let label = language.pick(["longest", "最久"]);
            let [english, chinese] = &longest.sentence;
            let sentence = language.pick([english, chinese]);
            text += &format!(
                "  {}   {label}: {} {}: {}\n",
                " ".repeat(10),
                longest.name,
                text::minutes(longest.for_others()),
                sentence,
            );
        }
    }
    text
}

/// What is left in the purses: vouchers and own money of every holder.
pub fn purses(scene: &Scene, language: Language) -> String {
    let words = [
        ["VOUCHER", "算力券"],
        ["HOLDER", "持有者"],
        ["FACE", "面额"],
        ["SPENT", "已用"],
        ["HELD", "冻结"],
        ["LEFT", "余额"],
    ];
    let mut rows = vec![words.map(|pair| language.pick(pair).to_owned()).to_vec()];
    for purse in &scene.purses {
        let Purse {
            face, held, spent, ..
        } = *purse;
        let name = match purse.own {
            true => language.pick(["own money", "自有资金"]).to_owned(),
            false => purse.name.clone(),
        };
        let left = face.saturating_sub(held).saturating_sub(spent);
        let mut row = vec![name, purse.holder.to_owned()];
        row.extend([face, spent, held, left].map(text::fen));
        rows.push(row);
    }
    text::table(&rows, 2)
}

/// What the reasons that were seen mean, and what whoever waits can do.
pub fn meanings(waits: &Waits, language: Language) -> String {
    let known = ReasonCode::ALL.iter();
    let seen = known.filter(|code| waits.codes().iter().any(|it| it == code.as_str()));
    let rows: Vec<Vec<String>> = seen
        .map(|code| {
            let words = [
                code.meaning(language.of_reasons()),
                code.way_out(language.of_reasons()),
            ];
            let words = words.join(language.pick(["; ", "；"]));
            vec![format!("  {code}"), words]
        })
        .collect();
    text::table(&rows, 2)
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
