//! `statement`: a month of a tenant, what its jobs used and who paid.

use edugrid_crds::{
    labels::home_namespace,
    visibility::{Age, Movement, STATEMENTS, Statement as Told, StatementList},
};
use edugrid_ledger::Month;
use edugrid_units::Stamp;

use crate::{
    arguments::{SheetFormat, Statement},
    cluster::{Cluster, Wanted},
    failure::Failure,
    grid::Grid,
    output,
};

/// A spreadsheet reads UTF-8 only where the file says so.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Shows a month.
///
/// # Errors
/// If it can't be read or nothing moved in it.
pub async fn run(cluster: &Cluster, asked: &Statement) -> Result<(), Failure> {
    let home = home_namespace(&asked.tenant);
    let wanted = Wanted {
        resource: &STATEMENTS,
        namespace: Some(&home),
        name: None,
        role: "edugrid-tenant-viewer",
        elsewhere: "name another --month; `kubectl edugrid statement` reads in the home namespace \
                    of the tenant",
    };
    let month = match asked.month {
        Some(month) => month,
        // The present month is that of the books, whose clock may not be this machine's (N5).
        None => month_of(&cluster.read::<StatementList>(wanted).await?.age),
    };
    let name = month.to_string();
    let told: Told = cluster
        .read(Wanted {
            name: Some(&name),
            ..wanted
        })
        .await?;
    output::print(&match asked.output {
        SheetFormat::Table => text(&told),
        SheetFormat::Json => output::json(&told)?,
        SheetFormat::Yaml => output::yaml(&told)?,
        SheetFormat::Csv => csv(&told),
    })
}

fn month_of(age: &Age) -> Month {
    Month::of(Stamp::from_seconds(age.as_of.0.as_second()))
}

fn text(told: &Told) -> String {
    let title = format!(
        "Tenant {}, {}, {}.\n",
        told.tenant,
        told.month,
        output::stated(&told.age)
    );
    let totals = &told.totals;
    let ledger = &told.ledger;
    let position = format!(
        "Read from the ledger at {} entries, head {}.\n",
        ledger.entries,
        if ledger.head.is_empty() {
            "unknown"
        } else {
            &ledger.head
        },
    );
    let totals = format!(
        "Cost {} yuan: {} from vouchers, {} from own money.\n",
        totals.cost, totals.vouchers, totals.own,
    );
    let paragraphs = [
        title,
        accounts(told),
        movements(told),
        transfers(told),
        totals + &position,
    ];
    let paragraphs: Vec<String> = paragraphs
        .into_iter()
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    paragraphs.join("\n")
}

fn accounts(told: &Told) -> String {
    if told.accounts.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(&["ACCOUNT", "OPENING", "CLOSING"]);
    for account in &told.accounts {
        let (opening, closing) = (account.opening.to_string(), account.closing.to_string());
        grid.row(vec![account.account.clone(), opening, closing]);
    }
    grid.text()
}

fn movements(told: &Told) -> String {
    if told.movements.is_empty() {
        return "No job was charged.\n".to_owned();
    }
    let mut grid = Grid::new(&[
        "JOB", "ATTEMPT", "POOL", "UNITS", "STARTED", "FINISHED", "SECONDS", "RATE", "COST",
        "VOUCHERS", "OWN", "OUTCOME",
    ]);
    for movement in &told.movements {
        let fields = fields(movement);
        let [_, namespace, job, rest @ ..] = fields;
        let mut cells = vec![format!("{namespace}/{job}")];
        cells.extend(rest);
        grid.row(cells);
    }
    grid.text()
}

fn transfers(told: &Told) -> String {
    if told.transfers.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new(&["ENTRY", "AT", "WHAT", "FROM", "TO", "AMOUNT"]);
    for transfer in &told.transfers {
        grid.row(vec![
            transfer.entry.to_string(),
            output::instant(&transfer.at),
            transfer.verb.clone(),
            transfer.debit.clone(),
            transfer.credit.clone(),
            transfer.amount.to_string(),
        ]);
    }
    grid.text()
}

/// Columns of the sheet; the table shows the same ones from the fourth on.
const COLUMNS: [&str; 14] = [
    "charged_at",
    "namespace",
    "job",
    "attempt",
    "pool",
    "units",
    "started_at",
    "finished_at",
    "seconds",
    "rate_yuan_per_unit_hour",
    "cost_yuan",
    "vouchers",
    "own_yuan",
    "outcome",
];

fn fields(movement: &Movement) -> [String; 14] {
    let vouchers = movement.vouchers.iter();
    let vouchers = vouchers.map(|share| format!("{}={}", share.name, share.amount));
    [
        output::instant(&movement.at),
        movement.namespace.clone(),
        movement.job.clone(),
        movement.attempt.to_string(),
        movement.pool.clone(),
        movement.units.to_string(),
        movement
            .started_at
            .as_ref()
            .map(output::instant)
            .unwrap_or_default(),
        movement
            .finished_at
            .as_ref()
            .map(output::instant)
            .unwrap_or_default(),
        movement.seconds.to_string(),
        movement
            .rate_per_unit_hour
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        movement.cost.to_string(),
        vouchers.collect::<Vec<_>>().join(";"),
        movement.own.to_string(),
        movement.outcome.clone().unwrap_or_default(),
    ]
}

/// The movements, RFC 4180, with the tenant and month before each.
fn csv(told: &Told) -> String {
    let mut text = String::from(BYTE_ORDER_MARK);
    let mut line = |cells: &[&str]| {
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    };
    line(&[&["tenant", "month"][..], &COLUMNS].concat());
    for movement in &told.movements {
        let fields = fields(movement);
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        line(&[&[told.tenant.as_str(), told.month.as_str()][..], &fields].concat());
    }
    text
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
#[path = "statement_tests.rs"]
mod tests;
