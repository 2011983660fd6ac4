//! The parameters of a read: which of them mean something here, and what they mean. What would
//! otherwise be ignored in silence is refused.

use axum::extract::Query as Parameters;
use edugrid_crds::visibility::{QUEUED_JOBS, QueuePhase};
use edugrid_units::ReasonCode;
use hyper::Uri;
use serde::Deserialize;

use super::{paging::Page, query::Select, route::Target, status::Refusal, table::IncludeObject};

/// All parameters that clients of Kubernetes send when they read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asks {
    watch: Option<String>,
    include_object: Option<String>,
    label_selector: Option<String>,
    field_selector: Option<String>,
    limit: Option<String>,
    #[serde(rename = "continue")]
    token: Option<String>,
    // What follows asks for nothing that an answer from memory could give or withhold.
    #[serde(rename = "resourceVersion")]
    _resource_version: Option<String>,
    #[serde(rename = "resourceVersionMatch")]
    _resource_version_match: Option<String>,
    #[serde(rename = "timeoutSeconds")]
    _timeout_seconds: Option<String>,
    #[serde(rename = "timeout")]
    _timeout: Option<String>,
    #[serde(rename = "pretty")]
    _pretty: Option<String>,
    #[serde(rename = "allowWatchBookmarks")]
    _allow_watch_bookmarks: Option<String>,
    #[serde(rename = "sendInitialEvents")]
    _send_initial_events: Option<String>,
}

/// What a client's parameters ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// How much of the object a table's row carries.
    pub include: IncludeObject,
    /// Which page of a list.
    pub page: Page,
    /// Which jobs of a queue.
    pub select: Select,
}

impl Asked {
    /// Reads the parameters of a request for `target`.
    ///
    /// # Errors
    /// If one is unknown or can't be honoured.
    pub fn parse(target: &Target, uri: &Uri) -> Result<Self, Refusal> {
        let Parameters(asks) = Parameters::<Asks>::try_from_uri(uri)
            .map_err(|error| Refusal::BadRequest(error.body_text()))?;
        let given = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.is_empty());
        if !matches!(asks.watch.as_deref(), None | Some("" | "0" | "false")) {
            return Err(Refusal::Method("watch".to_owned()));
        }
        if given(&asks.label_selector) {
            return Err(Refusal::BadRequest(
                "labelSelector: answers carry no labels, select by fields or filter what comes back"
                    .to_owned(),
            ));
        }
        let fields = asks.field_selector.as_deref().unwrap_or_default();
        let select = select(target, fields)?;
        let list = format!(
            "{}/{}?{fields}",
            target.resource.plural,
            target.namespace.as_deref().unwrap_or_default(),
        );
        let include = IncludeObject::parse(asks.include_object.as_deref()).ok_or_else(|| {
            Refusal::BadRequest("includeObject: one of None, Metadata, Object".to_owned())
        })?;
        Ok(Self {
            include,
            page: Page::parse(&list, asks.limit.as_deref(), asks.token.as_deref())?,
            select,
        })
    }
}

/// Reads a field selector: `phase=Waiting,reason=QuotaExceeded`.
fn select(target: &Target, fields: &str) -> Result<Select, Refusal> {
    let mut select = Select::default();
    for term in fields.split(',').filter(|term| !term.is_empty()) {
        let bad = |way_out: String| Refusal::BadRequest(format!("fieldSelector {term}: {way_out}"));
        if *target.resource != QUEUED_JOBS || target.name.is_some() {
            return Err(bad("only lists of queuedjobs are selected by fields".into()));
        }
        let (field, value) = term
            .split_once("==")
            .or_else(|| term.split_once('='))
            .filter(|(field, _)| !field.ends_with('!'))
            .ok_or_else(|| bad("write FIELD=VALUE".into()))?;
        match field {
            "phase" => {
                let phases = [
                    QueuePhase::Waiting,
                    QueuePhase::Admitted,
                    QueuePhase::Running,
                ];
                let phase = phases.into_iter().find(|phase| phase.as_str() == value);
                let way_out = || bad("one of Waiting, Admitted, Running".into());
                select.phase = Some(phase.ok_or_else(way_out)?);
            }
            "reason" => {
                let codes = ReasonCode::ALL.iter();
                let code = codes.copied().find(|code| code.as_str() == value);
                select.reason = Some(code.ok_or_else(|| bad("no such reason code".into()))?);
            }
            "metadata.name" => select.name = Some(value.to_owned()),
            _ => {
                let known = "field label not supported, use phase, reason or metadata.name";
                return Err(bad(known.into()));
            }
        }
    }
    Ok(select)
}
