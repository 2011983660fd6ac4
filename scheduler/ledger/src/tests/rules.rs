//! One rule, one world.

use edugrid_units::{
    MicroYuan, MilliUnits, Outcome, Ownership, Purse, Ratio, Seconds, Shortage, Stamp, TenantName,
};

use super::world::{HOUR, World, admission, at_hour, grant, key, path, prices, yuan};
use crate::{
    Account, Answer, Books, Caps, Command, FundingLine, Grant, Refused, Scope, VoucherKind,
    VoucherState,
};

fn payers(world: &World, job: &str) -> Vec<String> {
    let attempt = world.books.open_attempt(&key(job, 1)).expect("open");
    let slices = attempt.hold.slices.iter();
    slices
        .map(|slice| {
            slice
                .voucher
                .as_ref()
                .map_or("own".into(), ToString::to_string)
        })
        .collect()
}

fn state(name: &str, state: VoucherState, change: i64) -> Command {
    Command::VoucherState {
        voucher: name.into(),
        state,
        change,
    }
}

/// L2: priority, earliest expiry, narrowest scope, highest coverage, smallest rest, name.
#[test]
fn vouchers_pay_in_their_order() {
    let half = Ratio::new(1, 2).expect("den is not 0");
    let narrow = Scope {
        pools: vec!["a100".into()],
        classes: Vec::new(),
    };
    let late = Some(at_hour(900));
    let worlds: [(&str, Grant, Grant); 6] = [
        (
            "priority",
            Grant {
                priority: 31,
                ..grant("a", "10")
            },
            grant("b", "20"),
        ),
        (
            "expiry",
            grant("a", "10"),
            Grant {
                valid_until: late,
                ..grant("b", "20")
            },
        ),
        (
            "scope",
            grant("a", "10"),
            Grant {
                scope: narrow,
                ..grant("b", "20")
            },
        ),
        (
            "coverage",
            Grant {
                coverage: half,
                ..grant("a", "10")
            },
            grant("b", "20"),
        ),
        ("rest", grant("a", "20"), grant("b", "10")),
        ("name", grant("z", "10"), grant("b", "10")),
    ];
    for (rule, second, first) in worlds {
        let mut world = World::new();
        world.deposit("own", "sdu", "1000");
        let order = [
            first.voucher.to_string(),
            second.voucher.to_string(),
            "own".into(),
        ];
        world.grant(second);
        world.grant(first);
        world
            .hold(&admission("j", "sdu-cs", world.now))
            .expect("enough");
        assert_eq!(payers(&world, "j"), order, "{rule}");
    }
}

#[test]
fn named_vouchers_pay_in_the_users_order_and_no_others() {
    let mut world = World::new();
    world.deposit("own", "sdu", "1000");
    for (name, priority) in [("a", 1), ("b", 2), ("c", 3)] {
        world.grant(Grant {
            priority,
            ..grant(name, "10")
        });
    }
    let job = admission("j", "sdu-cs", world.now);
    world
        .hold_with(&job, &["c", "a", "c"], None)
        .expect("enough");
    assert_eq!(payers(&world, "j"), ["c", "a", "own"]);
}

#[test]
fn a_named_voucher_that_may_not_pay_is_said_so() {
    let mut world = World::new();
    world.deposit("own", "sdu", "1000");
    world.grant(Grant {
        holder_path: path("lnu"),
        ..grant("holder", "10")
    });
    world.grant(Grant {
        scope: Scope {
            pools: vec!["h800".into()],
            classes: vec![],
        },
        ..grant("scope", "10")
    });
    world.grant(Grant {
        valid_from: at_hour(1),
        ..grant("validity", "10")
    });
    world.grant(grant("state", "10"));
    world.stage(state("state", VoucherState::Frozen, 2));
    let job = admission("j", "sdu-cs", world.now);
    for why in ["holder", "scope", "validity", "state"] {
        assert_eq!(
            world.hold_with(&job, &[why], None),
            Err(Shortage::VoucherNotAllowed {
                voucher: why.into(),
                why
            }),
        );
    }
    assert_eq!(
        world.hold_with(&job, &["none"], None),
        Err(Shortage::UnknownVoucher("none".into())),
    );
}

#[test]
fn a_shortage_holds_nothing_and_says_the_numbers() {
    let mut world = World::new();
    world.grant(grant("a", "100"));
    world.deposit("own", "sdu", "50");
    let before = world.books.state().clone();
    assert_eq!(
        world.hold(&admission("j", "sdu-cs", world.now)),
        Err(Shortage::InsufficientFunds {
            needed: yuan("480"),
            vouchers: yuan("100"),
            own: yuan("50"),
        }),
    );
    assert_eq!(*world.books.state(), before);
}

#[test]
fn own_money_is_that_of_the_nearest_holder_only() {
    let mut world = World::new();
    world.deposit("far", "sdu", "1000");
    world.deposit("near", "sdu-cs", "1");
    let short = world.hold(&admission("j", "sdu-cs", world.now));
    assert!(matches!(short, Err(Shortage::InsufficientFunds { own, .. }) if own == yuan("1")));
    world
        .hold(&admission("k", "sdu-ee", world.now))
        .expect("sdu pays");
    // A frozen deposit is not valid, so the next one up counts.
    world.stage(state("near", VoucherState::Frozen, 2));
    world
        .hold(&admission("j", "sdu-cs", world.now))
        .expect("sdu pays");
}

#[test]
fn own_pools_and_free_pools_cost_nothing_and_are_admitted() {
    let mut world = World::new();
    assert_eq!(
        world.hold(&admission("own", "lnu", world.now)),
        Ok(MicroYuan::ZERO)
    );
    let mut book = prices("p2", "0", Vec::new());
    book.prices[0].pool = "free".into();
    world.stage(Command::PriceBook(book));
    let mut job = admission("free", "sdu-cs", world.now);
    job.pool = "free".into();
    assert_eq!(world.run(&job), MicroYuan::ZERO);
    assert_eq!(world.books.open_attempts().count(), 2);
    world.now = at_hour(1);
    assert_eq!(
        world.end(&job.key, Some(at_hour(1))).charged,
        MicroYuan::ZERO
    );
}

#[test]
fn no_price_and_the_users_limit_are_told() {
    let mut world = World::new();
    let mut job = admission("j", "sdu-cs", world.now);
    let limit = yuan("479.999999");
    assert_eq!(
        world.hold_with(&job, &[], Some(limit)),
        Err(Shortage::AboveMaxCost {
            needed: yuan("480"),
            limit
        }),
    );
    job.pool = "unknown".into();
    assert!(matches!(world.hold(&job), Err(Shortage::NoPrice { .. })));
    let mut future = prices("p2", "1", Vec::new());
    future.prices[0].pool = "unknown".into();
    future.effective_from = at_hour(1);
    world.stage(Command::PriceBook(future));
    assert!(matches!(world.hold(&job), Err(Shortage::NoPrice { .. })));
}

/// L2, L9: in a pool of its own a tenant pays nothing, so its vouchers can't pay itself; who
/// says otherwise, in either direction, is refused.
#[test]
fn whose_pool_it_is_follows_from_its_owner_and_the_path() {
    let mut world = World::new();
    world.deposit("own", "sdu", "1000");
    world.grant(grant("sdus", "1000"));
    let job = admission("j", "sdu-cs", world.now);
    let (sdu, lnu): (TenantName, TenantName) = ("sdu".into(), "lnu".into());
    let mut held = |provider, own_pool| {
        let ask = edugrid_units::HoldAsk {
            admission: &job,
            price_tier: "standard",
            provider,
            own_pool,
            vouchers: &[],
            max_cost: None,
        };
        world.books.try_hold(world.now, &ask)
    };
    for (provider, own_pool) in [(&sdu, false), (&lnu, true)] {
        let refused = held(provider, own_pool);
        assert!(matches!(refused, Err(Shortage::Refused(_))), "{refused:?}");
    }
    assert_eq!(held(&sdu, true), Ok(MicroYuan::ZERO));
}

#[test]
fn caps_hold_per_job_and_per_month() {
    let mut world = World::new();
    world.deposit("own", "sdu", "10000");
    let caps = Caps {
        per_job: Some(yuan("100")),
        per_month: Some(yuan("150")),
    };
    world.grant(Grant {
        caps,
        ..grant("a", "1000")
    });
    let spent = |world: &World| world.books.voucher_balance(&"a".into()).expect("known");
    let first = admission("j", "sdu-cs", world.now);
    world.run(&first);
    assert_eq!(spent(&world).held, yuan("100"));
    world
        .hold(&admission("k", "sdu-cs", world.now))
        .expect("enough");
    assert_eq!(spent(&world).held, yuan("150"));
    // What the first one doesn't use counts no more.
    world.now = at_hour(1);
    world.end(&first.key, Some(at_hour(1)));
    assert_eq!(spent(&world).spent, yuan("48"));
    let mut again = admission("j", "sdu-cs", world.now);
    again.key.attempt = 2;
    world.hold(&again).expect("enough");
    assert_eq!(spent(&world).held, yuan("102"));
    // A new month, a new cap.
    world.now = at_hour(24 * 20);
    world
        .hold(&admission("m", "sdu-cs", world.now))
        .expect("enough");
    assert_eq!(spent(&world).held, yuan("202"));
}

/// Domain §4.6: the whole rounds up, the slice before an expiry rounds down.
#[test]
fn the_slice_before_an_expiry_rounds_down() {
    let mut world = World::new();
    world.deposit("own", "sdu", "1000");
    world.stage(Command::PriceBook(prices("p2", "0.000007", Vec::new())));
    world.grant(Grant {
        valid_until: Some(at_hour(0).after(Seconds(1000))),
        ..grant("a", "100")
    });
    let mut job = admission("j", "sdu-cs", world.now);
    (job.billed, job.walltime) = (MilliUnits(1000), Seconds(2000));
    // 7 micro-yuan an hour: 3.88… in all, 1.94… before the expiry.
    assert_eq!(world.hold(&job), Ok(MicroYuan(4)));
    let attempt = world.books.open_attempt(&job.key).expect("open");
    let bases: Vec<_> = attempt
        .hold
        .slices
        .iter()
        .map(|slice| slice.base.0)
        .collect();
    assert_eq!(bases, [1, 3]);
}

#[test]
fn what_never_started_costs_nothing_and_gives_the_hold_back() {
    let mut world = World::new();
    world.deposit("own", "sdu", "1000");
    let job = admission("j", "sdu-cs", world.now);
    world.hold(&job).expect("enough");
    world.now = at_hour(1);
    world.stage(Command::End {
        key: job.key.clone(),
        outcome: Outcome::NotStarted,
        started: None,
        ended: Some(at_hour(1)),
    });
    let settled = world.books.settled_attempt(&job.key).expect("ended");
    assert_eq!(settled.settlement.charged, MicroYuan::ZERO);
    assert_eq!(settled.settlement.released, yuan("480"));
    assert_eq!(world.books.budget(&"sdu".into()).available(), yuan("1000"));
}

#[test]
fn nothing_is_charged_after_the_walltime() {
    let mut world = World::new();
    world.deposit("own", "sdu", "1000");
    let job = admission("j", "sdu-cs", world.now);
    world.run(&job);
    world.pass_to(at_hour(11));
    world.now = at_hour(12);
    let settlement = world.end(&job.key, Some(at_hour(12)));
    assert_eq!(settlement.charged, yuan("480"));
    assert_eq!(settlement.ended, Some(at_hour(10)));
}

/// A container may turn out to have finished before the last confirmed instant.
#[test]
fn what_was_charged_too_much_is_given_back() {
    let mut world = World::new();
    world.deposit("own", "sdu", "1000");
    world.grant(Grant {
        coverage: Ratio::new(1, 2).expect("den is not 0"),
        valid_until: Some(at_hour(2)),
        ..grant("a", "1000")
    });
    let job = admission("j", "sdu-cs", world.now);
    world.run(&job);
    world.pass_to(at_hour(3));
    let settlement = world.end(&job.key, Some(at_hour(1)));
    assert_eq!(settlement.charged, yuan("48"));
    assert_eq!(settlement.refunded, yuan("96"));
    let a = world.books.voucher_balance(&"a".into()).expect("known");
    // The voucher has expired, so what it gets back goes to its line.
    assert_eq!((a.spent, a.available), (yuan("24"), MicroYuan::ZERO));
    assert_eq!(a.returned, yuan("976"));
    assert_eq!(
        world.books.earnings(&"lnu".into()).balance(),
        Some(yuan("48"))
    );
    assert_eq!(world.books.audit(), Ok(()));
}

/// L8, domain §4.7: use is cut at the expiry, and the slice's rest goes back there.
#[test]
fn a_slice_is_let_go_at_its_expiry() {
    let mut world = World::new();
    world.deposit("own", "sdu", "1000");
    world.grant(Grant {
        valid_until: Some(at_hour(2)),
        ..grant("a", "1000")
    });
    let job = admission("j", "sdu-cs", world.now);
    world.hold(&job).expect("enough");
    world.now = at_hour(1);
    world.stage(Command::Started {
        key: job.key.clone(),
        at: at_hour(1),
    });
    world.pass_to(at_hour(5));
    let a = world.books.voucher_balance(&"a".into()).expect("known");
    assert_eq!((a.spent, a.held), (yuan("48"), MicroYuan::ZERO));
    assert_eq!(a.returned, yuan("952"));
    assert_eq!(world.end(&job.key, Some(at_hour(5))).charged, yuan("192"));
    assert_eq!(world.books.audit(), Ok(()));
}

#[test]
fn a_revoked_voucher_gives_its_rest_to_its_line_and_keeps_its_holds() {
    let mut world = World::new();
    world.grant(grant("a", "1000"));
    let job = admission("j", "sdu-cs", world.now);
    world.run(&job);
    world.stage(state("a", VoucherState::Revoked, 2));
    let revoked = Account::Revoked("line".into());
    assert_eq!(world.books.account(&revoked).credits_posted, yuan("520"));
    assert_eq!(
        world.try_stage(state("a", VoucherState::Active, 3)),
        Err(Refused::VoucherRevoked("a".into())),
    );
    world.now = at_hour(1);
    world.end(&job.key, Some(at_hour(1)));
    assert_eq!(world.books.account(&revoked).credits_posted, yuan("952"));
    let (_, rest) = world.books.funding_line(&"line".into()).expect("known");
    assert_eq!(rest, yuan("999952"), "what came back can be granted again");
}

#[test]
fn grants_that_break_a_rule_are_refused() {
    let third = FundingLine {
        name: "other".into(),
        issuer: "lnu".into(),
        fiscal_year: 2026,
        backing: crate::Backing::Cash,
        total: yuan("1"),
        source: String::new(),
    };
    let with = |change: fn(&mut Grant)| {
        let mut grant = grant("g", "10");
        change(&mut grant);
        grant
    };
    let zero = |grant: &mut Grant| grant.face = MicroYuan::ZERO;
    for (what, grant) in [
        ("face", with(zero)),
        (
            "coverage",
            with(|it| it.coverage = Ratio::new(3, 2).expect("den is not 0")),
        ),
        ("validity", with(|it| it.valid_until = Some(it.valid_from))),
        ("issuer not above", with(|it| it.issuer = "lnu".into())),
        ("issuer holds it", with(|it| it.issuer = "sdu".into())),
        ("four eyes", with(|it| it.checked_by = it.made_by.clone())),
        ("no line", with(|it| it.funding_line = None)),
        (
            "line of own funds",
            with(|it| it.kind = VoucherKind::OwnFunds),
        ),
        (
            "unknown line",
            with(|it| it.funding_line = Some("none".into())),
        ),
        (
            "line of another",
            with(|it| it.funding_line = Some("other".into())),
        ),
        (
            "line exhausted",
            with(|it| it.face = yuan("1000000.000001")),
        ),
    ] {
        let mut world = World::new();
        world.stage(Command::FundingLine(third.clone()));
        let before = world.books.state().clone();
        assert!(
            world.try_stage(Command::Grant(Box::new(grant))).is_err(),
            "{what}"
        );
        assert_eq!(*world.books.state(), before, "{what}");
    }
}

/// API.md: a deposit that isn't the root's comes out of the issuer's own budget.
#[test]
fn deposits_go_down_the_tree() {
    let mut world = World::new();
    world.deposit("top", "sdu", "100");
    let down = |face| {
        Command::Grant(Box::new(Grant {
            issuer: "sdu".into(),
            holder_path: path("sdu-cs"),
            kind: VoucherKind::OwnFunds,
            funding_line: None,
            ..grant("down", face)
        }))
    };
    assert!(matches!(
        world.try_stage(down("101")),
        Err(Refused::Post(_))
    ));
    world.stage(down("60"));
    assert_eq!(world.books.budget(&"sdu".into()).available(), yuan("40"));
    assert_eq!(world.books.budget(&"sdu-cs".into()).available(), yuan("60"));
}

#[test]
fn the_same_command_again_is_answered_and_not_written() {
    let mut world = World::new();
    world.deposit("own", "sdu", "1000");
    let job = admission("j", "sdu-cs", world.now);
    world.run(&job);
    world.now = at_hour(1);
    world.end(&job.key, Some(at_hour(1)));
    let before = world.books.state().clone();
    let end = |ended| Command::End {
        key: job.key.clone(),
        outcome: Outcome::Succeeded,
        started: None,
        ended: Some(ended),
    };
    let again = world.stage(end(at_hour(1)));
    assert!(!again.is_new && matches!(again.answer, Answer::Settled(_)));
    assert!(matches!(
        world.try_stage(end(at_hour(2))),
        Err(Refused::IdReused { verb: "End", .. })
    ));
    assert_eq!(*world.books.state(), before);
}

#[test]
fn an_attempt_is_decided_once_and_in_turn() {
    let mut world = World::new();
    world.deposit("own", "sdu", "10000");
    let mut job = admission("j", "sdu-cs", world.now);
    job.key.attempt = 2;
    let held = world.hold(&job);
    assert_eq!(held, Ok(yuan("480")));
    let before = world.books.state().clone();
    assert_eq!(world.hold(&job), held, "the same again is the same");
    for attempt in [1, 2] {
        job.key.attempt = attempt;
        job.name = "another".into();
        assert!(world.hold(&job).is_err());
    }
    assert_eq!(*world.books.state(), before);
    assert_eq!(world.books.last_attempt(&"j".into(), 0), 2);
    assert_eq!(world.books.last_attempt(&"j".into(), 1), 0);
}

#[test]
fn undo_takes_the_last_hold_back_exactly() {
    let mut world = World::new();
    world.deposit("own", "sdu", "10000");
    let caps = Caps {
        per_job: Some(yuan("100")),
        per_month: Some(yuan("150")),
    };
    world.grant(Grant {
        caps,
        ..grant("a", "1000")
    });
    let first = admission("j", "sdu-cs", world.now);
    world.hold(&first).expect("enough");
    let before = world.books.state().clone();
    let second = admission("k", "sdu-cs", world.now);
    world.hold(&second).expect("enough");
    assert!(!world.books.undo(&first.key), "not the last one");
    assert!(world.books.undo(&second.key));
    assert_eq!(*world.books.state(), before);
    assert!(!world.books.undo(&second.key), "only once");
    world.hold(&second).expect("enough");
    world.commit();
    assert!(!world.books.undo(&second.key), "it is durable");
}

#[test]
fn only_a_leader_writes_and_only_in_the_next_epoch() {
    let mut world = World::new();
    world.commit();
    let mut books = crate::replay(&world.segments).expect("sound");
    let line = Command::Expire {
        voucher: "v".into(),
    };
    assert_eq!(books.stage(world.now, line), Err(Refused::NotLeading));
    let epoch = |epoch| Command::Epoch {
        epoch,
        writer: "w2".into(),
    };
    assert!(matches!(
        books.stage(world.now, epoch(3)),
        Err(Refused::WrongEpoch { expected: 2, .. })
    ));
    assert!(books.stage(world.now, epoch(2)).is_ok());
    assert_eq!(
        books.stage(world.now, epoch(3)),
        Err(Refused::EpochWithStaged),
    );
    let batch = books.take_batch().expect("staged");
    assert_eq!(
        (batch.segment().epoch, batch.segment().nonce.as_str()),
        (2, "w2")
    );
    assert_eq!(
        Books::new().stage(world.now, epoch(1)),
        Err(Refused::NotOpened),
    );
}

#[test]
fn one_batch_is_in_flight_at_a_time() {
    let mut world = World::new();
    let batch = world.books.take_batch().expect("staged");
    world.deposit("own", "sdu", "1");
    assert!(world.books.take_batch().is_none());
    assert!(world.books.committed(1).is_err());
    assert_eq!(world.books.committed(0), Ok(batch.after()));
    let next = world.books.take_batch().expect("staged");
    assert_eq!(next.segment().sequence, 1);
    assert_eq!(next.segment().previous, batch.after().head);
}

#[test]
fn a_batch_never_exceeds_a_segment() {
    let mut world = World::new();
    world.deposit("own", "sdu", "1000000");
    for index in 0..200 {
        let mut job = admission(&format!("j{index}"), "sdu-cs", world.now);
        (job.billed, job.submitter) = (MilliUnits(1), "x".repeat(5000));
        world.hold(&job).expect("enough");
    }
    world.commit();
    assert!(world.segments.len() >= 2);
    for segment in &world.segments {
        assert!(segment.payload.len() <= crate::PAYLOAD_BYTES_MAX);
    }
    let replayed = crate::replay(&world.segments).expect("sound");
    assert_eq!(*replayed.state(), *world.books.state());
    let mut giant = admission("giant", "sdu-cs", world.now);
    giant.submitter = "x".repeat(crate::PAYLOAD_BYTES_MAX);
    let before = world.books.state().clone();
    assert!(world.hold(&giant).is_err());
    assert_eq!(*world.books.state(), before);
}

#[test]
fn entries_times_strictly_increase() {
    let mut world = World::new();
    world.deposit("a", "sdu", "1");
    world.now = Stamp(0);
    world.deposit("b", "sdu", "1");
    world.commit();
    let times: Vec<_> = world.records.iter().map(|record| record.entry.at).collect();
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
}

#[test]
fn charges_wait_for_confirmation() {
    let mut world = World::new();
    world.deposit("own", "sdu", "1000");
    let job = admission("j", "sdu-cs", world.now);
    world.hold(&job).expect("enough");
    let capture = |until| Command::Capture {
        key: key("j", 1),
        until,
    };
    assert!(matches!(
        world.try_stage(capture(at_hour(1))),
        Err(Refused::NotStarted(_))
    ));
    world.stage(Command::Started {
        key: key("j", 1),
        at: world.now,
    });
    world.now = at_hour(5);
    assert!(matches!(
        world.try_stage(capture(at_hour(1))),
        Err(Refused::NotChargeable { .. })
    ));
    assert!(world.books.due(world.now).is_empty());
    world.stage(Command::Alive {
        at: at_hour(2),
        except: Vec::new(),
    });
    assert_eq!(world.books.due(world.now), [capture(at_hour(2))]);
    assert_eq!(
        world.stage(capture(at_hour(2))).answer,
        Answer::Captured {
            charged: yuan("96"),
            seconds: 2 * HOUR
        },
    );
    assert!(world.books.due(world.now).is_empty());
}

/// L5: hourly, at expiry, at the end of the month in Shanghai.
#[test]
fn what_is_due_is_cut_at_expiry_and_month_end() {
    let mut world = World::new();
    world.now = at_hour(24 * 11 - 2);
    world.deposit("own", "sdu", "1000");
    let expiry = world.now.after(Seconds(HOUR / 2));
    world.grant(Grant {
        valid_until: Some(expiry),
        ..grant("a", "100")
    });
    let job = admission("j", "sdu-cs", world.now);
    world.run(&job);
    let start = world.now;
    world.now = at_hour(24 * 11 + 1).after(Seconds(59));
    world.stage(Command::Alive {
        at: world.now,
        except: Vec::new(),
    });
    let capture = |until| Command::Capture {
        key: key("j", 1),
        until,
    };
    assert_eq!(
        world.books.due(world.now),
        [
            capture(expiry),
            capture(at_hour(24 * 11)),
            capture(start.after(Seconds(3 * HOUR))),
            Command::Expire {
                voucher: "a".into()
            },
        ],
    );
}

/// O3: what shares of the past are counted with moves no money, and a half-life of nothing is
/// refused rather than forgetting all at once.
#[test]
fn the_books_keep_who_owns_how_much() {
    let mut world = World::new();
    let rebase = |at, seconds| Command::Rebase {
        at,
        half_life: Seconds(seconds),
    };
    let now = world.now;
    assert_eq!(world.try_stage(rebase(now, 0)), Err(Refused::NoHalfLife));
    let later = now.after(Seconds(60));
    assert_eq!(
        world.try_stage(rebase(later, 1)),
        Err(Refused::NotYet(later))
    );
    let owned = |at| {
        Command::Owned(Ownership {
            at,
            measures: Vec::new(),
            owned: Vec::new(),
        })
    };
    assert_eq!(world.try_stage(owned(later)), Err(Refused::NotYet(later)));
    for command in [rebase(now, 1), owned(now)] {
        assert_eq!(world.stage(command).answer, Answer::Done);
    }
}
