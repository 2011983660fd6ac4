//! The worked example of the ledger model (domain §4.16) as a book of its own: 8 cards for ten
//! hours at 6 yuan, two vouchers and own money, an expiry in the middle and a night at six tenths.

use edugrid_ledger::{Algorithm, Band, Books, Command, Grant, Segment};
use edugrid_units::{HoldAsk, MicroYuan, MilliUnits, Outcome, Purse, Seconds, Stamp};

use crate::{
    chance::Chance,
    province::{self, BEGIN_SECONDS, fraction},
};

const HOUR: i64 = 3600;

/// The book's segments, one for each of its steps.
pub fn worked_example() -> Vec<Segment> {
    let at = |hours: i64, seconds: i64| {
        Stamp::from_seconds(
            BEGIN_SECONDS
                .saturating_add(hours * HOUR)
                .saturating_add(seconds),
        )
    };
    // 19:00, so that the fifth hour ends at midnight, where the night rate begins.
    let begin = at(19, 0);
    let mut steps: Vec<(Stamp, Vec<Command>)> = vec![(begin, opening(begin, at(23, 0)))];
    let mut books = Books::new();
    let mut segments = Vec::new();
    let mut admission = province::admission(1, begin, &mut Chance::new(0));
    admission.key.task = 0;
    admission.path = province::path("sdu-cs");
    admission.namespace = "sdu-cs".into();
    admission.billed = MilliUnits::whole(8);
    for role in &mut admission.placement {
        role.request.cards = MilliUnits::whole(8);
    }
    admission.walltime = Seconds(10 * HOUR.unsigned_abs());
    let key = admission.key.clone();
    let alive = |at| Command::Alive {
        at,
        except: Vec::new(),
    };
    steps.push((
        begin,
        vec![Command::Started {
            key: key.clone(),
            at: begin,
        }],
    ));
    for hour in 20..=25 {
        steps.push((at(hour, 0), vec![alive(at(hour, 0))]));
    }
    steps.push((
        at(25, HOUR / 2),
        vec![Command::End {
            key,
            outcome: Outcome::Succeeded,
            started: None,
            ended: Some(at(25, HOUR / 2)),
        }],
    ));
    for (index, (now, commands)) in steps.into_iter().enumerate() {
        if index == 1 {
            let ask = HoldAsk {
                admission: &admission,
                price_tier: "standard",
                provider: &"lnu".into(),
                own_pool: false,
                vouchers: &[],
                max_cost: None,
            };
            let _held = books.try_hold(now, &ask);
        }
        for command in commands {
            let _done = books.stage(now, command);
        }
        for command in books.due(now) {
            let _done = books.stage(now, command);
        }
        while let Some(batch) = books.take_batch() {
            segments.push(batch.segment().clone());
            let _done = books.committed(batch.segment().sequence);
        }
    }
    segments
}

/// Open, epoch, line, prices, the two vouchers and the deposit.
fn opening(begin: Stamp, expiry: Stamp) -> Vec<Command> {
    let night = Band {
        name: "night".into(),
        from_minute: 0,
        until_minute: 480,
        factor: fraction(6, 10),
    };
    let mut prices = province::prices("prices-2026", Stamp(0), 6_000_000);
    prices.bands = vec![night];
    let yuan = |yuan: u64| MicroYuan(yuan.saturating_mul(1_000_000));
    let boxed = |grant: Grant| Command::Grant(Box::new(grant));
    vec![
        Command::Open(province::opening(Algorithm::Sha256, begin)),
        Command::Epoch {
            epoch: 1,
            writer: "leader-1".into(),
        },
        Command::FundingLine(province::line()),
        Command::PriceBook(prices),
        boxed(Grant {
            coverage: fraction(4, 5),
            valid_until: Some(expiry),
            ..province::grant("a", yuan(200))
        }),
        boxed(Grant {
            coverage: fraction(1, 2),
            ..province::grant("b", yuan(1000))
        }),
        boxed(Grant {
            face: yuan(500),
            ..province::deposit("own-sdu", "sdu")
        }),
    ]
}

#[cfg(test)]
mod tests {
    use edugrid_ledger::replay;

    use super::*;

    #[test]
    fn the_example_is_as_written() {
        let books = replay(&worked_example()).expect("sound");
        let earned = books.earnings(&"lnu".into());
        assert_eq!(earned.balance(), Some(MicroYuan(283_200_000)));
        let a = books.voucher_balance(&"a".into()).expect("known");
        assert_eq!((a.spent.0, a.returned.0), (153_600_000, 46_400_000));
        let b = books.voucher_balance(&"b".into()).expect("known");
        assert_eq!(b.spent.0, 45_600_000);
        let own = books.budget(&"sdu".into());
        assert_eq!(own.debits_posted.0, 84_000_000);
    }
}
