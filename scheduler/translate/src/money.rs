//! Funding lines, vouchers and price books, as commands of the books name them.

use edugrid_crds::{
    compute_voucher::{ComputeVoucherSpec, VoucherType},
    funding_line::{self, FundingLineSpec},
    price_book::PriceBookSpec,
    text,
};
use edugrid_ledger::{
    Backing, Band, Caps, FundingLine, Grant, Price, PriceBook, Scope, VoucherKind,
};
use edugrid_units::{MicroYuan, Ratio, Stamp, TenantName};

use super::{BadField, written};

/// When nothing says how soon a voucher pays, by its type (domain §4.7): what is bound to
/// a purpose first, what was earned last.
fn default_priority(kind: VoucherType) -> u32 {
    match kind {
        VoucherType::Programme => 10,
        VoucherType::Equity => 20,
        VoucherType::Subsidy => 30,
        VoucherType::Reward => 40,
        VoucherType::Contribution => 90,
        VoucherType::OwnFunds => 100,
    }
}

/// The line as the books want it.
///
/// # Errors
/// If a field can't be read.
pub fn funding_line(name: &str, spec: &FundingLineSpec) -> Result<FundingLine, BadField> {
    Ok(FundingLine {
        name: name.into(),
        issuer: spec.issuer.as_str().into(),
        fiscal_year: u32::try_from(spec.fiscal_year)
            .map_err(|_| BadField::words("spec.fiscalYear", "is negative"))?,
        backing: match spec.backing {
            funding_line::Backing::Quota => Backing::Quota,
            funding_line::Backing::Cash => Backing::Cash,
        },
        total: money("spec.total", &spec.total)?,
        source: spec.source.clone().unwrap_or_default(),
    })
}

/// The grant that an approved voucher makes. `holder_path` runs from the holder to the
/// root; `made` is when the object was made, `checked_by` who approved it.
///
/// # Errors
/// If a field can't be read.
pub fn grant(
    name: &str,
    spec: &ComputeVoucherSpec,
    holder_path: Vec<TenantName>,
    made: Stamp,
    checked_by: &str,
) -> Result<Grant, BadField> {
    let caps = spec.caps.as_ref();
    let cap = |field: &str, amount: Option<&text::Money>| -> Result<Option<MicroYuan>, BadField> {
        amount.map(|amount| money(field, amount)).transpose()
    };
    Ok(Grant {
        voucher: name.into(),
        issuer: spec.issuer.as_str().into(),
        holder_path,
        kind: match spec.type_ {
            VoucherType::Subsidy => VoucherKind::Subsidy,
            VoucherType::Equity => VoucherKind::Equity,
            VoucherType::Programme => VoucherKind::Programme,
            VoucherType::Reward => VoucherKind::Reward,
            VoucherType::Contribution => VoucherKind::Contribution,
            VoucherType::OwnFunds => VoucherKind::OwnFunds,
        },
        face: money("spec.faceValue", &spec.face_value)?,
        coverage: ratio("spec.coverage", &spec.coverage)?,
        valid_from: spec.valid_from.as_ref().map_or(made, written),
        valid_until: spec.valid_until.as_ref().map(written),
        scope: Scope {
            pools: names(spec.scope.as_ref().map(|scope| &scope.pools)),
            classes: names(spec.scope.as_ref().map(|scope| &scope.classes)),
        },
        caps: Caps {
            per_job: cap(
                "spec.caps.perJob",
                caps.and_then(|caps| caps.per_job.as_ref()),
            )?,
            per_month: cap(
                "spec.caps.perMonth",
                caps.and_then(|caps| caps.per_month.as_ref()),
            )?,
        },
        priority: match spec.priority {
            Some(priority) => u32::try_from(priority)
                .map_err(|_| BadField::words("spec.priority", "is negative"))?,
            None => default_priority(spec.type_),
        },
        funding_line: spec.funding_line.as_deref().map(Into::into),
        made_by: spec.made_by.clone().unwrap_or_default(),
        checked_by: checked_by.to_owned(),
    })
}

/// The price book as the books want it.
///
/// # Errors
/// If a field can't be read.
pub fn price_book(name: &str, spec: &PriceBookSpec) -> Result<PriceBook, BadField> {
    let price = |price: &edugrid_crds::price_book::Price| -> Result<Price, BadField> {
        Ok(Price {
            pool: price.pool.as_str().into(),
            tier: price.tier.clone(),
            per_unit_hour: money("spec.prices[].perCardHour", &price.per_card_hour)?,
        })
    };
    let band = |band: &edugrid_crds::price_book::Band| -> Result<Band, BadField> {
        Ok(Band {
            name: band.name.clone(),
            from_minute: minute("spec.bands[].from", band.from.as_str())?,
            until_minute: minute("spec.bands[].to", band.to.as_str())?,
            factor: ratio("spec.bands[].factor", &band.factor)?,
        })
    };
    Ok(PriceBook {
        name: name.into(),
        effective_from: written(&spec.effective_from),
        prices: spec.prices.iter().map(price).collect::<Result<_, _>>()?,
        bands: spec.bands.iter().map(band).collect::<Result<_, _>>()?,
    })
}

/// Reads an amount of money.
///
/// # Errors
/// If it is none.
pub fn money(field: &str, amount: &text::Money) -> Result<MicroYuan, BadField> {
    MicroYuan::parse_yuan(amount.as_str()).map_err(|why| BadField::new(field, why))
}

fn names<'a, N: From<&'a str>>(names: Option<&'a Vec<String>>) -> Vec<N> {
    names
        .into_iter()
        .flatten()
        .map(|name| name.as_str().into())
        .collect()
}

/// Reads a fraction.
///
/// # Errors
/// If a part is negative, or the denominator 0.
pub fn ratio(field: &str, ratio: &text::Ratio) -> Result<Ratio, BadField> {
    let part = |part| u32::try_from(part).map_err(|_| BadField::words(field, "is negative"));
    Ratio::new(part(ratio.num)?, part(ratio.den)?)
        .map_err(|why| BadField::words(field, why.to_string()))
}

/// Minutes after midnight of `HH:MM`.
fn minute(field: &str, text: &str) -> Result<u32, BadField> {
    let read = || {
        let (hours, minutes) = text.split_once(':')?;
        let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|it| it.is_ascii_digit());
        if !two_digits(hours) || !two_digits(minutes) {
            return None;
        }
        let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
        (minutes < 60)
            .then(|| hours.checked_mul(60)?.checked_add(minutes))
            .flatten()
    };
    read().filter(|minute| *minute <= 1440).ok_or_else(|| {
        BadField::words(
            field,
            format!("\"{text}\" is no time, write it like \"08:30\""),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_of_day() {
        for (text, expected) in [("00:00", 0), ("08:30", 510), ("24:00", 1440)] {
            assert_eq!(minute("f", text).expect(text), expected);
        }
        for text in [
            "24:01", "8", "aa:bb", "08:60", "", "8:30", "+8:30", "008:30",
        ] {
            assert!(minute("f", text).is_err(), "{text}");
        }
    }
}
