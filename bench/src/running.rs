//! Books in which many attempts run: who charges, copies or reads large books begins here.
//! What is measured with them is not its business.

use anyhow::{Result, ensure};
use edugrid_ledger::{
    Algorithm, Books, Caps, Command, Grant, Opening, Price, PriceBook, Scope, VoucherKind,
};
use edugrid_units::{
    Admission, AttemptKey, HoldAsk, MicroYuan, MilliUnits, Purse, Ratio, Resources, RolePlacement,
    Seconds, Stamp, TenantName, Tier,
};

/// A Thursday of 2026, on the hour: when every made-up book begins.
pub const BEGIN: Stamp = Stamp(1_795_104_000_000_000_000);

/// Admits and starts the attempt of a client that has none, and says its name.
///
/// # Errors
/// If the books refuse it.
pub fn begin(books: &mut Books, client: usize, at: Stamp) -> Result<AttemptKey> {
    let admission = admission(client, at);
    let ask = HoldAsk {
        admission: &admission,
        price_tier: "standard",
        provider: &TenantName::from("owner"),
        own_pool: false,
        vouchers: &[],
        max_cost: None,
    };
    let held = books.try_hold(at, &ask);
    ensure!(held.is_ok(), "no money for client {client}: {held:?}");
    let key = admission.key;
    books.stage(
        at,
        Command::Started {
            key: key.clone(),
            at,
        },
    )?;
    Ok(key)
}

/// What stands in every book before the first admission: who leads, prices and money.
pub fn opening() -> [Command; 4] {
    let yuan = MicroYuan(100_000_000_000_000_000);
    [
        Command::Open(Opening {
            book: "6f1c2a52-31a4-4d8e-9d0c-3a4b5c6d7e8f".into(),
            algorithm: Algorithm::Sha256,
            origin: BEGIN,
            factor: 1,
        }),
        Command::Epoch {
            epoch: 1,
            writer: "bench".into(),
        },
        Command::PriceBook(PriceBook {
            name: "prices".into(),
            effective_from: Stamp(0),
            prices: vec![Price {
                pool: "a100".into(),
                tier: "standard".into(),
                per_unit_hour: MicroYuan(6_000_000),
            }],
            bands: Vec::new(),
        }),
        Command::Grant(Box::new(Grant {
            voucher: "deposit".into(),
            issuer: "province".into(),
            holder_path: path(),
            kind: VoucherKind::OwnFunds,
            face: yuan,
            coverage: Ratio::ONE,
            valid_from: Stamp(0),
            valid_until: None,
            scope: Scope::default(),
            caps: Caps::default(),
            priority: 0,
            funding_line: None,
            made_by: "maker".into(),
            checked_by: "checker".into(),
        })),
    ]
}

/// From the tenant of every attempt up to the root.
pub fn path() -> Vec<TenantName> {
    ["college", "university", "province"]
        .map(TenantName::from)
        .to_vec()
}

fn admission(client: usize, at: Stamp) -> Admission {
    Admission {
        key: AttemptKey {
            job: format!("{client:08x}-31a4-4d8e-9d0c-3a4b5c6d7e8f")
                .as_str()
                .into(),
            task: 0,
            attempt: 1,
        },
        namespace: "college".into(),
        name: format!("job-{client}"),
        generation: 1,
        path: path(),
        submitter: "student".into(),
        class: "standard".into(),
        tier: Tier::Standard,
        preemptible: true,
        pool: "a100".into(),
        billed: MilliUnits::whole(8),
        walltime: Seconds(72 * 3600),
        grace: Seconds(30),
        eligible: at,
        placement: vec![RolePlacement {
            role: "worker".into(),
            request: Resources {
                cards: MilliUnits::whole(8),
                ..Resources::default()
            },
            nodes: vec![("n1".into(), 1)],
        }],
        at,
    }
}
