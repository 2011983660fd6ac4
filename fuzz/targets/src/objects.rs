//! Objects that people write, as JSON that got past a schema or did not: read into the words of
//! engine and books, or refused with a field.

use edugrid_crds::{
    ComputeJobSpec, ComputePoolSpec, ComputeVoucherSpec, FundingLineSpec, JobClassSpec,
    PriceBookSpec, TenantSpec,
};
use edugrid_ledger::{Band, PriceBook, Rates};
use edugrid_translate::{job, money, requests, tenancy};
use edugrid_units::{MicroYuan, MilliUnits, Stamp};
use k8s_openapi::api::core::v1::{Node, PodSpec};
use serde::de::DeserializeOwned;

use crate::input::Input;

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// A `ComputeJob` and the pods of its templates: what can't be read is a reason, never a
/// failure, and what is counted is the same each time.
pub fn compute_job(data: &[u8]) {
    let mut input = Input(data);
    if input.byte() % 2 == 0 {
        let Some(spec) = read::<ComputeJobSpec>(input.0) else {
            return;
        };
        let identity = job::Identity {
            uid: "u".into(),
            namespace: "n".into(),
            name: "j".into(),
            generation: 1,
            created: Stamp(0),
        };
        let told = || format!("{:?}", job::job(&identity, &spec, "t".into(), 1));
        assert_eq!(told(), told());
    } else if let Some(spec) = read::<PodSpec>(input.0)
        && let Ok(request) = requests::effective(&spec)
    {
        // More containers never ask for less.
        let mut twice = spec.clone();
        twice.containers.extend(spec.containers.clone());
        if let Ok(more) = requests::effective(&twice) {
            assert!(more.cpu_milli >= request.cpu_milli);
            assert!(more.memory_mebibytes >= request.memory_mebibytes);
        }
    }
}

/// Tenants, classes, pools and nodes.
pub fn tenancy_objects(data: &[u8]) {
    let mut input = Input(data);
    let header = tenancy::Header {
        name: "x",
        uid: "u",
        created: Stamp(0),
    };
    match input.byte() % 4 {
        0 => {
            if let Some(spec) = read::<TenantSpec>(input.0) {
                if let Err(bad) = tenancy::tenant(header, &spec) {
                    assert!(bad.field.starts_with("spec."), "{bad}");
                }
                let _listed = tenancy::not_acted_on(&spec);
            }
        }
        1 => {
            if let Some(spec) = read::<JobClassSpec>(input.0) {
                let _read_or_not = tenancy::class("x", &spec);
            }
        }
        2 => {
            if let Some(spec) = read::<ComputePoolSpec>(input.0) {
                let _read_or_not = tenancy::pool(header, &spec);
            }
        }
        _ => {
            if let Some(node) = read::<Node>(input.0) {
                let _read = tenancy::node(&node);
            }
        }
    }
}

/// Funding lines and vouchers: what the books take is what people meant.
pub fn money_objects(data: &[u8]) {
    let mut input = Input(data);
    if input.byte() % 2 == 0 {
        if let Some(spec) = read::<FundingLineSpec>(input.0)
            && let Ok(line) = money::funding_line("l", &spec)
        {
            assert_eq!(i64::from(line.fiscal_year), i64::from(spec.fiscal_year));
        }
        return;
    }
    let Some(spec) = read::<ComputeVoucherSpec>(input.0) else {
        return;
    };
    let path = vec!["sdu".into(), "prov".into()];
    if let Ok(grant) = money::grant("v", &spec, path, Stamp(0), "checker")
        && grant.check().is_ok()
    {
        assert!(grant.face > MicroYuan::ZERO);
        assert!(grant.coverage.num() >= 1 && grant.coverage.num() <= grant.coverage.den());
        assert!(grant.valid_until.is_none_or(|end| grant.valid_from < end));
    }
}

/// Seconds that are counted one by one beside the closed form.
const SPAN_MAX: u64 = 4000;

/// A price book with its times of day: a book that is taken charges every second by its band,
/// rounded down once, and any split of the time gives the same.
pub fn price_book(data: &[u8]) {
    let mut input = Input(data);
    let from = input.number(4).cast_signed() % 4_000_000_000;
    let span = input.number(2) % SPAN_MAX;
    let milli = MilliUnits(input.number(4));
    let Some(spec) = read::<PriceBookSpec>(input.0) else {
        return;
    };
    let Ok(book) = money::price_book("p", &spec) else {
        return;
    };
    if book.check().is_err() {
        return;
    }
    let Some(price) = book.prices.first() else {
        return;
    };
    let rates = Rates {
        per_unit_hour: price.per_unit_hour,
        bands: book.bands.clone(),
    };
    let until = from + i64::try_from(span).unwrap_or(0);
    let Some(charged) = rates.charge(milli, from, until) else {
        return;
    };
    if let Some(counted) = one_by_one(&book, milli, from, until) {
        assert_eq!(charged.0, counted);
    }
    let middle = from + i64::try_from(span / 3).unwrap_or(0);
    let first = rates.charge(milli, from, middle).expect("it is less");
    assert!(first <= charged, "more time costs less");
    let most = rates.most(milli, edugrid_units::Seconds(span));
    assert!(
        most.is_none_or(|most| charged <= most),
        "above the highest rate"
    );
}

/// The charge by counting seconds: numerators over one denominator, floored once (L4).
fn one_by_one(book: &PriceBook, milli: MilliUnits, from: i64, until: i64) -> Option<u64> {
    let dens = book.bands.iter().map(|band| u128::from(band.factor.den()));
    // Not the least common multiple, which the books use: any common one gives the same.
    let common = dens.clone().try_fold(1_u128, u128::checked_mul)?;
    let price = u128::from(book.prices.first()?.per_unit_hour.0);
    let mut weight = 0_u128;
    for second in from..until {
        let minute = (second + 8 * 3600).rem_euclid(86_400) / 60;
        let band = book.bands.iter().find(|band| holds(band, minute));
        weight += match band {
            Some(band) => common / u128::from(band.factor.den()) * u128::from(band.factor.num()),
            None => common,
        };
    }
    let top = weight
        .checked_mul(price)?
        .checked_mul(u128::from(milli.0))?;
    u64::try_from(top / (common.checked_mul(3_600_000)?)).ok()
}

fn holds(band: &Band, minute: i64) -> bool {
    let (from, until) = (i64::from(band.from_minute), i64::from(band.until_minute));
    if from < until {
        (from..until).contains(&minute)
    } else {
        minute >= from || minute < until
    }
}
