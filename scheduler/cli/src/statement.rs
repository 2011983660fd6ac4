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
    failure::{Elsewhere, Failure},
    grid::{Cell, Grid},
    look::Look,
    output::{self, Page},
    sentences,
    words::{Word, value},
};

/// A spreadsheet reads UTF-8 only where the file says so.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Shows a month.
///
/// # Errors
/// If it can't be read or nothing moved in it.
pub async fn run(cluster: &Cluster, asked: &Statement, look: Look) -> Result<(), Failure> {
    let home = home_namespace(&asked.tenant);
    let wanted = Wanted {
        resource: &STATEMENTS,
        namespace: Some(&home),
        name: None,
        role: "edugrid-tenant-viewer",
        elsewhere: Elsewhere::Months,
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
        SheetFormat::Table => text(&told, look),
        SheetFormat::Json => output::json(&told)?,
        SheetFormat::Yaml => output::yaml(&told)?,
        SheetFormat::Csv => csv(&told),
    })
}

fn month_of(age: &Age) -> Month {
    Month::of(Stamp::from_seconds(age.as_of.0.as_second()))
}

fn text(told: &Told, look: Look) -> String {
    let language = look.language;
    let totals = &told.totals;
    let totals = sentences::totals(
        language,
        totals.cost.as_str(),
        totals.vouchers.as_str(),
        totals.own.as_str(),
    );
    let head = match told.ledger.head.as_str() {
        "" => sentences::unknown(language),
        head => head.to_owned(),
    };
    let position = sentences::read_at(language, told.ledger.entries, &head);
    let paragraphs = [
        sentences::statement_of(language, &told.tenant, &told.month) + "\n",
        accounts(told, look),
        movements(told, look),
        transfers(told, look),
        format!("{totals}\n{position}\n"),
    ];
    let paragraphs = paragraphs.into_iter().filter(|text| !text.is_empty());
    Page::aged(paragraphs.collect::<Vec<_>>().join("\n"), &told.age, look).whole()
}

fn accounts(told: &Told, look: Look) -> String {
    let mut grid = Grid::new(look, &[Word::Account, Word::Opening, Word::Closing]);
    for account in &told.accounts {
        grid.row(vec![
            account.account.as_str().into(),
            account.opening.as_str().into(),
            account.closing.as_str().into(),
        ]);
    }
    if grid.is_empty() {
        return String::new();
    }
    grid.text()
}

fn movements(told: &Told, look: Look) -> String {
    let mut grid = Grid::new(
        look,
        &[
            Word::Job,
            Word::Attempt,
            Word::Pool,
            Word::Units,
            Word::Started,
            Word::Finished,
            Word::Seconds,
            Word::Rate,
            Word::Cost,
            Word::Voucher,
            Word::OwnMoney,
            Word::Outcome,
        ],
    );
    for movement in &told.movements {
        let [_, namespace, job, mut rest @ ..] = fields(movement);
        if let Some(outcome) = rest.last_mut() {
            *outcome = value(look.language, outcome).to_owned();
        }
        let mut cells = vec![Cell::from(format!("{namespace}/{job}"))];
        cells.extend(rest.into_iter().map(Cell::from));
        grid.row(cells);
    }
    if grid.is_empty() {
        return sentences::nothing_charged(look.language) + "\n";
    }
    grid.text()
}

fn transfers(told: &Told, look: Look) -> String {
    let heads = [
        Word::Entry,
        Word::At,
        Word::What,
        Word::Debit,
        Word::Credit,
        Word::Amount,
    ];
    let mut grid = Grid::new(look, &heads);
    for transfer in &told.transfers {
        grid.row(vec![
            transfer.entry.to_string().into(),
            output::instant(&transfer.at).into(),
            value(look.language, &transfer.verb).into(),
            transfer.debit.as_str().into(),
            transfer.credit.as_str().into(),
            transfer.amount.as_str().into(),
        ]);
    }
    if grid.is_empty() {
        return String::new();
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
