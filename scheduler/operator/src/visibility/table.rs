//! Answers in the two forms that clients read: the objects themselves, and the table that
//! `kubectl get` prints (`meta.k8s.io/v1` `Table`).
//!
//! Must not know: how an answer came about. Cells only repeat fields.

use edugrid_crds::{
    text::{Money, Quantity},
    visibility::{
        Explanation, QueuedJob, QueuedJobList, Relation, Statement, StatementList, TenantUse,
        TenantUseList, VoucherUse, VoucherUseList,
    },
};
use edugrid_units::Language;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ListMeta, ObjectMeta, Time};
use serde::Serialize;
use serde_json::{Value, json};

/// What a client must accept to get a table.
pub const TABLE: [&str; 3] = ["as=Table", "v=v1", "g=meta.k8s.io"];

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Some jobs.
    Queue(QueuedJobList),
    /// One job.
    Job(Box<QueuedJob>),
    /// Why it waits.
    Explanation(Box<Explanation>),
    /// Some months.
    Statements(StatementList),
    /// One month.
    Statement(Box<Statement>),
    /// The tenants of a home.
    TenantUses(TenantUseList),
    /// One tenant.
    TenantUse(Box<TenantUse>),
    /// The vouchers of a home.
    VoucherUses(VoucherUseList),
    /// One voucher.
    VoucherUse(Box<VoucherUse>),
}

/// How much of the object a row carries (`includeObject`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// Its metadata: by it kubectl prints namespaces and `-o name`.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

impl IncludeObject {
    /// Reads the query parameter.
    pub fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("") | Some("Metadata") => Some(Self::Metadata),
            Some("None") => Some(Self::None),
            Some("Object") => Some(Self::Object),
            Some(_) => None,
        }
    }
}

/// A table on the wire.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    kind: &'static str,
    api_version: &'static str,
    metadata: ListMeta,
    column_definitions: Vec<Column>,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Column {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    format: &'static str,
    description: &'static str,
    /// 0 is always shown, 1 only with `-o wide`.
    priority: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Row {
    cells: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Value>,
}

/// A kind that has a table.
trait Tabled: Serialize {
    /// Name, description and priority of each column after the name's.
    const COLUMNS: &'static [(&'static str, &'static str, i32)];
    fn metadata(&self) -> &ObjectMeta;
    /// A cell for each column of [`COLUMNS`](Self::COLUMNS).
    fn cells(&self, language: Language) -> Vec<Value>;
}

impl Answer {
    /// The answer as a table.
    pub fn table(&self, include: IncludeObject, language: Language) -> Table {
        let form = Form { include, language };
        match self {
            Self::Queue(list) => table(&list.items, &list.metadata, form),
            Self::Job(job) => one(job.as_ref(), form),
            Self::Explanation(explanation) => one(explanation.as_ref(), form),
            Self::Statements(list) => table(&list.items, &list.metadata, form),
            Self::Statement(statement) => one(statement.as_ref(), form),
            Self::TenantUses(list) => table(&list.items, &list.metadata, form),
            Self::TenantUse(tenant) => one(tenant.as_ref(), form),
            Self::VoucherUses(list) => table(&list.items, &list.metadata, form),
            Self::VoucherUse(voucher) => one(voucher.as_ref(), form),
        }
    }
}

/// How rows are written.
#[derive(Clone, Copy)]
struct Form {
    include: IncludeObject,
    /// Of sentences; names and codes are the same in all.
    language: Language,
}

fn one<T: Tabled>(item: &T, form: Form) -> Table {
    table(std::slice::from_ref(item), &ListMeta::default(), form)
}

fn table<T: Tabled>(items: &[T], metadata: &ListMeta, form: Form) -> Table {
    let name = Column {
        name: "Name",
        kind: "string",
        format: "name",
        description: "Name of the object",
        priority: 0,
    };
    let others = T::COLUMNS
        .iter()
        .map(|&(name, description, priority)| Column {
            name,
            kind: "string",
            format: "",
            description,
            priority,
        });
    Table {
        kind: "Table",
        api_version: "meta.k8s.io/v1",
        metadata: metadata.clone(),
        column_definitions: std::iter::once(name).chain(others).collect(),
        rows: items.iter().map(|item| row(item, form)).collect(),
    }
}

fn row<T: Tabled>(item: &T, form: Form) -> Row {
    let mut cells = vec![json!(item.metadata().name)];
    cells.extend(item.cells(form.language));
    let object = match form.include {
        IncludeObject::None => None,
        IncludeObject::Metadata => Some(json!({
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": item.metadata(),
        })),
        // Ours are plain structs with text keys: they always become JSON.
        IncludeObject::Object => serde_json::to_value(item).ok(),
    };
    Row { cells, object }
}

/// The text, or nothing.
fn cell(text: Option<impl ToString>) -> Value {
    json!(text.map(|text| text.to_string()).unwrap_or_default())
}

/// The sentence in a language, in English where there is no other.
fn said<'a>(
    english: Option<&'a String>,
    chinese: Option<&'a String>,
    language: Language,
) -> Option<&'a String> {
    match language {
        Language::English => english,
        Language::Chinese => chinese.or(english),
    }
}

/// An instant as JSON writes it, without the quotes.
fn instant(time: &Time) -> Value {
    serde_json::to_value(time).unwrap_or_default()
}

impl Tabled for QueuedJob {
    const COLUMNS: &'static [(&'static str, &'static str, i32)] = &[
        ("Phase", "Where it stands", 0),
        ("Reason", "Why it waits", 0),
        ("Tenant", "Whose it is", 0),
        ("Pool", "Where it runs, or would", 0),
        ("Units", "Billed units of the pool", 0),
        ("Position", "Place among all that wait for the pool", 0),
        ("Waiting since", "Since when it is eligible", 0),
        ("In tenant", "Place among the waiting jobs of its tenant", 1),
        ("Class", "Its class", 1),
        ("Tier", "The tier of its class", 1),
        ("Submitter", "Who submitted it", 1),
        ("Held", "Yuan set aside for it", 1),
        ("Message", "Why it waits, in a sentence", 1),
    ];

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn cells(&self, language: Language) -> Vec<Value> {
        vec![
            json!(self.phase.as_str()),
            cell(self.reason.as_ref()),
            cell(self.tenant.as_ref()),
            cell(self.pool.as_ref()),
            cell(self.units.as_ref()),
            cell(self.position_in_pool),
            self.waiting_since
                .as_ref()
                .map_or_else(|| json!(""), instant),
            cell(self.position_in_tenant),
            cell(self.class.as_ref()),
            cell(self.tier.as_ref()),
            cell(self.submitter.as_ref()),
            cell(self.held.as_ref()),
            cell(said(
                self.message.as_ref(),
                self.message_zh.as_ref(),
                language,
            )),
        ]
    }
}

impl Tabled for Explanation {
    const COLUMNS: &'static [(&'static str, &'static str, i32)] = &[
        ("Phase", "Where it stands", 0),
        ("Reason", "Why it waits", 0),
        ("Message", "The same in a sentence", 0),
    ];

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn cells(&self, language: Language) -> Vec<Value> {
        let reason = self.reason.as_ref();
        vec![
            json!(self.phase.as_str()),
            cell(reason.map(|reason| &reason.code)),
            cell(reason.and_then(|reason| {
                said(Some(&reason.message), reason.message_zh.as_ref(), language)
            })),
        ]
    }
}

impl Tabled for Statement {
    const COLUMNS: &'static [(&'static str, &'static str, i32)] = &[
        ("Tenant", "Whose it is", 0),
        ("Cost", "Yuan charged", 0),
        ("Vouchers", "Of it, paid by vouchers", 0),
        ("Own", "Of it, paid by own money", 0),
        ("As of", "When it was true, by the operator's clock", 0),
        ("Entries", "Entries of the ledger by then", 1),
    ];

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn cells(&self, _: Language) -> Vec<Value> {
        let money = |amount: &Money| json!(amount.as_str());
        vec![
            json!(self.tenant),
            money(&self.totals.cost),
            money(&self.totals.vouchers),
            money(&self.totals.own),
            instant(&self.age.as_of),
            cell(Some(self.ledger.entries)),
        ]
    }
}

impl Tabled for TenantUse {
    const COLUMNS: &'static [(&'static str, &'static str, i32)] = &[
        (
            "Used",
            "Units used of the effective nominal quota, by pool",
            0,
        ),
        ("Borrowed", "Units used above it", 0),
        (
            "Available",
            "Units it could still use, borrowing included",
            0,
        ),
        ("Vouchers", "Yuan left on the vouchers that it holds", 0),
        ("Own", "Yuan left of its own money", 0),
        ("As of", "When it was true, by the operator's clock", 1),
    ];

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn cells(&self, _: Language) -> Vec<Value> {
        let zero = Quantity::default().text();
        let pools = |text: &dyn Fn(&edugrid_crds::visibility::PoolUse) -> Option<String>| {
            let each = |pool| text(pool).map(|text| format!("{} {text}", pool.pool));
            json!(
                self.pools
                    .iter()
                    .filter_map(each)
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        };
        vec![
            pools(&|pool| Some(format!("{}/{}", pool.usage, pool.effective_nominal))),
            pools(&|pool| Some(pool.borrowed.text()).filter(|borrowed| *borrowed != zero)),
            pools(&|pool| Some(pool.available.text())),
            cell(self.vouchers.as_ref().map(|vouchers| &vouchers.available)),
            cell(self.own.as_ref().map(|own| &own.available)),
            instant(&self.age.as_of),
        ]
    }
}

impl Tabled for VoucherUse {
    const COLUMNS: &'static [(&'static str, &'static str, i32)] = &[
        ("Holder", "Who holds it", 0),
        ("Type", "What kind of money it is", 0),
        ("State", "What it is now", 0),
        ("Face", "Yuan it was made for", 0),
        ("Held", "Yuan set aside for admitted jobs", 0),
        ("Spent", "Yuan charged", 0),
        ("Left", "Yuan that it can still pay", 0),
        ("Until", "When it expires", 0),
        (
            "Soon",
            "Whether it expires within 30 days with something left",
            0,
        ),
        ("Coverage", "The part of a price that it pays", 1),
        ("Relation", "How its holder stands to the home's tenant", 1),
        ("Issuer", "Who granted it", 1),
        ("Line", "The funding line it comes from", 1),
    ];

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn cells(&self, _: Language) -> Vec<Value> {
        let valid_until = self.valid_until.as_ref();
        vec![
            json!(self.holder),
            json!(self.type_),
            json!(self.state.as_str()),
            cell(Some(&self.face)),
            cell(self.held.as_ref()),
            cell(self.spent.as_ref()),
            cell(self.left.as_ref()),
            valid_until.map_or_else(|| json!(""), instant),
            json!(if self.expiring_soon { "yes" } else { "" }),
            json!(format!("{}/{}", self.coverage.num, self.coverage.den)),
            cell(self.relation.map(Relation::as_str)),
            json!(self.issuer),
            cell(self.funding_line.as_ref()),
        ]
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
