//! What the cluster says to a job before it is there: a strict dry run of the job, one of each
//! pod template, and what the operator would say to the rest.
//!
//! The template of a job is opaque to the API server, so a typo inside shows only in the native
//! Job that the operator makes of it. People who may submit may not create Jobs: those would go
//! round the queue (Q5). So each template is tried as a `PodTemplate`, which the API server reads
//! and checks exactly like the one inside a Job, and which runs nothing.

use edugrid_core::JobSpec;
use edugrid_crds::{
    ComputeJobSpec,
    compute_job::JobRole,
    labels::{FIELD_MANAGER, GROUP, VERSION},
};
use edugrid_translate::job::{self, Identity};
use edugrid_units::{Language, Stamp};
use kube::core::Status;
use serde_json::{Value, json};

use super::{Problem, manifest::Manifest};
use crate::{
    cluster::{self, Cluster},
    failure::Failure,
    sentences,
};

/// A job that nothing speaks against so far.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Where it goes.
    pub namespace: String,
    /// Its name; for a dry run of `generateName` one of those that could be.
    pub name: String,
    /// What it asks, in the engine's words.
    pub spec: JobSpec,
    /// Whether the API server has tried its templates.
    pub templates_tried: bool,
}

/// The path of the jobs of a namespace.
fn jobs(namespace: &str, dry_run: bool) -> String {
    let trial = if dry_run { "dryRun=All&" } else { "" };
    format!(
        "/apis/{GROUP}/{VERSION}/namespaces/{namespace}/computejobs?{trial}\
         fieldValidation=Strict&fieldManager={FIELD_MANAGER}-cli"
    )
}

/// Creates the job; returns its name.
///
/// # Errors
/// With what the API server says against it.
pub async fn create(cluster: &Cluster, manifest: &Manifest) -> Result<String, Failure> {
    let path = jobs(&manifest.namespace, false);
    match cluster.post(&path, &manifest.object).await {
        Ok(object) => Ok(name_of(&object)),
        Err(kube::Error::Api(status)) => Err(no_access(&status, manifest)
            .unwrap_or_else(|| Failure::Refused(status.message.clone()))),
        Err(error) => Err(cluster::failure(&error)),
    }
}

/// Tries a job; the inner result is what is wrong with it.
///
/// # Errors
/// If the cluster can't be asked, or the user may not submit there.
pub async fn run(
    cluster: &Cluster,
    manifest: &Manifest,
    language: Language,
) -> Result<Result<Tried, Vec<Problem>>, Failure> {
    let path = jobs(&manifest.namespace, true);
    let object = match cluster.post(&path, &manifest.object).await {
        Ok(object) => object,
        Err(kube::Error::Api(status)) if is_refusal(&status) => {
            return Ok(Err(refused(manifest, &status, "", language)));
        }
        Err(kube::Error::Api(status)) if status.code == 404 => {
            return Err(Failure::NotServed(format!("{GROUP}/{VERSION}")));
        }
        Err(kube::Error::Api(status)) => {
            return Err(no_access(&status, manifest).unwrap_or_else(|| cluster::general(&status)));
        }
        Err(error) => return Err(cluster::failure(&error)),
    };
    let spec: ComputeJobSpec = match serde_json::from_value(object["spec"].clone()) {
        Ok(spec) => spec,
        Err(error) => return Ok(Err(vec![problem(manifest, None, error.to_string())])),
    };
    let (mut problems, mut templates_tried) = (Vec::new(), true);
    for role in &spec.roles {
        match try_template(cluster, manifest, role, language).await? {
            Some(found) => problems.extend(found),
            None => templates_tried = false,
        }
    }
    let read = as_the_operator(manifest, &spec);
    // What the API server said of a template it says better.
    if problems.is_empty()
        && let Some(reason) = &read.blocked
    {
        let what = format!("{}: {}", reason.code, reason.sentence(language));
        problems.push(problem(manifest, None, what));
    }
    Ok(if problems.is_empty() {
        Ok(Tried {
            namespace: manifest.namespace.clone(),
            name: name_of(&object),
            spec: read,
            templates_tried,
        })
    } else {
        Err(problems)
    })
}

/// The job as the operator would read it, were it there.
fn as_the_operator(manifest: &Manifest, spec: &ComputeJobSpec) -> JobSpec {
    let identity = Identity {
        uid: "not-yet".into(),
        namespace: manifest.namespace.clone(),
        name: manifest.name.clone().unwrap_or_default(),
        generation: 1,
        created: Stamp::default(),
    };
    job::job(&identity, spec, "".into(), 1)
}

/// Tries the template of a role; `None`: the user may not try templates.
async fn try_template(
    cluster: &Cluster,
    manifest: &Manifest,
    role: &JobRole,
    language: Language,
) -> Result<Option<Vec<Problem>>, Failure> {
    let namespace = &manifest.namespace;
    let path =
        format!("/api/v1/namespaces/{namespace}/podtemplates?dryRun=All&fieldValidation=Strict");
    let template = serde_json::to_value(&role.template);
    let mut template = template.map_err(|error| Failure::Print(error.to_string()))?;
    // As the native Job will have it; a template's own default is for pods that never end.
    template["spec"]["restartPolicy"] = json!("Never");
    let body = json!({
        "apiVersion": "v1",
        "kind": "PodTemplate",
        "metadata": {"generateName": "edugrid-trial-", "namespace": namespace},
        "template": template,
    });
    let field = format!("spec.roles[{}].", role.name);
    match cluster.post(&path, &body).await {
        Ok(_) => Ok(Some(Vec::new())),
        Err(kube::Error::Api(status)) if is_refusal(&status) => {
            Ok(Some(refused(manifest, &status, &field, language)))
        }
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
        Err(kube::Error::Api(status)) => Err(cluster::general(&status)),
        Err(error) => Err(cluster::failure(&error)),
    }
}

/// Whether the API server has looked at the object and says what is wrong with it, or with the
/// place it should go to. A 403 of RBAC is about who asks.
fn is_refusal(status: &Status) -> bool {
    match status.code {
        400 | 409 | 413 | 422 => true,
        // Of a namespace that isn't there; the API server itself names nothing.
        404 => status
            .details
            .as_ref()
            .is_some_and(|it| !it.kind.is_empty()),
        403 => !is_rbac(status),
        _ => false,
    }
}

/// RBAC and policies both say 403. RBAC speaks before the body is read, in a fixed sentence of the
/// API server's.
fn is_rbac(status: &Status) -> bool {
    status.message.contains("cannot create resource")
}

fn no_access(status: &Status, manifest: &Manifest) -> Option<Failure> {
    (status.code == 403 && is_rbac(status)).then(|| Failure::NoAccess {
        verb: "create",
        resource: "computejobs.edugrid.io".to_owned(),
        namespace: Some(manifest.namespace.clone()),
        role: "edugrid-user",
    })
}

/// What a refusal says, field by field. `within` stands before the fields of a template.
fn refused(manifest: &Manifest, status: &Status, within: &str, language: Language) -> Vec<Problem> {
    const STRICT: &str = "strict decoding error: ";
    if status.code == 409 {
        let what = sentences::already_there(language);
        return vec![problem(manifest, Some("metadata.name".into()), what)];
    }
    if let Some((_, errors)) = status.message.split_once(STRICT) {
        return errors
            .split(", ")
            .map(|error| strict(manifest, error, within, language))
            .collect();
    }
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let causes: Vec<Problem> = causes
        .filter(|cause| !cause.field.is_empty())
        .map(|cause| {
            let field = Some(format!("{within}{}", cause.field));
            problem(manifest, field, cause.message.clone())
        })
        .collect();
    if causes.is_empty() {
        let field = (!within.is_empty()).then(|| format!("{within}template"));
        vec![problem(manifest, field, status.message.clone())]
    } else {
        causes
    }
}

/// One strict decoding error: `unknown field "spec.waltime"`, `duplicate field "spec.roles"`.
fn strict(manifest: &Manifest, error: &str, within: &str, language: Language) -> Problem {
    let quoted = error
        .split_once('"')
        .and_then(|(what, rest)| Some((what.trim(), rest.rsplit_once('"')?.0)));
    match quoted {
        Some((what, field)) => {
            let what = match what {
                "unknown field" => sentences::unknown_field(language),
                "duplicate field" => sentences::duplicate_field(language),
                other => other.to_owned(),
            };
            problem(manifest, Some(format!("{within}{field}")), what)
        }
        None => problem(manifest, None, error.to_owned()),
    }
}

fn problem(manifest: &Manifest, field: Option<String>, what: String) -> Problem {
    Problem {
        source: manifest.source.clone(),
        job: manifest.called(),
        field,
        what,
    }
}

fn name_of(object: &Value) -> String {
    object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
#[path = "trial_tests.rs"]
mod tests;
