//! Vouchers in the form in which people read them: what was declared, what the books made
//! of it, and what is left. Nothing is summed or decided here.

use edugrid_crds::{
    ComputeVoucher,
    compute_voucher::{Decision, VoucherType},
    labels::home_namespace,
    visibility::{OwnMoney, Relation, VoucherUse, VoucherUseList, VoucherUseState},
};
use edugrid_ledger::VoucherState;
use edugrid_units::{MicroYuan, Seconds, Stamp, TenantName};

use super::{
    Desk,
    answer::{money, time},
};
use crate::visibility::{NotFound, Page};

/// A voucher that ends within so long is about to expire.
const SOON: Seconds = Seconds(30 * 24 * 3600);

impl Desk {
    /// The vouchers of a tenant, of those above it and of those below it; or all.
    pub(super) fn voucher_uses(
        &self,
        home: Option<&TenantName>,
        page: &Page,
    ) -> Result<VoucherUseList, NotFound> {
        if let Some(tenant) = home {
            self.known_tenant(tenant)?;
        }
        let mut items = Vec::new();
        for (name, voucher) in self.money.vouchers() {
            let holder = TenantName::from(voucher.spec.holder.as_str());
            let relation = match home {
                Some(home) => match self.relation(home, &holder) {
                    Some(relation) => Some(relation),
                    None => continue,
                },
                None => None,
            };
            let namespace = home_namespace(home.map_or(holder.as_str(), TenantName::as_str));
            items.push(self.voucher_use(&namespace, name, voucher, relation));
        }
        // What is declared comes by name, and sorting keeps that.
        items.sort_by_key(|told| match told.relation {
            None | Some(Relation::Own) => 0,
            Some(Relation::Above) => 1,
            Some(Relation::Below) => 2,
        });
        let name = |told: &VoucherUse| told.metadata.name.clone().unwrap_or_default();
        let (items, metadata) = page.cut(items, name);
        let mut list = VoucherUseList::new(self.age(), items);
        list.metadata = metadata;
        if page.is_first() {
            list.own_money = self.own_monies(home);
        }
        Ok(list)
    }

    /// Budgets of a tenant and of those below it, and of the one above that pays where it has
    /// none (L2); or all.
    fn own_monies(&self, home: Option<&TenantName>) -> Vec<OwnMoney> {
        let path = home.and_then(|home| self.tenants.path(home.as_str()));
        let mut path = path.into_iter().flatten();
        let payer = path.find(|tenant| self.own_money(tenant).is_some());
        let shown = |tenant: &TenantName| match home {
            None => true,
            Some(home) => match self.relation(home, tenant) {
                Some(Relation::Own | Relation::Below) => true,
                Some(Relation::Above) => payer.as_ref() == Some(tenant),
                None => false,
            },
        };
        let tenants = self.tenants.names().map(TenantName::from);
        let tenants = tenants.filter(shown);
        tenants
            .filter_map(|tenant| self.own_money(&tenant))
            .collect()
    }

    fn voucher_use(
        &self,
        namespace: &str,
        name: &str,
        voucher: &ComputeVoucher,
        relation: Option<Relation>,
    ) -> VoucherUse {
        let (spec, now) = (&voucher.spec, self.ticker.clock().now());
        let state = self.voucher_state(name, voucher);
        let mut told = VoucherUse::new(self.age(), namespace, name, state);
        told.relation = relation;
        told.holder.clone_from(&spec.holder);
        told.type_ = spec.type_;
        told.issuer.clone_from(&spec.issuer);
        told.funding_line.clone_from(&spec.funding_line);
        told.face.clone_from(&spec.face_value);
        told.coverage.clone_from(&spec.coverage);
        told.valid_from.clone_from(&spec.valid_from);
        told.valid_until.clone_from(&spec.valid_until);
        told.scope.clone_from(&spec.scope);
        told.caps.clone_from(&spec.caps);
        let name = name.into();
        let Some(posted) = self.books.voucher(&name) else {
            return told;
        };
        told.valid_from = Some(time(posted.grant.valid_from));
        told.priority = Some(posted.grant.priority);
        if spec.type_ == VoucherType::OwnFunds {
            return told;
        }
        if let Some(balance) = self.books.voucher_balance(&name) {
            told.face = money(balance.face);
            told.held = Some(money(balance.held));
            told.spent = Some(money(balance.spent));
            told.returned = Some(money(balance.returned));
            told.left = Some(money(balance.available));
            told.expiring_soon =
                balance.available > MicroYuan::ZERO && ends_soon(posted.grant.valid_until, now);
        }
        told
    }

    fn voucher_state(&self, name: &str, voucher: &ComputeVoucher) -> VoucherUseState {
        let Some(posted) = self.books.voucher(&name.into()) else {
            let approval = voucher.status.as_ref().and_then(|it| it.approval.as_ref());
            return match approval.map(|approval| approval.decision) {
                None => VoucherUseState::AwaitsApproval,
                Some(Decision::Refused) => VoucherUseState::Refused,
                Some(Decision::Approved) => VoucherUseState::NotPosted,
            };
        };
        let over = posted.grant.valid_until;
        let over = over.is_some_and(|end| end <= self.ticker.clock().now());
        match posted.state {
            VoucherState::Revoked => VoucherUseState::Revoked,
            _ if posted.expired || over => VoucherUseState::Expired,
            VoucherState::Active => VoucherUseState::Active,
            VoucherState::Frozen => VoucherUseState::Frozen,
        }
    }
}

fn ends_soon(end: Option<Stamp>, now: Stamp) -> bool {
    end.is_some_and(|end| end > now && end.seconds_since(now) <= SOON)
}
