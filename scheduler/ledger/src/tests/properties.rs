//! The invariants of domain §4.15 that exist here (1–8, 9, 13, 14, 17), over random
//! lives of the books. Amounts are small and walltimes short, so that vouchers run out,
//! expire and hit their caps often.

use std::collections::BTreeSet;

use edugrid_units::{JobUid, MicroYuan, MilliUnits, Outcome, Purse, Ratio, Seconds, Stamp};
use proptest::{collection::vec, option, prelude::*};

use super::world::{World, admission, at_hour, grant, night, path, prices};
use crate::{
    Account, Answer, Caps, Command, Entry, Grant, Leg, Manifest, Phase, Refused, Replay, Segment,
    Snapshot, VoucherKind, VoucherState, replay,
};

const TENANTS: [&str; 4] = ["sdu-cs", "sdu-ee", "sdu", "prov"];

/// What happens next; indices are taken modulo what there is.
#[derive(Clone, Debug)]
enum Event {
    Wait(u64),
    Grant {
        holder: usize,
        face: u64,
        coverage: (u32, u32),
        life: Option<u64>,
        cap: Option<u64>,
    },
    Deposit {
        holder: usize,
        face: u64,
    },
    Change {
        voucher: usize,
        state: VoucherState,
    },
    Admit {
        tenant: usize,
        milli: u64,
        walltime: u64,
        keep: bool,
    },
    Start {
        attempt: usize,
        late: u64,
    },
    Alive {
        except: Option<usize>,
    },
    Due,
    Charge {
        attempt: usize,
        back: u64,
    },
    End {
        attempt: usize,
        outcome: Outcome,
        back: Option<u64>,
    },
    Forget {
        job: usize,
    },
    Commit,
}

fn event() -> impl Strategy<Value = Event> {
    let state = prop_oneof![
        Just(VoucherState::Frozen),
        Just(VoucherState::Active),
        Just(VoucherState::Revoked),
    ];
    let outcome = prop_oneof![Just(Outcome::Succeeded), Just(Outcome::Disrupted)];
    prop_oneof![
        4 => (0_u64..5000).prop_map(Event::Wait),
        2 => (0_usize..3, 1_u64..3000, (1_u32..5, 0_u32..4), option::of(1_u64..9000), option::of(1_u64..800))
            .prop_map(|(holder, face, coverage, life, cap)| Event::Grant { holder, face, coverage, life, cap }),
        2 => (0_usize..4, 1_u64..3000).prop_map(|(holder, face)| Event::Deposit { holder, face }),
        1 => (any::<usize>(), state).prop_map(|(voucher, state)| Event::Change { voucher, state }),
        6 => (0_usize..3, 1_u64..4000, 1_u64..8000, prop::bool::weighted(0.8))
            .prop_map(|(tenant, milli, walltime, keep)| Event::Admit { tenant, milli, walltime, keep }),
        4 => (any::<usize>(), 0_u64..300).prop_map(|(attempt, late)| Event::Start { attempt, late }),
        4 => option::of(any::<usize>()).prop_map(|except| Event::Alive { except }),
        3 => Just(Event::Due),
        3 => (any::<usize>(), 0_u64..3000).prop_map(|(attempt, back)| Event::Charge { attempt, back }),
        4 => (any::<usize>(), outcome, option::of(0_u64..2000))
            .prop_map(|(attempt, outcome, back)| Event::End { attempt, outcome, back }),
        2 => any::<usize>().prop_map(|job| Event::Forget { job }),
        1 => Just(Event::Commit),
    ]
}

/// A world in which a card costs 3.6 micro-yuan a second, less at night.
fn world() -> World {
    let mut world = World::new();
    // An hour before the month ends and the night begins, so that runs cross both.
    world.now = at_hour(24 * 11 - 1);
    world.stage(Command::PriceBook(prices("p2", "0.012960", vec![night()])));
    world.deposit("start", "prov", "0.002000");
    world
}

struct Life {
    world: World,
    names: u32,
}

impl Life {
    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}{}", self.names)
    }

    fn attempt(&self, index: usize) -> Option<edugrid_units::AttemptKey> {
        let keys: Vec<_> = self
            .world
            .books
            .open_attempts()
            .map(|it| it.admission.key.clone())
            .collect();
        (!keys.is_empty()).then(|| keys[index % keys.len()].clone())
    }

    /// Carries the event out; refusals are part of life, but must change nothing.
    fn live(&mut self, event: &Event) {
        let before = self.world.books.state().clone();
        let now = self.world.now;
        let command = match event.clone() {
            Event::Wait(seconds) => {
                self.world.now = now.after(Seconds(seconds));
                return;
            }
            Event::Commit => return self.world.commit(),
            Event::Due => {
                for command in self.world.books.due(now) {
                    self.world.stage(command);
                }
                return;
            }
            Event::Admit {
                tenant,
                milli,
                walltime,
                keep,
            } => {
                let name = self.name("j");
                return self.admit(&name, TENANTS[tenant], milli, walltime, keep);
            }
            Event::Grant {
                holder,
                face,
                coverage: (num, more),
                life,
                cap,
            } => {
                let name = self.name("v");
                Command::Grant(Box::new(Grant {
                    holder_path: path(TENANTS[holder]),
                    face: MicroYuan(face),
                    coverage: Ratio::new(num, num + more).expect("den is not 0"),
                    valid_until: life.map(|life| now.after(Seconds(life))),
                    caps: Caps {
                        per_job: cap.map(MicroYuan),
                        per_month: cap.map(|cap| MicroYuan(2 * cap)),
                    },
                    ..grant(&name, "1")
                }))
            }
            Event::Deposit { holder, face } => {
                let name = self.name("o");
                Command::Grant(Box::new(Grant {
                    holder_path: path(TENANTS[holder]),
                    kind: VoucherKind::OwnFunds,
                    face: MicroYuan(face),
                    funding_line: None,
                    ..grant(&name, "1")
                }))
            }
            Event::Change { voucher, state } => {
                let names: Vec<_> = self
                    .world
                    .books
                    .vouchers()
                    .map(|it| it.grant.voucher.clone())
                    .collect();
                self.names += 1;
                Command::VoucherState {
                    voucher: names[voucher % names.len()].clone(),
                    state,
                    change: i64::from(self.names),
                }
            }
            Event::Forget { job } => {
                let jobs: Vec<_> = self.world.books.jobs().cloned().collect();
                Command::Forget {
                    at: now,
                    jobs: jobs
                        .get(job % jobs.len().max(1))
                        .into_iter()
                        .cloned()
                        .collect(),
                }
            }
            Event::Alive { except } => Command::Alive {
                at: now,
                except: except
                    .and_then(|index| self.attempt(index))
                    .into_iter()
                    .collect(),
            },
            Event::Start { attempt, late } => match self.attempt(attempt) {
                Some(key) => Command::Started {
                    key,
                    at: now.after(Seconds(late)),
                },
                None => return,
            },
            Event::Charge { attempt, back } => match self.attempt(attempt) {
                Some(key) => Command::Capture {
                    key,
                    until: now.before(Seconds(back)),
                },
                None => return,
            },
            Event::End {
                attempt,
                outcome,
                back,
            } => match self.attempt(attempt) {
                Some(key) => Command::End {
                    key,
                    outcome,
                    started: None,
                    ended: back.map(|back| now.before(Seconds(back))),
                },
                None => return,
            },
        };
        let is_end = matches!(command, Command::End { .. });
        if let Err(refused) = self.world.try_stage(command) {
            assert!(!is_end, "an open attempt can always be settled: {refused}");
            assert_eq!(
                *self.world.books.state(),
                before,
                "a refusal changed something"
            );
        }
    }

    fn admit(&mut self, name: &str, tenant: &str, milli: u64, walltime: u64, keep: bool) {
        let mut job = admission(name, tenant, self.world.now);
        (job.billed, job.walltime) = (MilliUnits(milli), Seconds(walltime));
        let before = self.world.books.state().clone();
        let held = self.world.hold(&job);
        if held.is_ok() && !keep {
            assert!(self.world.books.undo(&job.key));
        }
        if held.is_err() || !keep {
            assert_eq!(*self.world.books.state(), before, "{held:?} left a trace");
        }
    }

    /// Invariants 1, 2, 3, 9 and 14, after every command.
    fn check(&self) {
        let books = &self.world.books;
        assert_eq!(books.audit(), Ok(()));
        for attempt in books.open_attempts() {
            let slices = attempt.hold.slices.iter().zip(&attempt.paid);
            for (slice, paid) in slices {
                assert!(*paid <= slice.base, "a slice paid more than it holds");
            }
        }
        for voucher in books
            .vouchers()
            .filter(|it| it.grant.kind != VoucherKind::OwnFunds)
        {
            let balance = books
                .voucher_balance(&voucher.grant.voucher)
                .expect("known");
            let parts = [
                balance.held,
                balance.spent,
                balance.returned,
                balance.available,
            ];
            assert_eq!(parts.iter().map(|part| part.0).sum::<u64>(), balance.face.0);
            let ended = voucher.expired || voucher.state == VoucherState::Revoked;
            assert!(!ended || balance.available == MicroYuan::ZERO);
            for (used, cap) in [
                (voucher.by_job.values().max(), voucher.grant.caps.per_job),
                (
                    voucher.by_month.values().max(),
                    voucher.grant.caps.per_month,
                ),
            ] {
                assert!(used.is_none() || used <= cap.as_ref(), "a cap is exceeded");
            }
        }
    }
}

fn sum(legs: &[Leg], phase: Phase, is_it: impl Fn(&Leg) -> bool) -> u64 {
    legs.iter()
        .filter(|leg| leg.phase == phase && is_it(leg))
        .map(|leg| leg.amount.0)
        .sum()
}

/// Invariant 4: what is charged and given back is the sum of the legs.
fn check_legs(entry: &Entry) {
    let refunds = |leg: &Leg| matches!(leg.debit, Account::Provider(_));
    let (captured, refunded) = (
        sum(&entry.legs, Phase::Capture, |_| true),
        sum(&entry.legs, Phase::Post, refunds),
    );
    match &entry.answer {
        Answer::Captured { charged, .. } => assert_eq!((charged.0, 0), (captured, refunded)),
        Answer::Settled(it) => {
            assert_eq!((it.last_charged.0, it.refunded.0), (captured, refunded));
            assert_eq!(it.released.0, sum(&entry.legs, Phase::Release, |_| true));
        }
        Answer::Admitted { held } => {
            assert_eq!(held.0, sum(&entry.legs, Phase::Hold, |_| true));
        }
        Answer::Done => assert_eq!(captured + refunded, 0),
    }
}

fn live(events: &[Event]) -> Life {
    let mut life = Life {
        world: world(),
        names: 0,
    };
    for event in events {
        life.live(event);
        life.check();
    }
    life.world.commit();
    life
}

fn forgotten(world: &World) -> BTreeSet<JobUid> {
    let commands = world.records.iter().map(|record| &record.entry.command);
    let jobs = commands.filter_map(|command| match command {
        Command::Forget { jobs, .. } => Some(jobs.clone()),
        _ => None,
    });
    jobs.flatten().collect()
}

/// A snapshot of the books as the first `cut` segments leave them.
fn snapshot_at(segments: &[Segment], cut: usize) -> Option<Snapshot> {
    let mut replay = Replay::new();
    for segment in &segments[..cut] {
        replay.segment(segment).expect("sound");
    }
    let frozen = replay.freeze();
    frozen.snapshot(frozen.lines().flatten().collect(), b"past".to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Invariants 1–5, 7, 8, 9, 14 over a random life.
    #[test]
    fn the_books_balance_whatever_happens(events in vec(event(), 1..60)) {
        let mut life = live(&events);
        for record in &life.world.records {
            check_legs(&record.entry);
        }
        for (key, settled) in life.world.books.state().settled.clone() {
            let payments = life.world.books.payments(&key).expect("settled");
            let vouchers: u64 = payments.vouchers.iter().map(|(_, part)| part.0).sum();
            prop_assert_eq!(vouchers + payments.own.0, settled.settlement.charged.0);
            prop_assert!(settled.settlement.charged <= settled.held);
        }
        // 8: replay gives the same books, down to the hash.
        let replayed = replay(&life.world.segments).expect("sound");
        prop_assert_eq!(replayed.state(), life.world.books.state());
        prop_assert_eq!(replayed.position(), life.world.books.position());
        // 7: every command again changes nothing.
        let before = life.world.books.state().clone();
        let forgotten = forgotten(&life.world);
        for record in life.world.records.clone() {
            let is_forgotten = record.job.as_ref().is_some_and(|job| forgotten.contains(job));
            match record.entry.command {
                // Who asks for admission of a job that is gone breaks the contract.
                Command::Epoch { .. } => {}
                Command::Admit(_) if is_forgotten => {}
                command => match life.world.try_stage(command) {
                    Ok(again) => prop_assert_eq!((again.is_new, again.answer), (false, record.entry.answer)),
                    Err(refused) => prop_assert!(is_forgotten || matches!(refused, Refused::Forgotten(_)), "{}", refused),
                },
            }
        }
        prop_assert_eq!(life.world.books.state(), &before);
    }

    /// Invariant 8, second half: from every place of a journal, snapshot and tail give the
    /// same books as all of it, down to the hash and to what they write next.
    #[test]
    fn a_snapshot_and_the_tail_are_the_whole_journal(events in vec(event(), 1..60)) {
        let life = live(&events);
        let (segments, books) = (&life.world.segments, &life.world.books);
        for cut in 1..=segments.len() {
            let snapshot = snapshot_at(segments, cut).expect("opened");
            let manifest = Manifest::from_bytes(&snapshot.manifest().to_bytes()).expect("reads");
            prop_assert_eq!(&manifest, snapshot.manifest());
            let parts: Vec<_> = snapshot.parts().map(|(_, bytes)| bytes.to_vec()).collect();
            let mut parts = parts.into_iter();
            let read = Snapshot::assemble(manifest, |_| parts.next()).expect("whole");
            prop_assert_eq!(&read, &snapshot);
            let mut replay = Replay::resume(&read).expect("sound");
            for segment in &segments[cut..] {
                replay.segment(segment).expect("follows");
            }
            let again = replay.freeze();
            let here = books.freeze().expect("durable");
            prop_assert!(again.lines().eq(here.lines()), "rows differ after a cut at {cut}");
            let resumed = replay.finish();
            prop_assert_eq!(resumed.state(), books.state());
            prop_assert_eq!(resumed.position(), books.position());
        }
    }

    /// Invariant 6: however its time is split, an attempt costs the same and is paid by
    /// the same; and where nothing expires, that is the numerator floored once.
    #[test]
    fn any_split_of_the_time_costs_the_same(
        milli in 1_u64..4000,
        seconds in 1_u64..8000,
        splits in vec(0_u64..8000, 0..6),
        late in prop_oneof![Just(0), 0_u64..600],
        life in option::of(1_u64..9000),
        (num, more) in (1_u32..5, 0_u32..4),
        face in 1_u64..40_000,
    ) {
        let run = |splits: &[u64]| {
            let mut world = world();
            world.deposit("own", "sdu", "0.200000");
            world.grant(Grant {
                face: MicroYuan(face),
                coverage: Ratio::new(num, num + more).expect("den is not 0"),
                valid_until: life.map(|life| world.now.after(Seconds(life))),
                ..grant("a", "1")
            });
            let mut job = admission("j", "sdu-cs", world.now);
            (job.billed, job.walltime) = (MilliUnits(milli), Seconds(8000));
            let start = world.now.after(Seconds(late));
            world.hold(&job).expect("own money suffices");
            world.stage(Command::Started { key: job.key.clone(), at: start });
            for split in splits {
                world.pass_to(start.after(Seconds(*split)));
                // A second charge up to the same instant is refused, as it should be.
                let _ = world.try_stage(Command::Capture { key: job.key.clone(), until: start.after(Seconds(*split)) });
            }
            world.now = start.after(Seconds(10_000));
            let settlement = world.end(&job.key, Some(start.after(Seconds(seconds))));
            let rates = crate::Rates { per_unit_hour: MicroYuan(12_960), bands: vec![night()] };
            let until = start.seconds() + i64::try_from(seconds).expect("small");
            (
                settlement.charged,
                world.books.payments(&job.key),
                rates.charge(job.billed, start.seconds(), until),
            )
        };
        let mut ascending = splits.clone();
        ascending.retain(|split| *split <= seconds);
        ascending.sort_unstable();
        let (charged, payments, exact) = run(&ascending);
        prop_assert_eq!((charged, &payments), { let it = run(&[]); (it.0, &it.1.clone()) });
        // A late start slides use past an expiry, where less may be held for it (L3).
        if late == 0 || life.is_none() {
            prop_assert_eq!(Some(charged), exact);
        } else {
            prop_assert!(Some(charged) <= exact);
        }
        // Also where an interim charge had gone beyond the end and was given back.
        let beyond = run(&[8000]);
        prop_assert_eq!((beyond.0, beyond.1), (charged, payments));
    }

    /// Invariant 13: of vouchers that differ only in their expiry, a later one pays only
    /// where the earlier ones are spent, or expire before.
    #[test]
    fn the_earlier_expiry_pays_first(
        vouchers in vec((1_u64..3000, 1_u64..12_000), 1..5),
        milli in 1_u64..4000,
    ) {
        let mut world = world();
        world.deposit("own", "sdu", "1");
        for (index, (face, life)) in vouchers.iter().enumerate() {
            world.grant(Grant {
                face: MicroYuan(*face),
                valid_until: Some(world.now.after(Seconds(*life))),
                ..grant(&format!("v{index}"), "1")
            });
        }
        let mut job = admission("j", "sdu-cs", world.now);
        (job.billed, job.walltime) = (MilliUnits(milli), Seconds(6000));
        world.hold(&job).expect("own money suffices");
        let hold = world.books.open_attempt(&job.key).expect("open").hold.clone();
        let expiries: Vec<Stamp> = hold.slices.iter().filter_map(|it| it.valid_until).collect();
        prop_assert!(expiries.is_sorted());
        let end = world.now.after(Seconds(6000));
        let mut reached = 0;
        for slice in &hold.slices {
            let Some(name) = &slice.voucher else { continue };
            reached += slice.base.0;
            let rest = world.books.voucher_balance(name).expect("known").available;
            let until = slice.valid_until.expect("all expire");
            let is_last = reached == hold.total().0;
            prop_assert!(rest == MicroYuan::ZERO || until < end || is_last);
        }
    }
}
