//! Lives of books, made up from a seed: journals of any length in which jobs of a small
//! province are admitted, started, charged by the hour, evicted, retried and settled, while
//! vouchers come, expire, are frozen and revoked, prices change and leaders follow each other.
//!
//! For those who read journals and prove them: tests, fuzz targets and measurements need books
//! that are long and sound. The same seed gives the same bytes. It must not know how books are
//! checked; all it does goes through [`Books`], as the operator does.

mod chance;
mod example;
mod province;

use edugrid_ledger::{Algorithm, Books, Command, Segment, VoucherState};
use edugrid_units::{
    AttemptKey, HoldAsk, JobUid, Outcome, Ownership, Purse, Seconds, Stamp, TenantName, VoucherName,
};

pub use chance::Chance;
pub use example::worked_example;

/// Attempts that are open at once, so that a long life is no slower at its end.
const OPEN_MAX: usize = 64;
/// Between two steps, in seconds.
const STEP_SECONDS: (u64, u64) = (20, 100);

/// A book that lives.
///
/// Flow: [`step`](Self::step) as often as wanted; each returns what became durable.
#[derive(Debug)]
pub struct Life {
    books: Books,
    chance: Chance,
    now: Stamp,
    epoch: u64,
    /// How many jobs, vouchers and prices there were: their names.
    made: u64,
    /// Attempts that were evicted and come again.
    again: Vec<edugrid_units::Admission>,
    /// Jobs that ended and whose objects will be gone.
    ended: Vec<JobUid>,
    vouchers: Vec<VoucherName>,
    /// Of so many vouchers and prices that would come, one does.
    calm: u64,
}

impl Life {
    /// Opened, led, with prices, a funding line and money; with the segments so far.
    pub fn new(seed: u64, algorithm: Algorithm) -> (Self, Vec<Segment>) {
        let mut life = Self {
            books: Books::new(),
            chance: Chance::new(seed),
            now: Stamp::from_seconds(province::BEGIN_SECONDS),
            epoch: 0,
            made: 0,
            again: Vec::new(),
            ended: Vec::new(),
            vouchers: Vec::new(),
            calm: 1,
        };
        life.stage(Command::Open(province::opening(algorithm, life.now)));
        life.lead();
        life.stage(Command::Moved {
            epoch: life.epoch,
            cluster: province::CLUSTER.into(),
        });
        life.stage(Command::FundingLine(province::line()));
        life.stage(Command::PriceBook(province::prices(
            "prices-0",
            Stamp(0),
            6_000_000,
        )));
        for tenant in ["prov", "sdu", "lnu"] {
            let deposit = province::deposit(&format!("own-{tenant}"), tenant);
            life.stage(Command::Grant(Box::new(deposit)));
        }
        life.stage(Command::Owned(Ownership {
            at: life.now,
            ..province::ownership()
        }));
        let segments = life.commit();
        (life, segments)
    }

    /// A sound journal of at least that many entries, whole.
    pub fn journal(seed: u64, algorithm: Algorithm, entries: u64) -> Vec<Segment> {
        let (mut life, mut segments) = Self::new(seed, algorithm);
        while life.entries() < entries {
            segments.extend(life.step());
        }
        segments
    }

    /// From now on only one in so many vouchers and prices comes: they stay in the books for
    /// ever and every admission looks through them, so that very long lives would be slower at
    /// their end than any real one.
    pub fn calm(&mut self, one_in: u64) {
        self.calm = one_in.max(1);
    }

    /// The books as they are now.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// How many entries are durable.
    pub fn entries(&self) -> u64 {
        self.books.position().entries
    }

    /// Some seconds pass and what happens in them is made durable.
    pub fn step(&mut self) -> Vec<Segment> {
        let (least, most) = STEP_SECONDS;
        let seconds = self.chance.between(least, most);
        self.now = self.now.after(Seconds(seconds));
        self.seldom();
        for _ in 0..self.chance.below(4) {
            self.arrive();
        }
        self.starts();
        let except = self.silent();
        let at = self.now;
        self.stage(Command::Alive { at, except });
        for command in self.books.due(self.now) {
            self.stage(command);
        }
        self.ends();
        self.commit()
    }

    /// What comes once in hours or days.
    fn seldom(&mut self) {
        let chance = self.chance.below(600);
        // Nothing is drawn in a life that isn't calm: its journal stays the same for ever.
        if (1..=5).contains(&chance) && self.calm > 1 && self.chance.below(self.calm) > 0 {
            return;
        }
        match chance {
            0 => self.lead(),
            1 => {
                let name = self.name("prices");
                let price = 1_000_000 * self.chance.between(3, 9);
                let book = province::prices(&name, self.now, price);
                self.stage(Command::PriceBook(book));
            }
            2..=5 => {
                let name = self.name("voucher");
                let grant = province::voucher(&name, self.now, &mut self.chance);
                self.vouchers.push(grant.voucher.clone());
                self.stage(Command::Grant(Box::new(grant)));
            }
            6 | 7 => self.change_voucher(),
            8 => {
                let half_life = Seconds(self.chance.between(3600, 604_800));
                self.stage(Command::Rebase {
                    at: self.now,
                    half_life,
                });
            }
            9 => {
                let (at, jobs) = (self.now, std::mem::take(&mut self.ended));
                self.stage(Command::Forget { at, jobs });
            }
            _ => {}
        }
    }

    fn lead(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
        self.stage(Command::Epoch {
            epoch: self.epoch,
            writer: format!("leader-{}", self.epoch),
        });
    }

    fn change_voucher(&mut self) {
        let Some(voucher) = self.chance.pick(&self.vouchers).cloned() else {
            return;
        };
        let states = [
            VoucherState::Frozen,
            VoucherState::Active,
            VoucherState::Revoked,
        ];
        let state = self
            .chance
            .pick(&states)
            .copied()
            .unwrap_or(VoucherState::Active);
        self.made = self.made.saturating_add(1);
        let change = i64::try_from(self.made).unwrap_or(i64::MAX);
        self.stage(Command::VoucherState {
            voucher,
            state,
            change,
        });
    }

    /// A job is admitted, if somebody can pay for it: a new one, or one that was evicted.
    fn arrive(&mut self) {
        if self.books.open_attempts().count() >= OPEN_MAX {
            return;
        }
        let admission = match self.again.pop() {
            Some(mut admission) => {
                admission.key.attempt = admission.key.attempt.saturating_add(1);
                admission.at = self.now;
                admission
            }
            None => {
                self.made = self.made.saturating_add(1);
                province::admission(self.made, self.now, &mut self.chance)
            }
        };
        let provider = TenantName::from("lnu");
        let own_pool = admission.path.contains(&provider);
        let ask = HoldAsk {
            admission: &admission,
            price_tier: "standard",
            provider: &provider,
            own_pool,
            vouchers: &[],
            max_cost: None,
        };
        // Who can't pay is turned away; sometimes the plan is taken back.
        if self.books.try_hold(self.now, &ask).is_ok() && self.chance.below(40) == 0 {
            self.books.undo(&admission.key);
        }
    }

    /// Most of what was admitted starts a little later, some of it elsewhere than planned.
    fn starts(&mut self) {
        let waiting: Vec<_> = self
            .books
            .open_attempts()
            .filter(|it| it.started.is_none() && it.stopping.is_none())
            .map(|it| (it.admission.key.clone(), it.admission.placement.clone()))
            .collect();
        for (key, mut placement) in waiting {
            if self.chance.below(5) == 0 {
                for role in &mut placement {
                    role.nodes = vec![("n-other".into(), role.replicas())];
                }
                self.stage(Command::Bound {
                    key: key.clone(),
                    placement,
                });
            }
            if self.chance.below(3) > 0 {
                let at = self.now.before(Seconds(self.chance.below(10)));
                self.stage(Command::Started { key, at });
            }
        }
    }

    /// Attempts of which nobody knows whether they run: now and then one.
    fn silent(&mut self) -> Vec<AttemptKey> {
        if self.chance.below(10) > 0 {
            return Vec::new();
        }
        self.keys(|_| true).into_iter().take(1).collect()
    }

    fn keys(&self, which: impl Fn(&edugrid_ledger::OpenAttempt) -> bool) -> Vec<AttemptKey> {
        let chosen = self.books.open_attempts().filter(|it| which(it));
        chosen.map(|it| it.admission.key.clone()).collect()
    }

    /// Some end by themselves, at their walltime, or because they are stopped or lost.
    fn ends(&mut self) {
        let now = self.now;
        let over = |it: &edugrid_ledger::OpenAttempt| {
            it.started
                .is_some_and(|at| at.after(it.admission.walltime) <= now)
        };
        for key in self.keys(over) {
            self.stage(Command::Stop {
                key: key.clone(),
                outcome: Outcome::Walltime,
            });
            self.end(key, Outcome::Walltime, Some(now));
        }
        for key in self.keys(|_| true) {
            let seconds = Seconds(self.chance.below(30));
            match self.chance.below(200) {
                0 | 1 => self.end(key, Outcome::Succeeded, Some(now.before(seconds))),
                2 => self.end(key, Outcome::Failed, Some(now)),
                3 => self.end(key, Outcome::Disrupted, None),
                4 => {
                    self.evicted(&key);
                    self.stage(Command::Stop {
                        key: key.clone(),
                        outcome: Outcome::QuotaCut,
                    });
                    self.end(key, Outcome::QuotaCut, Some(now));
                }
                _ => {}
            }
        }
    }

    fn evicted(&mut self, key: &AttemptKey) {
        if let Some(attempt) = self.books.open_attempt(key) {
            self.again.push(attempt.admission.clone());
        }
    }

    fn end(&mut self, key: AttemptKey, outcome: Outcome, ended: Option<Stamp>) {
        if outcome != Outcome::QuotaCut {
            self.ended.push(key.job.clone());
        }
        self.stage(Command::End {
            key,
            outcome,
            started: None,
            ended,
        });
    }

    fn name(&mut self, kind: &str) -> String {
        self.made = self.made.saturating_add(1);
        format!("{kind}-{}", self.made)
    }

    /// What the books refuse, such as money that a line doesn't have, doesn't happen.
    fn stage(&mut self, command: Command) {
        let _refused_or_not = self.books.stage(self.now, command);
    }

    fn commit(&mut self) -> Vec<Segment> {
        let mut segments = Vec::new();
        while let Some(batch) = self.books.take_batch() {
            let segment = batch.segment().clone();
            if self.books.committed(segment.sequence).is_ok() {
                segments.push(segment);
            }
        }
        segments
    }
}

/// The exported form of segments: their payloads, one after the other (L11).
pub fn export(segments: &[Segment]) -> Vec<u8> {
    segments
        .iter()
        .flat_map(|segment| segment.payload.iter().copied())
        .collect()
}

/// The lines of an export with other bodies and hashes that follow again: what somebody would
/// write who wants to lie and knows how the chain is made. A line that is none is kept.
pub fn rehashed(
    algorithm: Algorithm,
    export: &[u8],
    mut alter: impl FnMut(&str) -> String,
) -> Vec<u8> {
    let mut lie = Vec::with_capacity(export.len());
    let mut previous = None;
    for line in export.split_inclusive(|byte| *byte == b'\n') {
        let whole = edugrid_ledger::Line::parse(line.strip_suffix(b"\n").unwrap_or(line));
        let Some(parsed) = whole else {
            lie.extend_from_slice(line);
            continue;
        };
        let body = alter(&String::from_utf8_lossy(parsed.body));
        let before = previous.unwrap_or_else(|| algorithm.genesis(province::BOOK));
        let hash = algorithm.link(&before, body.as_bytes());
        previous = Some(hash);
        let altered = edugrid_ledger::Line {
            sequence: parsed.sequence,
            hash,
            body: body.as_bytes(),
        };
        lie.extend_from_slice(&altered.write());
        lie.push(b'\n');
    }
    lie
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use edugrid_ledger::{Entry, Line, verify};

    use super::*;

    #[test]
    fn a_life_is_sound_and_the_same_for_the_same_seed() {
        let journal = Life::journal(1, Algorithm::Sm3, 3000);
        let verified = verify(&journal).expect("sound");
        assert!(verified.entries >= 3000);
        assert_eq!(journal, Life::journal(1, Algorithm::Sm3, 3000));
        assert_ne!(journal, Life::journal(2, Algorithm::Sm3, 3000));
    }

    /// What a proof has to understand happens in every long life.
    #[test]
    fn a_life_holds_every_command() {
        let journal = Life::journal(3, Algorithm::Sha256, 20_000);
        let export = export(&journal);
        let verbs: BTreeSet<_> = export
            .split(|byte| *byte == b'\n')
            .filter_map(Line::parse)
            .filter_map(|line| Some(Entry::parse(line.body).ok()?.command.verb()))
            .collect();
        assert_eq!(verbs.len(), 18, "{verbs:?}");
        let text = String::from_utf8_lossy(&export);
        for phase in ["Post", "Hold", "Capture", "Release"] {
            assert!(text.contains(&format!("\"phase\":\"{phase}\"")), "{phase}");
        }
        for account in ["expired:", "revoked:", "budget:", "grant:", "external"] {
            assert!(text.contains(account), "{account}");
        }
    }

    #[test]
    fn a_lie_that_changes_nothing_is_the_same_book() {
        let book = export(&worked_example());
        let same = rehashed(Algorithm::Sha256, &book, str::to_owned);
        assert_eq!(same, book);
    }
}
