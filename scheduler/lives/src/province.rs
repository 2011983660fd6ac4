//! The province in which lives are led: prov → sdu → sdu-cs, sdu-ee and prov → lnu, whose
//! cards (pool `a100`) everybody uses.

use edugrid_ledger::{
    Algorithm, Backing, Band, Caps, FundingLine, Grant, Opening, Price, PriceBook, Scope,
    VoucherKind,
};
use edugrid_units::{
    Admission, AttemptKey, ComputeKind, MicroYuan, MilliUnits, Owned, Ownership, PoolMeasure,
    Ratio, Resources, RolePlacement, Seconds, Stamp, TenantName, Tier,
};

use crate::chance::Chance;

/// The id of every made-up book.
pub const BOOK: &str = "6f1c2a52-31a4-4d8e-9d0c-3a4b5c6d7e8f";
/// The cluster in which they live.
pub const CLUSTER: &str = "0d8f7a16-5b3c-4f0e-8a44-2f6f1f0c9b7d";
/// 2026-11-20T00:00:00 in Asia/Shanghai.
pub const BEGIN_SECONDS: i64 = 1_795_104_000;

const YUAN: u64 = 1_000_000;
const HOUR: u64 = 3600;

pub fn opening(algorithm: Algorithm, origin: Stamp) -> Opening {
    Opening {
        book: BOOK.into(),
        algorithm,
        origin,
        factor: 60,
    }
}

pub fn path(tenant: &str) -> Vec<TenantName> {
    let names: &[&str] = match tenant {
        "sdu-cs" => &["sdu-cs", "sdu", "prov"],
        "sdu-ee" => &["sdu-ee", "sdu", "prov"],
        "sdu" => &["sdu", "prov"],
        "lnu" => &["lnu", "prov"],
        _ => &["prov"],
    };
    names.iter().map(|name| TenantName::from(*name)).collect()
}

/// A fraction that is one.
pub fn fraction(num: u32, den: u32) -> Ratio {
    Ratio::new(num, den).unwrap_or(Ratio::ONE)
}

pub fn line() -> FundingLine {
    FundingLine {
        name: "line-2026".into(),
        issuer: "prov".into(),
        fiscal_year: 2026,
        backing: Backing::Quota,
        total: MicroYuan(50_000_000 * YUAN),
        source: "省级财政 \"2026\"".into(),
    }
}

/// Prices with a night at six tenths and an evening at four thirds.
pub fn prices(name: &str, effective_from: Stamp, per_unit_hour: u64) -> PriceBook {
    let band = |name: &str, from_minute, until_minute, factor| Band {
        name: name.into(),
        from_minute,
        until_minute,
        factor,
    };
    PriceBook {
        name: name.into(),
        effective_from,
        prices: vec![Price {
            pool: "a100".into(),
            tier: "standard".into(),
            per_unit_hour: MicroYuan(per_unit_hour),
        }],
        bands: vec![
            band("night", 1380, 480, fraction(6, 10)),
            band("evening", 1080, 1320, fraction(4, 3)),
        ],
    }
}

/// A voucher of the province for sdu, whole and for ever.
pub fn grant(name: &str, face: MicroYuan) -> Grant {
    Grant {
        voucher: name.into(),
        issuer: "prov".into(),
        holder_path: path("sdu"),
        kind: VoucherKind::Subsidy,
        face,
        coverage: Ratio::ONE,
        valid_from: Stamp(0),
        valid_until: None,
        scope: Scope::default(),
        caps: Caps::default(),
        priority: 30,
        funding_line: Some("line-2026".into()),
        made_by: "maker".into(),
        checked_by: "checker".into(),
    }
}

/// A deposit from outside into a tenant's budget.
pub fn deposit(name: &str, tenant: &str) -> Grant {
    Grant {
        kind: VoucherKind::OwnFunds,
        holder_path: path(tenant),
        funding_line: None,
        ..grant(name, MicroYuan(400_000_000 * YUAN))
    }
}

/// A voucher that soon runs out, expires or meets its cap.
pub fn voucher(name: &str, now: Stamp, chance: &mut Chance) -> Grant {
    let holders = ["sdu-cs", "sdu-ee", "sdu", "prov"];
    let holder = chance.pick(&holders).copied().unwrap_or("sdu");
    let coverages = [(1, 2), (4, 5), (1, 1), (1, 3)];
    let (num, den) = chance.pick(&coverages).copied().unwrap_or((1, 1));
    let caps = Caps {
        per_job: (chance.below(2) == 0).then(|| MicroYuan(chance.between(1, 500) * YUAN)),
        per_month: (chance.below(3) == 0).then(|| MicroYuan(chance.between(1, 5000) * YUAN)),
    };
    let life = Seconds(chance.between(1, 96) * HOUR + chance.below(HOUR));
    let mut granted = Grant {
        coverage: fraction(num, den),
        valid_until: (chance.below(5) > 0).then(|| now.after(life)),
        caps,
        priority: u32::try_from(chance.between(10, 40)).unwrap_or(30),
        ..grant(name, MicroYuan(chance.between(1, 20_000) * YUAN))
    };
    if chance.below(4) == 0 {
        granted.scope.pools = vec!["a100".into()];
    }
    granted.holder_path = path(holder);
    granted
}

pub fn ownership() -> Ownership {
    Ownership {
        at: Stamp(0),
        measures: vec![PoolMeasure {
            pool: "a100".into(),
            kind: ComputeKind::Intelligent,
            factor: fraction(3, 2),
        }],
        owned: vec![Owned {
            tenant: "lnu".into(),
            beside_children: true,
            pool: "a100".into(),
            nominal: MilliUnits::whole(512),
        }],
    }
}

/// The first attempt of the job with that number.
pub fn admission(number: u64, at: Stamp, chance: &mut Chance) -> Admission {
    let tenants = ["sdu-cs", "sdu-ee", "sdu", "prov", "lnu"];
    let tenant = chance.pick(&tenants).copied().unwrap_or("sdu");
    let sizes = [125, 500, 1000, 2000, 4000, 8000, 16_000];
    let milli = chance.pick(&sizes).copied().unwrap_or(1000);
    let job = format!("{:08x}-31a4-4d8e-9d0c-3a4b5c6d7e8f", number);
    Admission {
        key: AttemptKey {
            job: job.as_str().into(),
            task: u32::try_from(chance.below(3)).unwrap_or(0),
            attempt: 1,
        },
        namespace: tenant.to_owned(),
        name: format!("job-{number}"),
        generation: 1,
        path: path(tenant),
        submitter: "李 li@sdu".into(),
        class: "standard".into(),
        tier: Tier::Standard,
        preemptible: chance.below(2) == 0,
        pool: "a100".into(),
        billed: MilliUnits(milli),
        walltime: Seconds(chance.between(600, 12 * HOUR)),
        grace: Seconds(30),
        eligible: at,
        placement: vec![RolePlacement {
            role: "worker".into(),
            request: Resources {
                cards: MilliUnits(milli),
                cpu_milli: 4000,
                memory_mebibytes: 16_384,
            },
            nodes: vec![("n1".into(), 1)],
        }],
        at,
    }
}
