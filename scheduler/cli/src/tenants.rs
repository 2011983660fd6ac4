//! `tenants`: a tenant and all below it as a tree, with quota and use per pool.

use edugrid_crds::{
    labels::home_namespace,
    visibility::{Party, PoolUse, TENANT_USES, TenantUse, TenantUseList},
};
use edugrid_units::Language;

use crate::{
    arguments::{Format, Tenants},
    cluster::{Cluster, Wanted},
    explain::available,
    failure::{Elsewhere, Failure},
    grid::{Cell, Grid},
    look::{Look, Tone},
    output::{Page, instant, word_of},
    sentences, watch,
    words::{Word, value},
};

/// How far a tenant is indented below its parent. Blanks, not lines: characters that draw boxes
/// are wider in Chinese terminals than anywhere else.
const INDENT: &str = "  ";

/// Shows a tenant's subtree, or the whole tree.
///
/// # Errors
/// If it can't be read.
pub async fn run(cluster: &Cluster, asked: &Tenants, look: Look) -> Result<(), Failure> {
    let look = look.wide(asked.output == Format::Wide);
    let home = asked.tenant.as_deref().map(home_namespace);
    let wanted = Wanted {
        resource: &TENANT_USES,
        namespace: home.as_deref(),
        name: None,
        role: match home {
            Some(_) => "edugrid-tenant-viewer",
            None => "edugrid-operator-admin",
        },
        elsewhere: Elsewhere::Homes,
    };
    watch::show(&asked.watch, look, async || {
        let list: TenantUseList = cluster.read_list(wanted, None).await?;
        Ok(match asked.output {
            Format::Table | Format::Wide => Page::aged(text(&list, look), &list.age, look),
            Format::Json => Page::json(&list)?,
            Format::Yaml => Page::yaml(&list)?,
        })
    })
    .await
}

fn text(list: &TenantUseList, look: Look) -> String {
    let paragraphs = [tree(list, look), stops(list, look), users(list, look)];
    let paragraphs = paragraphs.into_iter().filter(|text| !text.is_empty());
    paragraphs.collect::<Vec<_>>().join("\n")
}

/// A line for each tenant and pool; what is the tenant's and not the pool's stands in its first.
fn tree(list: &TenantUseList, look: Look) -> String {
    let mut heads = vec![Word::Tenant, Word::Level];
    if look.wide {
        heads.push(Word::Name);
    }
    heads.extend([Word::Running, Word::Waiting, Word::Pool, Word::Nominal]);
    if look.wide {
        heads.push(Word::Effective);
    }
    heads.extend([Word::Used, Word::Borrowed, Word::Lent, Word::Available]);
    if look.wide {
        heads.extend([
            Word::MayBorrow,
            Word::Average,
            Word::Share,
            Word::Lenders,
            Word::Borrowers,
        ]);
    }
    let mut grid = Grid::new(look, &heads);
    for tenant in &list.items {
        let pools: Vec<Option<&PoolUse>> = match tenant.pools.as_slice() {
            [] => vec![None],
            pools => pools.iter().map(Some).collect(),
        };
        for (line, pool) in pools.into_iter().enumerate() {
            let mut cells = if line == 0 {
                of_tenant(tenant, look)
            } else {
                vec![Cell::default(); if look.wide { 5 } else { 4 }]
            };
            cells.extend(pool.into_iter().flat_map(|pool| of_pool(pool, look)));
            grid.row(cells);
        }
    }
    grid.text()
}

fn of_tenant(tenant: &TenantUse, look: Look) -> Vec<Cell> {
    let depth = usize::try_from(tenant.depth).unwrap_or(0);
    let name = tenant.metadata.name.clone().unwrap_or_default();
    let level = tenant.level.as_ref().map(word_of).unwrap_or_default();
    let mut cells = vec![
        Cell::from(format!("{}{name}", INDENT.repeat(depth))),
        value(look.language, &level).into(),
    ];
    if look.wide {
        cells.push(displayed(tenant, look.language).into());
    }
    let waiting = match tenant.waiting {
        0 => Cell::from("0"),
        jobs => Cell::toned(Tone::Wait, jobs.to_string()),
    };
    cells.extend([tenant.running.to_string().into(), waiting]);
    cells
}

/// What people call it, in the reader's language before the other.
fn displayed(tenant: &TenantUse, language: Language) -> String {
    let Some(names) = &tenant.display_name else {
        return String::new();
    };
    let (first, second) = match language {
        Language::English => (&names.en, &names.zh),
        Language::Chinese => (&names.zh, &names.en),
    };
    first
        .as_ref()
        .or(second.as_ref())
        .cloned()
        .unwrap_or_default()
}

fn of_pool(pool: &PoolUse, look: Look) -> Vec<Cell> {
    let mut cells = vec![
        Cell::from(pool.pool.as_str()),
        pool.nominal.to_string().into(),
    ];
    if look.wide {
        cells.push(pool.effective_nominal.to_string().into());
    }
    cells.extend([
        pool.usage.to_string().into(),
        some(&pool.borrowed.to_string()),
        some(&pool.lent.to_string()),
        available(&pool.available.to_string()),
    ]);
    if look.wide {
        let limit = pool.borrowing_limit.as_ref().map(ToString::to_string);
        cells.extend([
            limit
                .unwrap_or_else(|| sentences::no_limit(look.language))
                .into(),
            pool.average_borrowed.to_string().into(),
            pool.share.to_string().into(),
            parties(&pool.lenders, look.language).into(),
            parties(&pool.borrowers, look.language).into(),
        ]);
    }
    cells
}

/// An amount that deserves a look unless it is nothing.
fn some(amount: &str) -> Cell {
    let tone = if amount == "0" {
        Tone::Plain
    } else {
        Tone::Wait
    };
    Cell::toned(tone, amount)
}

/// `hit 8, others 4`: other tenants only in sum.
fn parties(parties: &[Party], language: Language) -> String {
    let party = |party: &Party| {
        let name = party.tenant.clone();
        let name = name.unwrap_or_else(|| sentences::others(language));
        format!("{name} {}", party.units)
    };
    parties.iter().map(party).collect::<Vec<_>>().join(", ")
}

/// What will be taken back after a cut, and when.
fn stops(list: &TenantUseList, look: Look) -> String {
    let mut text = String::new();
    for tenant in &list.items {
        for pool in &tenant.pools {
            if let Some(from) = &pool.stops_from {
                let name = tenant.metadata.name.as_deref().unwrap_or_default();
                text += &sentences::stops_from(look.language, name, &pool.pool, &instant(from));
                text.push('\n');
            }
        }
    }
    text
}

/// Who has jobs, with `-o wide`.
fn users(list: &TenantUseList, look: Look) -> String {
    let heads = [
        Word::Tenant,
        Word::User,
        Word::Running,
        Word::Waiting,
        Word::Used,
    ];
    let mut grid = Grid::new(look, &heads);
    for tenant in list.items.iter().filter(|_| look.wide) {
        for user in &tenant.users {
            let pools = user.pools.iter();
            let pools = pools.map(|used| format!("{} {}", used.pool, used.usage));
            grid.row(vec![
                tenant.metadata.name.clone().unwrap_or_default().into(),
                user.user.as_str().into(),
                user.running.to_string().into(),
                user.waiting.to_string().into(),
                pools.collect::<Vec<_>>().join(", ").into(),
            ]);
        }
    }
    if grid.is_empty() {
        return String::new();
    }
    grid.text()
}

#[cfg(test)]
#[path = "tenants_tests.rs"]
mod tests;
