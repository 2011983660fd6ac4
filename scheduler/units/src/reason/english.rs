//! The English words of reasons. Clauses are lower-case fragments that join into one sentence.

use super::{Amount, Feature, ObjectKind, Reason, ReasonCode, Subject, subject::few};

/// What the code means.
pub(super) fn meaning(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::Held => "on hold by spec.state",
        ReasonCode::NotBefore => "waits for spec.startAfter",
        ReasonCode::DependsOn => "waits for another job",
        ReasonCode::LimitReached => "a limit is reached",
        ReasonCode::QuotaExceeded => "not enough quota is free",
        ReasonCode::BorrowingLimit => "the borrowing limit is reached",
        ReasonCode::InsufficientFunds => "vouchers and own money don't reach",
        ReasonCode::NoPrice => "no price is in effect for the pool and tier",
        ReasonCode::NoMatchingPool => "no pool can hold it",
        ReasonCode::DataClass => "the pool may not see this class of data",
        ReasonCode::ModelNotFiled => "serving needs spec.modelFiling",
        ReasonCode::NoIsolation => "no node can share a card safely",
        ReasonCode::Fragmented => "enough is free in sum, but not in the shapes it needs",
        ReasonCode::Topology => "no topology domain holds it",
        ReasonCode::Reserved => "what is free is reserved",
        ReasonCode::BehindClaim => "what is free is claimed by an earlier job",
        ReasonCode::BehindInOrder => "others come first",
        ReasonCode::WaitingForPreemption => "waits until preempted jobs have stopped",
        ReasonCode::NeedsCheckpoint => "was reclaimed too often to borrow without checkpoints",
        ReasonCode::BackOff => "did not start, waits before the next attempt",
        ReasonCode::Unhealthy => "nodes are not healthy",
        ReasonCode::TooLarge => "asks for more than there can ever be",
        ReasonCode::NotAllowed => "not allowed",
        ReasonCode::TenantStopped => "the tenant is stopped",
        ReasonCode::UnknownReference => "names something that does not exist",
        ReasonCode::TemplateRefused => "the API server refuses the pod template",
        ReasonCode::NamespaceNotRestricted => {
            "the namespace lacks the label pod-security.kubernetes.io/enforce: baseline"
        }
        ReasonCode::LedgerUnavailable => "the ledger can't be written",
        ReasonCode::LedgerRewound => "the ledger is older than its published head",
    }
}

/// What whoever waits can do.
pub(super) fn way_out(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::Held => "set spec.state to Run",
        ReasonCode::NotBefore => "it enters the queue at that time by itself",
        ReasonCode::DependsOn => "it goes on when that job has ended",
        ReasonCode::LimitReached => "wait for jobs to end, ask for less, or have the limit raised",
        ReasonCode::QuotaExceeded => {
            "wait until quota comes free, ask for less, or have the quota raised"
        }
        ReasonCode::BorrowingLimit => {
            "wait until borrowed quota comes back, or have borrowingLimit raised"
        }
        ReasonCode::InsufficientFunds => {
            "shorten spec.walltime, top up own money, or have a voucher granted"
        }
        ReasonCode::NoPrice => "ask the province to set a price for the pool and tier",
        ReasonCode::NoMatchingPool => "change spec.pools, the devices or the node selector",
        ReasonCode::DataClass => {
            "choose a pool that may see such data, or lower spec.dataClass if the data allow it"
        }
        ReasonCode::ModelNotFiled => "set spec.modelFiling to the filing number",
        ReasonCode::NoIsolation => "ask for whole cards",
        ReasonCode::Fragmented => "wait, or ask for smaller replicas",
        ReasonCode::Topology => "wait, or use mode Preferred",
        ReasonCode::Reserved => "wait until the reservation ends",
        ReasonCode::BehindClaim => "wait, or shorten spec.walltime so that it ends before",
        ReasonCode::BehindInOrder => "wait until jobs before it end",
        ReasonCode::WaitingForPreemption => "wait, it starts when they have stopped",
        ReasonCode::NeedsCheckpoint => "announce checkpoints, or wait until it fits into own quota",
        ReasonCode::BackOff => "it is tried again by itself; look at the events of its pods",
        ReasonCode::Unhealthy => "wait until the nodes are back, or choose another pool",
        ReasonCode::TooLarge => "ask for less, or choose another pool",
        ReasonCode::NotAllowed => "change the field, or ask the tenant's administrators",
        ReasonCode::TenantStopped => "ask the tenant's administrators",
        ReasonCode::UnknownReference => "correct the name, or have the object created",
        ReasonCode::TemplateRefused => "correct the template and submit the job again",
        ReasonCode::NamespaceNotRestricted => "have the label set on the namespace",
        ReasonCode::LedgerUnavailable => "wait; the province has been told by an alert",
        ReasonCode::LedgerRewound => "wait; the province must restore the ledger first",
    }
}

/// Meaning, subject and numbers.
pub(super) fn sentence(reason: &Reason) -> String {
    let mut text = meaning(reason.code).to_owned();
    if let Some(about) = &reason.subject {
        text += &format!(": {}", subject(about));
    }
    let mut add = |word: &str, value: Option<String>| {
        if let Some(value) = value {
            text += &format!(", {word} {value}");
        }
    };
    add("pool", reason.pool.as_ref().map(ToString::to_string));
    add("tenant", reason.node.as_ref().map(ToString::to_string));
    add("asked", reason.asked.as_ref().map(amount));
    add("free", reason.free.as_ref().map(amount));
    add("missing", reason.missing.as_ref().map(amount));
    text
}

fn amount(amount: &Amount) -> String {
    amount.to_string()
}

fn kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Tenant => "tenant",
        ObjectKind::Parent => "parent",
        ObjectKind::Class => "class",
        ObjectKind::Pool => "pool",
        ObjectKind::Voucher => "voucher",
        ObjectKind::Job => "job",
        ObjectKind::Namespace => "namespace",
    }
}

fn feature(feature: Feature) -> &'static str {
    match feature {
        Feature::Services => "spec.type: this version runs Training only",
        Feature::Arrays => "spec.array: this version runs single jobs only, submit one per task",
        Feature::Dependencies => {
            "spec.dependsOn: this version knows no dependencies, submit the job later"
        }
        Feature::ElasticRoles => {
            "spec.roles[].minReplicas: this version runs gangs of fixed size only"
        }
        Feature::RequiredTopology => {
            "spec.roles[].topology: this version can't require a level, use mode Preferred"
        }
        Feature::Deadlines => "spec.deadline: this version knows no deadlines, use spec.walltime",
    }
}

/// What the reason is about.
pub(super) fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Object { kind: of, name } => format!("{} {name}", kind(*of)),
        Subject::Retired { kind: of, name } => format!("{} {name} is retired", kind(*of)),
        Subject::Field(field) => (*field).to_owned(),
        Subject::SecondRoot { root } => format!("its parent (the one root is {root})"),
        Subject::ParentCycle => "its path to the root (parents form a cycle)".to_owned(),
        Subject::NoTenant { namespace } => {
            format!("namespace {namespace} has no label edugrid.io/tenant")
        }
        Subject::SystemNamespace { namespace } => {
            format!("namespace {namespace} belongs to the system and can't be a tenant's")
        }
        Subject::UncheckedNamespace { namespace } => format!(
            "namespace {namespace} got its label edugrid.io/tenant while an admission policy was missing: remove the \
             label and set it again"
        ),
        Subject::UncheckedSubmitter => {
            "it was made while an admission policy was missing, so nobody knows who asked \
                                        for it: submit it again"
                .to_owned()
        }
        Subject::NoReplicas => "spec.roles without a replica, at least 1 is needed".to_owned(),
        Subject::ClassOfOthers { class, user } => {
            format!("class {class} is for others than user {user}")
        }
        Subject::VoucherBarred { voucher, why } => format!("voucher {voucher} by its {why}"),
        Subject::NotYet(what) => feature(*what).to_owned(),
        Subject::DataClass { asked, most } => format!("{asked} data, allowed up to {most}"),
        Subject::OtherDevice { role, device } => {
            format!("role {role} asks for {device}, which other pools count")
        }
        Subject::NoCards { role } => {
            format!("role {role} asks for cards and the pool counts cores")
        }
        Subject::Fraction { role } => format!("role {role} asks for a part of a card"),
        Subject::NoNode { role } => {
            format!("no node has the labels or devices that role {role} wants")
        }
        Subject::NoPool { counts } => format!("no pool counts {counts}"),
        Subject::EachPool(pools) => {
            let each: Vec<_> = pools
                .iter()
                .map(|(pool, code)| format!("{pool} {code}"))
                .collect();
            each.join(", ")
        }
        Subject::Quota => "quota".to_owned(),
        Subject::OneReplica { role, resource } => {
            format!("{resource} of one replica of role {role}, on the largest node")
        }
        Subject::WholePool { resource } => format!("{resource}, in the whole pool"),
        Subject::SideBySide => "the replicas don't fit side by side on the pool's nodes".to_owned(),
        Subject::Limit { name, user: None } => (*name).to_owned(),
        Subject::Limit {
            name,
            user: Some(user),
        } => format!("{name} of user {user}"),
        Subject::ClassWalltime(class) => format!("walltime of class {class}"),
        Subject::NoticeTooLong {
            walltime,
            notice,
            class,
        } => format!("walltime {walltime} is not longer than the notice {notice} of class {class}"),
        Subject::Nodes(nodes) => {
            let (shown, more) = few(nodes);
            let shown = shown.join(", ");
            match more {
                0 => shown,
                more => format!("{shown} and {more} more"),
            }
        }
        Subject::Holders {
            resource,
            own,
            others,
            foreign,
        } => {
            let own = own
                .iter()
                .map(|(tenant, units)| format!("{tenant} {units}"));
            let others = (others.0 > 0).then(|| format!("other tenants {others}"));
            let foreign = foreign.map(|amount| format!("pods outside EduGrid {amount}"));
            let all: Vec<_> = own.chain(others).chain(foreign).collect();
            format!("{resource} held by {}", all.join(", "))
        }
        Subject::PriceTier(tier) => format!("price tier {tier}"),
        Subject::Funds { vouchers, own } => format!("vouchers pay {vouchers}, own money {own}"),
        Subject::Words(words) => words.clone(),
    }
}
