//! What the books know after their entries: a function of them alone (N2). Staging,
//! batches and stores are the rooms around it.
//!
//! Every command goes through three steps: [`judge`](State::judge) says what it would
//! lead to and changes nothing; accounts post all its legs or none; [`carry`](State::carry)
//! writes down the rest and can't fail.

mod forget;
mod funds;
mod judge;
mod known;
mod prices;
mod settle;

pub(crate) use known::{Done, Known};

use std::collections::{BTreeMap, BTreeSet};

use edugrid_units::{
    Admission, AttemptKey, FundingLineName, JobUid, MicroYuan, Stamp, TenantName, VoucherName,
};

use crate::{
    account::{Account, Accounts, Before, Leg},
    calendar::Month,
    chain::{Algorithm, Digest},
    command::{Admit, Command, CommandId, Opening},
    entry::{Answer, Entry, Record},
    hold::Hold,
    refused::Refused,
    segment::PAYLOAD_BYTES_MAX,
    state::{
        prices::PriceBooks,
        settle::{Settling, free_caps},
    },
    voucher::{FundingLine, Voucher},
    wire,
};

/// An attempt that was admitted and hasn't ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAttempt {
    /// What was decided; its placement is the bound one as soon as that is known (P7).
    pub admission: Admission,
    /// What is held for it.
    pub hold: Hold,
    /// The epoch of the leader that decided.
    pub epoch: u64,
    /// The entry that admitted it.
    pub entry: u64,
    /// The start of its charged interval (A5).
    pub started: Option<Stamp>,
    /// The last instant at which it is known to have run (A2).
    pub confirmed: Option<Stamp>,
    /// What it will have ended as and since when, once it is being stopped.
    pub stopping: Option<(edugrid_units::Outcome, Stamp)>,
    /// Until when its use is charged.
    pub charged_until: Option<Stamp>,
    /// What each slice has paid.
    pub(crate) paid: Vec<MicroYuan>,
    /// Which slices have expired and been released.
    pub(crate) closed: Vec<bool>,
    /// The month of its admission, for caps.
    pub(crate) month: Month,
}

impl OpenAttempt {
    /// What was charged so far.
    pub fn charged(&self) -> MicroYuan {
        self.paid
            .iter()
            .fold(MicroYuan::ZERO, |sum, paid| sum.saturating_add(*paid))
    }
}

/// What each voucher and own money paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payments {
    /// By voucher, in the order of the hold.
    pub vouchers: Vec<(VoucherName, MicroYuan)>,
    /// From own money.
    pub own: MicroYuan,
}

/// An attempt that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledAttempt {
    /// What was decided; its placement is the bound one as soon as that was known (P7).
    pub admission: Admission,
    /// What it cost and for which time.
    pub settlement: crate::entry::Settlement,
    /// How it ended.
    pub outcome: edugrid_units::Outcome,
    /// All that was held for it.
    pub held: MicroYuan,
    /// Who paid what.
    pub payments: Payments,
}

/// What a command would lead to.
struct Effect {
    answer: Answer,
    legs: Vec<Leg>,
    month: Month,
    tenants: Vec<TenantName>,
    settling: Option<Settling>,
}

/// What the last `Admit` changed, to take it back exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undo {
    accounts: Before,
    last_attempt: Option<u32>,
    last_at: Option<Stamp>,
    head: Digest,
}

/// How a command was received.
pub(crate) enum Carried {
    /// It was in the books before.
    Known { entry: u64, answer: Answer },
    /// It is new; with what takes it back where it is an `Admit`.
    New(Box<Record>, Option<Undo>),
}

/// All of it. Equal states answer and write alike, for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub opening: Option<Opening>,
    pub epoch: u64,
    pub writer: String,
    pub accounts: Accounts,
    pub lines: BTreeMap<FundingLineName, FundingLine>,
    pub prices: PriceBooks,
    pub vouchers: BTreeMap<VoucherName, Voucher>,
    /// The vouchers that may pay, or may again.
    pub held_by: BTreeMap<TenantName, BTreeSet<VoucherName>>,
    pub open: BTreeMap<AttemptKey, OpenAttempt>,
    pub settled: BTreeMap<AttemptKey, SettledAttempt>,
    pub last_attempts: BTreeMap<JobUid, BTreeMap<u32, u32>>,
    pub known: Known,
    /// The cluster in which the book lives.
    pub cluster: Option<String>,
    pub last_at: Option<Stamp>,
    pub entries: u64,
    pub head: Digest,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            opening: None,
            epoch: 0,
            writer: String::new(),
            accounts: Accounts::default(),
            lines: BTreeMap::new(),
            prices: PriceBooks::default(),
            vouchers: BTreeMap::new(),
            held_by: BTreeMap::new(),
            open: BTreeMap::new(),
            settled: BTreeMap::new(),
            last_attempts: BTreeMap::new(),
            known: Known::default(),
            cluster: None,
            last_at: None,
            entries: 0,
            head: Digest([0; 32]),
        }
    }

    /// The instant at which a command given at `now` is written: the books' time never
    /// stands still or goes back (N2).
    pub(crate) fn tick(&self, now: Stamp) -> Stamp {
        match self.last_at {
            Some(last) if now <= last => Stamp(last.0.saturating_add(1)),
            _ => now,
        }
    }

    /// Writes a command at `at`, which must be after the last entry.
    pub(crate) fn execute(&mut self, at: Stamp, command: Command) -> Result<Carried, Refused> {
        let algorithm = match (&self.opening, &command) {
            (Some(opening), _) => opening.algorithm,
            (None, Command::Open(opening)) => opening.algorithm,
            (None, _) => return Err(Refused::NotOpened),
        };
        let id = command.id();
        let written = wire::canonical(&command);
        let digest = algorithm.digest(&written);
        if let Some(done) = self.known.get(&command, id) {
            return if done.digest == digest {
                Ok(Carried::Known {
                    entry: done.entry,
                    answer: done.answer.clone(),
                })
            } else {
                Err(Refused::IdReused {
                    verb: command.verb(),
                    id: id.to_string(),
                })
            };
        }
        let Effect {
            answer,
            legs,
            month,
            tenants,
            settling,
        } = self.judge(at, &command)?;
        let previous = self.previous(algorithm, &command);
        let entry = Entry {
            sequence: self.entries,
            at,
            id,
            command,
            answer,
            legs,
        };
        let body = wire::encode(&entry, &written);
        let hash = algorithm.link(&previous, &body);
        let record = Record {
            job: entry.command.attempt().map(|key| key.job.clone()),
            month,
            tenants,
            entry,
            body,
            previous,
            hash,
        };
        check_size(&record)?;
        let undo = self.undo_of(&record.entry);
        self.accounts.post(&record.entry.legs)?;
        let done = Done {
            digest,
            entry: record.entry.sequence,
            answer: record.entry.answer.clone(),
        };
        self.known.insert(&record.entry.command, id, done);
        self.last_at = Some(at);
        self.entries = self.entries.saturating_add(1);
        self.head = record.hash;
        self.carry(&record.entry, settling);
        self.carry_returns(&record.entry.legs);
        Ok(Carried::New(Box::new(record), undo))
    }

    /// The hash before the next entry: before the first one, that of the book's id.
    fn previous(&self, algorithm: Algorithm, command: &Command) -> Digest {
        match command {
            Command::Open(opening) => algorithm.genesis(&opening.book),
            _ => self.head,
        }
    }

    /// Notes what each voucher hands back to its line.
    fn carry_returns(&mut self, legs: &[Leg]) {
        for leg in legs {
            if let (Account::Grant(name), Account::Expired(_) | Account::Revoked(_)) =
                (&leg.debit, &leg.credit)
                && let Some(voucher) = self.vouchers.get_mut(name)
            {
                voucher.returned = voucher.returned.saturating_add(leg.amount);
            }
        }
    }

    /// Writes down what isn't money. Everything was checked by `judge`.
    fn carry(&mut self, entry: &Entry, settling: Option<Settling>) {
        match &entry.command {
            Command::Open(opening) => self.opening = Some(opening.clone()),
            Command::Epoch { epoch, writer } => {
                self.epoch = *epoch;
                self.writer.clone_from(writer);
            }
            Command::FundingLine(line) => {
                self.lines.insert(line.name.clone(), line.clone());
            }
            Command::PriceBook(book) => {
                self.prices.insert(book.name.clone(), book.clone());
            }
            Command::Grant(grant) => {
                self.put_voucher(Voucher::new(grant.as_ref().clone()));
            }
            Command::VoucherState { voucher, state, .. } => {
                if let Some(voucher) = self.vouchers.get_mut(voucher) {
                    voucher.state = *state;
                }
                self.let_go(voucher);
            }
            Command::Expire { voucher } => {
                if let Some(voucher) = self.vouchers.get_mut(voucher) {
                    voucher.expired = true;
                }
                self.let_go(voucher);
            }
            Command::Admit(admit) => self.carry_admit(entry, admit),
            Command::Bound { key, placement } => {
                if let Some(attempt) = self.open.get_mut(key) {
                    attempt.admission.placement.clone_from(placement);
                }
            }
            Command::Started { key, at } => {
                if let Some(attempt) = self.open.get_mut(key) {
                    attempt.started = Some(*at);
                    attempt.confirmed = Some(*at);
                }
            }
            Command::Stop { key, outcome } => {
                if let Some(attempt) = self.open.get_mut(key) {
                    attempt.stopping = Some((*outcome, entry.at));
                }
            }
            Command::Alive { at, except } => self.carry_alive(*at, except),
            // Who reads the entries counts with them; the books only keep them.
            Command::Owned(_) | Command::Rebase { .. } => {}
            Command::Moved { cluster, .. } => self.cluster = Some(cluster.clone()),
            Command::Forget { at, jobs } => self.carry_forget(*at, jobs),
            Command::Capture { key, .. } => self.carry_capture(key, settling),
            Command::End { key, outcome, .. } => {
                self.carry_end(key, *outcome, &entry.answer, settling);
            }
        }
    }

    /// Takes a voucher in, and notes who holds it.
    pub(crate) fn put_voucher(&mut self, voucher: Voucher) {
        let name = voucher.grant.voucher.clone();
        if let Some(holder) = voucher.grant.holder()
            && !voucher.is_over()
        {
            let held = self.held_by.entry(holder.clone()).or_default();
            held.insert(name.clone());
        }
        self.vouchers.insert(name, voucher);
    }

    /// Who holds a voucher that is over is noted no more: nobody looks through it again.
    fn let_go(&mut self, name: &VoucherName) {
        let over = self.vouchers.get(name).filter(|voucher| voucher.is_over());
        let Some(holder) = over.and_then(|voucher| voucher.grant.holder()) else {
            return;
        };
        if let Some(held) = self.held_by.get_mut(holder) {
            held.remove(name);
            if held.is_empty() {
                self.held_by.remove(holder);
            }
        }
    }

    fn carry_admit(&mut self, entry: &Entry, admit: &Admit) {
        let (key, month) = (admit.admission.key.clone(), Month::of(entry.at));
        for slice in &admit.hold.slices {
            let voucher = slice
                .voucher
                .as_ref()
                .and_then(|it| self.vouchers.get_mut(it));
            if let Some(voucher) = voucher {
                voucher.count(&key.job, month, slice.split(slice.base).0);
            }
        }
        let tasks = self.last_attempts.entry(key.job.clone()).or_default();
        tasks.insert(key.task, key.attempt);
        let slices = admit.hold.slices.len();
        self.open.insert(
            key,
            OpenAttempt {
                admission: admit.admission.clone(),
                hold: admit.hold.clone(),
                epoch: admit.epoch,
                entry: entry.sequence,
                started: None,
                confirmed: None,
                stopping: None,
                charged_until: None,
                paid: vec![MicroYuan::ZERO; slices],
                closed: vec![false; slices],
                month,
            },
        );
    }

    fn carry_alive(&mut self, at: Stamp, except: &[AttemptKey]) {
        let except: BTreeSet<_> = except.iter().collect();
        for (key, attempt) in &mut self.open {
            if !except.contains(key) {
                attempt.confirmed = attempt.confirmed.map(|seen| seen.max(at));
            }
        }
    }

    /// What takes an `Admit` back; called before anything of it is written.
    fn undo_of(&self, entry: &Entry) -> Option<Undo> {
        let Command::Admit(admit) = &entry.command else {
            return None;
        };
        let key = &admit.admission.key;
        Some(Undo {
            accounts: self.accounts.before(&entry.legs),
            last_attempt: self.last_attempt(&key.job, key.task),
            last_at: self.last_at,
            head: self.head,
        })
    }

    /// Takes the last entry back, which must be the `Admit` of `key`.
    pub(crate) fn undo(&mut self, key: &AttemptKey, id: &CommandId, undo: Undo) {
        if let Some(attempt) = self.open.remove(key) {
            let slices = &attempt.hold.slices;
            let granted = slices.iter().map(|slice| slice.split(slice.base).0);
            free_caps(&mut self.vouchers, key, attempt.month, slices, granted);
        }
        let tasks = self.last_attempts.entry(key.job.clone()).or_default();
        match undo.last_attempt {
            Some(last) => tasks.insert(key.task, last),
            None => tasks.remove(&key.task),
        };
        if tasks.is_empty() {
            self.last_attempts.remove(&key.job);
        }
        self.accounts.restore(undo.accounts);
        self.known.remove(&key.job, id);
        self.last_at = undo.last_at;
        self.entries = self.entries.saturating_sub(1);
        self.head = undo.head;
    }

    /// The last attempt of a task that was decided, ended or not (A2).
    pub(crate) fn last_attempt(&self, job: &JobUid, task: u32) -> Option<u32> {
        self.last_attempts.get(job)?.get(&task).copied()
    }

    /// The attempt's open admission.
    pub(crate) fn attempt(&self, key: &AttemptKey) -> Result<&OpenAttempt, Refused> {
        self.open
            .get(key)
            .ok_or_else(|| Refused::UnknownAttempt(key.clone()))
    }
}

/// An entry that no segment holds is refused before anything of it is carried out.
fn check_size(record: &Record) -> Result<(), Refused> {
    let bytes = record.taken_apart().bytes().saturating_add(1);
    if bytes > PAYLOAD_BYTES_MAX {
        return Err(Refused::TooLarge {
            bytes,
            max: PAYLOAD_BYTES_MAX,
        });
    }
    Ok(())
}
