//! `vouchers`: what became of a tenant's vouchers, of those above that pay for it too, and of
//! those below; and own money, in which deposits mix.

use edugrid_crds::{
    labels::home_namespace,
    text::Money,
    visibility::{VOUCHER_USES, VoucherUse, VoucherUseList, VoucherUseState},
};

use crate::{
    arguments::{Format, Vouchers},
    cluster::{Cluster, Wanted},
    failure::{Elsewhere, Failure},
    grid::{Cell, Grid},
    look::{Look, Tone},
    output::{self, Page, word_of},
    sentences, watch,
    words::{Word, value},
};

/// Shows a tenant's vouchers, or all.
///
/// # Errors
/// If they can't be read.
pub async fn run(cluster: &Cluster, asked: &Vouchers, look: Look) -> Result<(), Failure> {
    let look = look.wide(asked.output == Format::Wide);
    let home = asked.tenant.as_deref().map(home_namespace);
    let wanted = Wanted {
        resource: &VOUCHER_USES,
        namespace: home.as_deref(),
        name: None,
        role: match home {
            Some(_) => "edugrid-tenant-viewer",
            None => "edugrid-operator-admin",
        },
        elsewhere: Elsewhere::Homes,
    };
    let tenant = asked.tenant.as_deref();
    watch::show(&asked.watch, look, async || {
        let list: VoucherUseList = cluster.read_list(wanted, None).await?;
        Ok(match asked.output {
            Format::Table | Format::Wide => Page::aged(text(&list, tenant, look), &list.age, look),
            Format::Json => Page::json(&list)?,
            Format::Yaml => Page::yaml(&list)?,
        })
    })
    .await
}

fn text(list: &VoucherUseList, tenant: Option<&str>, look: Look) -> String {
    let language = look.language;
    let vouchers = vouchers(&list.items, look);
    let own = own_money(list, look);
    match (vouchers.is_empty(), own.is_empty()) {
        (true, true) => match tenant {
            Some(name) => sentences::no_vouchers(language, name) + "\n",
            None => sentences::no_vouchers_anywhere(language) + "\n",
        },
        (false, true) => vouchers,
        (true, false) => own,
        (false, false) => format!("{vouchers}\n{own}"),
    }
}

fn vouchers(vouchers: &[VoucherUse], look: Look) -> String {
    let mut heads = vec![
        Word::Voucher,
        Word::Holder,
        Word::Type,
        Word::State,
        Word::Face,
        Word::Held,
        Word::Spent,
        Word::Left,
        Word::Expires,
    ];
    if look.wide {
        heads.extend([
            Word::From,
            Word::Issuer,
            Word::Line,
            Word::Coverage,
            Word::Scope,
        ]);
    }
    let mut grid = Grid::new(look, &heads);
    for voucher in vouchers {
        let mut cells = line(voucher, look);
        if look.wide {
            cells.extend(more(voucher));
        }
        grid.row(cells);
    }
    if grid.is_empty() {
        return String::new();
    }
    grid.text()
}

fn line(voucher: &VoucherUse, look: Look) -> Vec<Cell> {
    let language = look.language;
    let money = |amount: &Option<Money>| {
        let text = amount.as_ref().map(|amount| amount.as_str().to_owned());
        Cell::from(text.unwrap_or_default())
    };
    let state = value(language, voucher.state.as_str());
    let expires = match &voucher.valid_until {
        Some(until) => output::instant(until),
        None => sentences::never(language),
    };
    let expires = match voucher.expiring_soon {
        true => Cell::toned(Tone::Wait, expires),
        false => Cell::from(expires),
    };
    vec![
        voucher.metadata.name.clone().unwrap_or_default().into(),
        voucher.holder.as_str().into(),
        value(language, &word_of(&voucher.type_)).into(),
        Cell::toned(tone(voucher.state), state),
        voucher.face.as_str().into(),
        money(&voucher.held),
        money(&voucher.spent),
        money(&voucher.left),
        expires,
    ]
}

fn tone(state: VoucherUseState) -> Tone {
    match state {
        VoucherUseState::Active => Tone::Good,
        VoucherUseState::AwaitsApproval | VoucherUseState::NotPosted => Tone::Wait,
        VoucherUseState::Frozen | VoucherUseState::Refused => Tone::Bad,
        VoucherUseState::Revoked | VoucherUseState::Expired => Tone::Past,
    }
}

/// What stands there only with `-o wide`.
fn more(voucher: &VoucherUse) -> [Cell; 5] {
    let from = voucher.valid_from.as_ref().map(output::instant);
    let scope = voucher.scope.as_ref().map(|scope| {
        let names = scope.pools.iter().chain(&scope.classes);
        names.cloned().collect::<Vec<_>>().join(", ")
    });
    let coverage = &voucher.coverage;
    [
        from.unwrap_or_default().into(),
        voucher.issuer.as_str().into(),
        voucher.funding_line.clone().unwrap_or_default().into(),
        format!("{}/{}", coverage.num, coverage.den).into(),
        scope.unwrap_or_default().into(),
    ]
}

fn own_money(list: &VoucherUseList, look: Look) -> String {
    let heads = [
        Word::OwnMoneyOf,
        Word::Deposited,
        Word::Held,
        Word::Spent,
        Word::Left,
    ];
    let mut grid = Grid::new(look, &heads);
    for own in &list.own_money {
        grid.row(vec![
            own.tenant.as_str().into(),
            own.deposited.as_str().into(),
            own.held.as_str().into(),
            own.spent.as_str().into(),
            own.available.as_str().into(),
        ]);
    }
    if grid.is_empty() {
        return String::new();
    }
    grid.text()
}

#[cfg(test)]
#[path = "vouchers_tests.rs"]
mod tests;
