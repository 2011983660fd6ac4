//! Funding lines, price books and vouchers: what people declare is posted once it may be,
//! and what became of it is told in the object.
//!
//! Everything is tried again after each change, in the order line, prices, voucher, since
//! each may wait for another; the books answer the same command the same way (L10).

use std::collections::BTreeMap;

use edugrid_crds::{
    ComputeVoucher, FundingLine, PriceBook,
    compute_voucher::{self, Decision},
    conditions,
};
use edugrid_ledger::{Command, VoucherState};
use edugrid_units::Stamp;
use serde_json::{Value, json};

use super::Desk;
use crate::{jobs::rfc3339, translate::money, watch::Seen, writes::Write};

/// What is declared, by name.
#[derive(Debug, Default)]
pub(super) struct Money {
    lines: BTreeMap<String, FundingLine>,
    prices: BTreeMap<String, PriceBook>,
    vouchers: BTreeMap<String, ComputeVoucher>,
    /// What each object was told last: (plural, name) to (posted, message).
    told: BTreeMap<(&'static str, String), (bool, String)>,
    again: bool,
}

impl Money {
    /// Something changed that posting may have waited for.
    pub(super) fn retry(&mut self) {
        self.again = true;
    }

    /// All vouchers that are declared, by name.
    pub(super) fn vouchers(&self) -> impl Iterator<Item = (&str, &ComputeVoucher)> {
        let vouchers = self.vouchers.iter();
        vouchers.map(|(name, voucher)| (name.as_str(), voucher))
    }

    /// Whether a voucher's object is there.
    pub(super) fn has_voucher(&self, name: &str) -> bool {
        self.vouchers.contains_key(name)
    }

    /// The funding lines whose objects are there.
    pub(super) fn line_names(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }

    /// An object's status could not be written: it is told again.
    pub(super) fn forget_told(&mut self, plural: &'static str, name: &str) {
        self.told.remove(&(plural, name.to_owned()));
        self.again = true;
    }
}

/// How an object of a kind is addressed.
const LINE: (&str, &str) = ("FundingLine", "fundinglines");
const PRICES: (&str, &str) = ("PriceBook", "pricebooks");
const VOUCHER: (&str, &str) = ("ComputeVoucher", "computevouchers");

impl Desk {
    pub(super) fn see_funding_line(&mut self, seen: Seen<FundingLine>) {
        match seen {
            Seen::There(line) => {
                let name = line.metadata.name.clone().unwrap_or_default();
                self.keep_status(LINE.0, &name, line.status.as_ref());
                self.money.lines.insert(name, line);
            }
            Seen::Gone { name, .. } => {
                self.money.lines.remove(&name);
                self.statuses.gone(LINE.0, &name);
            }
            Seen::Synced => {}
        }
        self.money.retry();
    }

    pub(super) fn see_price_book(&mut self, seen: Seen<PriceBook>) {
        match seen {
            Seen::There(book) => {
                let name = book.metadata.name.clone().unwrap_or_default();
                self.keep_status(PRICES.0, &name, book.status.as_ref());
                self.money.prices.insert(name, book);
            }
            Seen::Gone { name, .. } => {
                self.money.prices.remove(&name);
                self.statuses.gone(PRICES.0, &name);
            }
            Seen::Synced => {}
        }
        self.money.retry();
    }

    pub(super) fn see_voucher(&mut self, seen: Seen<ComputeVoucher>) {
        match seen {
            Seen::There(voucher) => {
                let name = voucher.metadata.name.clone().unwrap_or_default();
                self.keep_status(VOUCHER.0, &name, voucher.status.as_ref());
                self.money.vouchers.insert(name, voucher);
            }
            Seen::Gone { name, .. } => {
                self.money.vouchers.remove(&name);
                self.statuses.gone(VOUCHER.0, &name);
            }
            Seen::Synced => {}
        }
        self.money.retry();
    }

    /// Stages what can be posted now.
    pub(super) fn post_money(&mut self) {
        if !std::mem::take(&mut self.money.again) {
            return;
        }
        let lines: Vec<FundingLine> = self.money.lines.values().cloned().collect();
        for line in lines {
            let name = line.metadata.name.clone().unwrap_or_default();
            let result = money::funding_line(&name, &line.spec)
                .map_err(|bad| bad.to_string())
                .and_then(|line| self.post(Command::FundingLine(line)));
            self.tell_posted(LINE, &name, line.metadata.generation, result);
        }
        let prices: Vec<PriceBook> = self.money.prices.values().cloned().collect();
        for book in prices {
            let name = book.metadata.name.clone().unwrap_or_default();
            let result = money::price_book(&name, &book.spec)
                .map_err(|bad| bad.to_string())
                .and_then(|book| self.post(Command::PriceBook(book)));
            self.tell_posted(PRICES, &name, book.metadata.generation, result);
        }
        let vouchers: Vec<ComputeVoucher> = self.money.vouchers.values().cloned().collect();
        for voucher in vouchers {
            let name = voucher.metadata.name.clone().unwrap_or_default();
            if let Some(result) = self.post_voucher(&name, &voucher) {
                self.tell_posted(VOUCHER, &name, voucher.metadata.generation, result);
            }
        }
    }

    /// `None`: nobody has decided on it yet.
    fn post_voucher(&mut self, name: &str, voucher: &ComputeVoucher) -> Option<Result<(), String>> {
        let known = self.books.voucher(&name.into()).map(|known| known.state);
        if known.is_none() {
            let approval = voucher.status.as_ref()?.approval.as_ref()?;
            if approval.decision == Decision::Refused {
                return Some(Err(format!("refused by {}", approval.by)));
            }
            if Some(&approval.by) == voucher.spec.made_by.as_ref() {
                let by = &approval.by;
                return Some(Err(format!(
                    "made and approved by {by}: it takes two persons"
                )));
            }
            if let Err(why) = self.grant(name, voucher, &approval.by.clone()) {
                return Some(Err(why));
            }
        }
        Some(self.follow_state(name, voucher, known.unwrap_or(VoucherState::Active)))
    }

    fn grant(&mut self, name: &str, voucher: &ComputeVoucher, by: &str) -> Result<(), String> {
        let path = self.tenants.path(&voucher.spec.holder).ok_or_else(|| {
            let holder = &voucher.spec.holder;
            format!("spec.holder: tenant {holder} is not in the tree, create it first")
        })?;
        let made = self.created(&voucher.metadata);
        let grant =
            money::grant(name, &voucher.spec, path, made, by).map_err(|bad| bad.to_string())?;
        self.post(Command::Grant(Box::new(grant)))
    }

    fn follow_state(
        &mut self,
        name: &str,
        voucher: &ComputeVoucher,
        known: VoucherState,
    ) -> Result<(), String> {
        let wanted = match voucher.spec.state {
            compute_voucher::VoucherState::Active => VoucherState::Active,
            compute_voucher::VoucherState::Frozen => VoucherState::Frozen,
            compute_voucher::VoucherState::Revoked => VoucherState::Revoked,
        };
        if wanted == known {
            return Ok(());
        }
        let change = voucher.metadata.generation.unwrap_or_default();
        self.post(Command::VoucherState {
            voucher: name.into(),
            state: wanted,
            change,
        })
    }

    fn post(&mut self, command: Command) -> Result<(), String> {
        let now = self.ticker.tick();
        self.books
            .stage(now, command)
            .map(drop)
            .map_err(|refused| refused.to_string())
    }

    fn tell_posted(
        &mut self,
        (kind, plural): (&'static str, &'static str),
        name: &str,
        generation: Option<i64>,
        result: Result<(), String>,
    ) {
        let told = match result {
            Ok(()) => (true, "in the books".to_owned()),
            Err(why) => (false, why),
        };
        let key = (plural, name.to_owned());
        if self.money.told.get(&key) == Some(&told) {
            return;
        }
        let since = self.ticker.clock().now();
        let status = json!({
            "observedGeneration": generation,
            "conditions": [condition(conditions::POSTED, told.0, &told.1, generation, since)],
        });
        self.outbox.push_back(Write::ObjectStatus {
            kind,
            plural,
            name: name.to_owned(),
            status,
        });
        self.money.told.insert(key, told);
    }
}

/// A condition in Kubernetes' form; its reason follows from its state.
pub(super) fn condition(
    kind: &str,
    holds: bool,
    message: &str,
    generation: Option<i64>,
    since: Stamp,
) -> Value {
    json!({
        "type": kind,
        "status": if holds { "True" } else { "False" },
        "reason": if holds { kind.to_owned() } else { format!("Not{kind}") },
        "message": message.chars().take(1024).collect::<String>(),
        "observedGeneration": generation.unwrap_or_default(),
        "lastTransitionTime": rfc3339(since),
    })
}
