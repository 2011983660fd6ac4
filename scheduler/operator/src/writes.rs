//! Writes are values (HOUSE): the loop says what should stand in the cluster, one writer
//! makes it so.
//!
//! Contract: a write is started only while the lease is surely held, at most
//! [`IN_FLIGHT_MAX`] run at once, and each is answered exactly once by a [`Done`]. The
//! client waits and tries again by itself on 429, 503 and 504 as the server asks; there is
//! no rate limit on our side. Every write can be said twice without harm: names are
//! deterministic, patches carry the version they were made for, deletes the UID (A4).

use std::sync::Arc;

use edugrid_crds::{ComputeJob, labels};
use edugrid_units::{AttemptKey, JobUid, RoleName};
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{Namespace, Pod},
    rbac::v1::RoleBinding,
};
use kube::{
    Api, Client, Error, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
    core::{ApiResource, DynamicObject},
};
use serde_json::{Value, json};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use crate::{lease::Held, metrics::Events};

/// Most requests of the writer under way at once. HTTP/1.1: each is a connection.
pub const IN_FLIGHT_MAX: usize = 32;
/// Most writes that wait for the writer; the loop keeps the rest.
pub const QUEUE_MAX: usize = 256;
/// How often a status write looks again after somebody else changed the object.
const CONFLICT_TRIES: usize = 4;

/// The ClusterRole that the chart ships for tenants' administrators, and its binding's name.
pub const HOME_BINDING: &str = "edugrid-tenant-admin";

/// Something that should stand in the cluster.
#[derive(Clone, Debug)]
pub enum Write {
    /// Create the native Job of a role.
    CreateJob {
        /// Whose.
        key: AttemptKey,
        /// Which role.
        role: RoleName,
        /// The object.
        body: Value,
    },
    /// Delete the native Job of a role, if it still is that one.
    DeleteJob {
        /// Whose.
        key: AttemptKey,
        /// Which role.
        role: RoleName,
        /// Where.
        namespace: String,
        /// Its name.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// Pin a pod and take its gate off (P7).
    Pin {
        /// Whose.
        key: AttemptKey,
        /// The pod's UID, for the answer.
        uid: String,
        /// Where.
        namespace: String,
        /// Its name.
        name: String,
        /// The patch, with the version that was seen.
        patch: Value,
    },
    /// Write the whole of our part of a job's status.
    JobStatus {
        /// Which job.
        job: JobUid,
        /// Where.
        namespace: String,
        /// Its name.
        name: String,
        /// The version that was seen.
        resource_version: String,
        /// The epoch of this leader (A4).
        epoch: i64,
        /// The status; keys that should vanish are null.
        status: Value,
    },
    /// Write the status of one of our cluster-scoped objects.
    ObjectStatus {
        /// Its kind, for example `Tenant`.
        kind: &'static str,
        /// Its plural, for example `tenants`.
        plural: &'static str,
        /// Its name.
        name: String,
        /// The status, as a merge patch.
        status: Value,
    },
    /// Delete a finished job whose time to live is over.
    DeleteComputeJob {
        /// Which.
        job: JobUid,
        /// Where.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Try a native Job without creating it, strictly (API.md).
    TryTemplate {
        /// The template's fingerprint, for the answer.
        fingerprint: u64,
        /// The object.
        body: Value,
    },
    /// Keep a tenant's home namespace, with its administrators' role binding (API.md).
    Home {
        /// The tenant.
        tenant: String,
        /// The role binding.
        binding: Value,
    },
    /// Take the administrators' rights out of the home of a tenant that is gone.
    LeaveHome {
        /// The tenant that was.
        tenant: String,
    },
}

impl Write {
    /// The class under which it is counted (A6).
    pub fn class(&self) -> &'static str {
        match self {
            Self::CreateJob { .. } => "create_job",
            Self::DeleteJob { .. } => "delete_job",
            Self::Pin { .. } => "pin_pod",
            Self::JobStatus { .. } => "job_status",
            Self::ObjectStatus { .. } => "object_status",
            Self::DeleteComputeJob { .. } => "delete_compute_job",
            Self::TryTemplate { .. } => "try_template",
            Self::Home { .. } | Self::LeaveHome { .. } => "home_namespace",
        }
    }
}

/// What became of a write.
#[derive(Debug)]
pub struct Done {
    /// The write.
    pub write: Write,
    /// Its answer.
    pub answer: Answer,
}

/// The API server's answer, as far as the loop cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It stands. The new resource version of a status, the UID of a created Job.
    Stands(String),
    /// What it was about is gone.
    Gone,
    /// Somebody else changed the object meanwhile.
    Conflict,
    /// A status says this epoch, later than the one it was to be written under (A4).
    Outranked(i64),
    /// The API server will never accept it; its words.
    Refused(String),
    /// Not done, or perhaps done: to be said again later.
    Failed(String),
}

impl Answer {
    /// The word under which it is counted.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Stands(_) => "stands",
            Self::Gone => "gone",
            Self::Conflict => "conflict",
            Self::Outranked(_) => "outranked",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }
}

/// Runs the writes that arrive until the channel closes or the lease is lost.
pub async fn run(
    client: Client,
    held: Held,
    events: Events,
    mut queue: mpsc::Receiver<Write>,
    answers: mpsc::Sender<Done>,
) {
    let permits = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    let mut running = JoinSet::new();
    while let Some(write) = queue.recv().await {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        if !held.is_valid() {
            return;
        }
        while running.try_join_next().is_some() {}
        let (client, answers, events) = (client.clone(), answers.clone(), events.clone());
        events.writes_in_flight.inc();
        running.spawn(async move {
            let answer = perform(&client, &write).await;
            events.writes_in_flight.dec();
            events.write(write.class(), answer.word());
            drop(permit);
            // The loop is gone only when the process ends.
            let _ = answers.send(Done { write, answer }).await;
        });
    }
    while running.join_next().await.is_some() {}
}

async fn perform(client: &Client, write: &Write) -> Answer {
    match write {
        Write::CreateJob { body, .. } => create_job(client, body).await,
        Write::DeleteJob {
            namespace,
            name,
            uid,
            ..
        } => {
            let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
            delete(&jobs, name, uid).await
        }
        Write::Pin {
            namespace,
            name,
            patch,
            ..
        } => {
            let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
            answer(
                pods.patch(name, &PatchParams::default(), &Patch::Merge(patch))
                    .await,
            )
        }
        Write::JobStatus {
            namespace,
            name,
            resource_version,
            epoch,
            status,
            job,
        } => {
            let jobs = Api::namespaced(client.clone(), namespace);
            job_status(&jobs, name, job, resource_version, *epoch, status).await
        }
        Write::ObjectStatus {
            kind,
            plural,
            name,
            status,
        } => {
            let resource = ApiResource {
                group: labels::GROUP.into(),
                version: labels::VERSION.into(),
                api_version: format!("{}/{}", labels::GROUP, labels::VERSION),
                kind: (*kind).into(),
                plural: (*plural).into(),
            };
            let objects: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            let patch = Patch::Merge(json!({"status": status}));
            answer(
                objects
                    .patch_status(name, &PatchParams::default(), &patch)
                    .await,
            )
        }
        Write::DeleteComputeJob {
            namespace,
            name,
            job,
        } => {
            let jobs: Api<ComputeJob> = Api::namespaced(client.clone(), namespace);
            delete(&jobs, name, job.as_str()).await
        }
        Write::TryTemplate { body, .. } => try_template(client, body).await,
        Write::Home { tenant, binding } => home(client, tenant, binding).await,
        Write::LeaveHome { tenant } => leave_home(client, tenant).await,
    }
}

async fn create_job(client: &Client, body: &Value) -> Answer {
    let job: Job = match serde_json::from_value(body.clone()) {
        Ok(job) => job,
        Err(error) => return Answer::Refused(error.to_string()),
    };
    let namespace = job.metadata.namespace.clone().unwrap_or_default();
    let name = job.metadata.name.clone().unwrap_or_default();
    let jobs: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), &namespace, &ApiResource::erase::<Job>(&()));
    // The body goes as it is: a template's fields of tomorrow must not be lost in our types.
    let object: DynamicObject = match serde_json::from_value(body.clone()) {
        Ok(object) => object,
        Err(error) => return Answer::Refused(error.to_string()),
    };
    match jobs.create(&PostParams::default(), &object).await {
        Err(Error::Api(status)) if status.code == 409 && status.reason == "AlreadyExists" => {
            own_job(&jobs, &name, &job).await
        }
        other => created(other),
    }
}

/// The name is taken: by our own earlier create, or by a stranger.
async fn own_job(jobs: &Api<DynamicObject>, name: &str, wanted: &Job) -> Answer {
    let owner = |references: &Option<Vec<_>>| -> Option<String> {
        let references: &Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference> =
            references.as_ref()?;
        references.first().map(|owner| owner.uid.clone())
    };
    match jobs.get_opt(name).await {
        Ok(Some(there))
            if owner(&there.metadata.owner_references)
                == owner(&wanted.metadata.owner_references) =>
        {
            created(Ok(there))
        }
        Ok(Some(_)) => Answer::Failed(format!("a Job called {name} belongs to somebody else")),
        // It was ours, made by a create whose answer was lost, and somebody has deleted it.
        Ok(None) => Answer::Conflict,
        Err(error) => failed(&error),
    }
}

fn created(result: kube::Result<DynamicObject>) -> Answer {
    match result {
        Ok(object) => Answer::Stands(object.metadata.uid.unwrap_or_default()),
        Err(error) => failed(&error),
    }
}

async fn delete<K>(api: &Api<K>, name: &str, uid: &str) -> Answer
where
    K: Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let preconditions = Preconditions {
        uid: Some(uid.to_owned()),
        resource_version: None,
    };
    let params = DeleteParams::background().preconditions(preconditions);
    match api.delete(name, &params).await {
        Ok(_) => Answer::Stands(uid.to_owned()),
        // Another object has the name now: ours is gone.
        Err(Error::Api(status)) if status.code == 404 || status.code == 409 => Answer::Gone,
        Err(error) => failed(&error),
    }
}

/// Writes a job's status. Spec and metadata are the user's and change under us, so a
/// conflict is met by a new look, as long as it is the same job and no later leader's.
async fn job_status(
    jobs: &Api<ComputeJob>,
    name: &str,
    uid: &JobUid,
    resource_version: &str,
    epoch: i64,
    status: &Value,
) -> Answer {
    let mut version = resource_version.to_owned();
    let mut refused;
    for _ in 0..CONFLICT_TRIES {
        let patch = json!({
            "metadata": {"resourceVersion": version, "uid": uid.as_str()},
            "status": status,
        });
        match jobs
            .patch_status(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
        {
            Err(Error::Api(answer)) if answer.code == 409 => refused = None,
            // The rule that an epoch may not go down refuses as every other rule does.
            Err(Error::Api(answer)) if answer.code == 422 => refused = Some(answer.message.clone()),
            other => return self::answer(other),
        }
        match jobs.get_opt(name).await {
            Ok(Some(job)) if job.metadata.uid.as_deref() == Some(uid.as_str()) => {
                let seen = job.status.as_ref().and_then(|status| status.epoch);
                if let Some(seen) = seen.filter(|seen| *seen > epoch) {
                    return Answer::Outranked(seen);
                }
                if let Some(words) = refused {
                    return Answer::Refused(words);
                }
                version = job.metadata.resource_version.unwrap_or_default();
            }
            Ok(_) => return Answer::Gone,
            Err(error) => return failed(&error),
        }
    }
    Answer::Conflict
}

/// kube's create has no strict field validation, so the request is made by hand.
async fn try_template(client: &Client, body: &Value) -> Answer {
    let namespace = body["metadata"]["namespace"].as_str().unwrap_or_default();
    let path =
        format!("/apis/batch/v1/namespaces/{namespace}/jobs?dryRun=All&fieldValidation=Strict");
    let request = hyper::http::Request::post(path)
        .header("content-type", "application/json")
        .body(body.to_string().into_bytes());
    let request = match request {
        Ok(request) => request,
        Err(error) => return Answer::Refused(error.to_string()),
    };
    match client.request::<DynamicObject>(request).await {
        Err(Error::Api(status)) if matches!(status.code, 400 | 422) => {
            Answer::Refused(status.message.clone())
        }
        // The name is taken: the API server has looked at the template before that.
        Err(Error::Api(status)) if status.code == 409 => Answer::Stands(String::new()),
        other => created(other),
    }
}

async fn home(client: &Client, tenant: &str, binding: &Value) -> Answer {
    let name = labels::home_namespace(tenant);
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let object: Namespace = match serde_json::from_value(json!({"metadata": {"name": name}})) {
        Ok(object) => object,
        Err(error) => return Answer::Refused(error.to_string()),
    };
    match namespaces.create(&PostParams::default(), &object).await {
        Ok(_) => {}
        Err(Error::Api(status)) if status.code == 409 => {}
        Err(error) => return failed(&error),
    }
    let api: Api<RoleBinding> = Api::namespaced(client.clone(), &name);
    let params = PatchParams::apply(labels::FIELD_MANAGER).force();
    answer(
        api.patch(HOME_BINDING, &params, &Patch::Apply(binding))
            .await,
    )
}

async fn leave_home(client: &Client, tenant: &str) -> Answer {
    let api: Api<RoleBinding> = Api::namespaced(client.clone(), &labels::home_namespace(tenant));
    match api.delete(HOME_BINDING, &DeleteParams::default()).await {
        Ok(_) => Answer::Stands(String::new()),
        Err(error) => failed(&error),
    }
}

fn answer<K: Resource>(result: kube::Result<K>) -> Answer {
    match result {
        Ok(object) => Answer::Stands(object.meta().resource_version.clone().unwrap_or_default()),
        Err(error) => failed(&error),
    }
}

fn failed(error: &Error) -> Answer {
    match error {
        Error::Api(status) if status.code == 404 => Answer::Gone,
        Error::Api(status) if status.code == 409 => Answer::Conflict,
        Error::Api(status) if matches!(status.code, 400 | 403 | 422) => {
            Answer::Refused(status.message.clone())
        }
        other => Answer::Failed(other.to_string()),
    }
}
