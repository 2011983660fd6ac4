//! Leader election over a `Lease` (A4): who may act. It decides when to try; what keeps
//! two leaders from both writing is the journal, whose sequence numbers are unique (L12).
//!
//! Contract: [`Lease::acquire`] returns once this process holds the lease; from then on
//! [`Lease::keep`] renews it, and [`Held`] tells at any moment whether it is still safe
//! to act. When a renewal did not succeed for the renewal deadline, `Held` turns false
//! and `keep` returns: the process then exits, since its state may be behind the journal.
//! Time here is real (N5) and monotonic.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease as LeaseObject, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use tokio::time::Instant;

use crate::machine::Machine;

/// The longest that somebody else's lease is waited for, whatever it says of itself.
const FOREIGN_DURATION_MAX: Duration = Duration::from_secs(60);

/// What a busy API server may take for a look at the lease and a write.
const SLOW_REQUEST: Duration = Duration::from_secs(2);

/// The spans of an election, derived from the one that a lease lasts.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long a lease lasts without renewal before another may take it; whole seconds.
    pub duration: Duration,
}

impl Timing {
    /// After this long without a successful renewal the holder stops acting: a third of
    /// the lease's time before another may begin.
    fn renew_deadline(self) -> Duration {
        self.duration * 2 / 3
    }

    /// How long one renewal may take: a request that hangs must leave time for another try, and
    /// one that is only slow must be let through.
    fn renew_limit(self) -> Duration {
        let quarter = self.renew_deadline() / 4;
        quarter.max(SLOW_REQUEST).min(self.renew_deadline())
    }

    /// Between renewals, and between looks at somebody else's lease.
    fn retry_period(self) -> Duration {
        self.duration / 8
    }
}

/// Whether this process may act.
#[derive(Clone, Debug)]
pub struct Held {
    start: Instant,
    lasts: Duration,
    /// Milliseconds after `start` until which the lease is surely ours.
    until_millis: Arc<AtomicU64>,
}

impl Held {
    fn new(lasts: Duration) -> Self {
        Self {
            start: Instant::now(),
            lasts,
            until_millis: Arc::new(AtomicU64::new(0)),
        }
    }

    fn renewed(&self, asked_at: Instant) {
        let until = asked_at.duration_since(self.start) + self.lasts;
        let millis = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        self.until_millis.store(millis, Ordering::Release);
    }

    fn drop_it(&self) {
        self.until_millis.store(0, Ordering::Release);
    }

    /// True while the last renewal is younger than the renewal deadline. A process that
    /// was frozen finds this false when it thaws.
    pub fn is_valid(&self) -> bool {
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        passed < self.until_millis.load(Ordering::Acquire)
    }
}

/// The lease of one process.
#[derive(Clone)]
pub struct Lease {
    api: Api<LeaseObject>,
    name: String,
    identity: String,
    timing: Timing,
    machine: Machine,
    held: Held,
}

/// What was seen of somebody else's lease, and since when it has not changed.
struct Seen {
    renewed: Option<MicroTime>,
    holder: Option<String>,
    since: Instant,
}

impl Lease {
    /// The lease `name` in `namespace`, not yet held. `identity` is unique to the process.
    pub fn new(
        client: Client,
        namespace: &str,
        name: &str,
        identity: &str,
        timing: Timing,
        machine: Machine,
    ) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: identity.to_owned(),
            timing,
            machine,
            held: Held::new(timing.renew_deadline()),
        }
    }

    /// The token that tells whether the lease is held.
    pub fn held(&self) -> Held {
        self.held.clone()
    }

    /// Waits until the lease is held, and tells with each look who holds it meanwhile.
    /// Errors of the API server are retried for ever: a standby has nothing better to do.
    pub async fn acquire(&self, held_by: impl Fn(Option<&str>)) {
        let mut seen: Option<Seen> = None;
        loop {
            match self.try_acquire(&mut seen).await {
                Ok(true) => return,
                Ok(false) => {
                    let holder = seen.as_ref().and_then(|seen| seen.holder.as_deref());
                    held_by(holder.filter(|holder| !holder.is_empty()));
                }
                Err(error) => tracing::warn!(%error, "lease not readable, trying again"),
            }
            tokio::time::sleep(self.timing.retry_period()).await;
        }
    }

    /// Renews until that fails for too long, then returns.
    pub async fn keep(&self) {
        loop {
            tokio::time::sleep(self.timing.retry_period()).await;
            match tokio::time::timeout(self.timing.renew_limit(), self.renew()).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => {
                    tracing::warn!("somebody else holds the lease, or wrote it meanwhile");
                    self.held.drop_it();
                    return;
                }
                Ok(Err(error)) => tracing::warn!(%error, "lease not renewed"),
                Err(_) => tracing::warn!(
                    limit = ?self.timing.renew_limit(),
                    "the API server does not answer a renewal of the lease in time, trying again"
                ),
            }
            if !self.held.is_valid() {
                return;
            }
        }
    }

    /// Does `work` with the lease renewed beside it, for however long it takes: a journal can
    /// take longer to replay than the lease lasts. Whether it still is held says [`Held`].
    pub async fn kept_while<T>(&self, work: impl Future<Output = T>) -> T {
        let lease = self.clone();
        let keeping = tokio::spawn(async move { lease.keep().await });
        let done = work.await;
        // A renewal that is cut off may have been written or not: the next one is from scratch.
        keeping.abort();
        done
    }

    /// Gives the lease back on a graceful stop, so that a standby need not wait it out.
    pub async fn release(&self) {
        self.held.drop_it();
        let Ok(Some(mut lease)) = self.api.get_opt(&self.name).await else {
            return;
        };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() == Some(&self.identity) {
            spec.holder_identity = None;
            spec.lease_duration_seconds = Some(1);
            if let Err(error) = self
                .api
                .replace(&self.name, &PostParams::default(), &lease)
                .await
            {
                tracing::warn!(%error, "lease not released, it runs out by itself");
            }
        }
    }

    async fn try_acquire(&self, seen: &mut Option<Seen>) -> kube::Result<bool> {
        let asked_at = Instant::now();
        let Some(lease) = self.api.get_opt(&self.name).await? else {
            let lease = LeaseObject {
                metadata: ObjectMeta {
                    name: Some(self.name.clone()),
                    ..Default::default()
                },
                spec: Some(self.mine(None, 0)),
            };
            return self.took(
                self.api.create(&PostParams::default(), &lease).await,
                asked_at,
            );
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let free = spec.holder_identity.as_deref().unwrap_or("").is_empty();
        let ours = spec.holder_identity.as_deref() == Some(&self.identity);
        if !free && !ours && !Self::ran_out(&spec, seen) {
            return Ok(false);
        }
        let transitions = spec.lease_transitions.unwrap_or(0).saturating_add(1);
        let mut wanted = lease;
        wanted.spec = Some(self.mine(None, transitions));
        self.took(
            self.api
                .replace(&self.name, &PostParams::default(), &wanted)
                .await,
            asked_at,
        )
    }

    /// Runs out by our own watch, never by comparing clocks with the other holder.
    fn ran_out(spec: &LeaseSpec, seen: &mut Option<Seen>) -> bool {
        let unchanged = seen.as_ref().is_some_and(|seen| {
            seen.renewed == spec.renew_time && seen.holder == spec.holder_identity
        });
        if !unchanged {
            *seen = Some(Seen {
                renewed: spec.renew_time.clone(),
                holder: spec.holder_identity.clone(),
                since: Instant::now(),
            });
        }
        let seconds = u64::try_from(spec.lease_duration_seconds.unwrap_or(0)).unwrap_or(0);
        let lasts = Duration::from_secs(seconds).min(FOREIGN_DURATION_MAX);
        seen.as_ref()
            .is_some_and(|seen| seen.since.elapsed() > lasts)
    }

    async fn renew(&self) -> kube::Result<bool> {
        let asked_at = Instant::now();
        let mut lease = self.api.get(&self.name).await?;
        let spec = lease.spec.clone().unwrap_or_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return Ok(false);
        }
        let transitions = spec.lease_transitions.unwrap_or(0);
        lease.spec = Some(self.mine(spec.acquire_time, transitions));
        self.took(
            self.api
                .replace(&self.name, &PostParams::default(), &lease)
                .await,
            asked_at,
        )
    }

    fn took(&self, answer: kube::Result<LeaseObject>, asked_at: Instant) -> kube::Result<bool> {
        match answer {
            Ok(_) => {
                self.held.renewed(asked_at);
                Ok(true)
            }
            // Somebody else wrote it first; the next look tells who.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn mine(&self, acquired: Option<MicroTime>, transitions: i32) -> LeaseSpec {
        // Only people read it: nobody compares clocks with another holder.
        let nanos = i128::from((self.machine.now)().0);
        let now = MicroTime(Timestamp::from_nanosecond(nanos).unwrap_or(Timestamp::UNIX_EPOCH));
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.timing.duration.as_secs()).ok(),
            acquire_time: acquired.or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::Value;

    use super::*;
    use crate::api_fixture::{absent, api_server};

    /// An API server that holds one lease, and takes whatever is written.
    fn server() -> Client {
        let held: Arc<Mutex<Option<Value>>> = Arc::default();
        api_server(move |call| {
            let mut held = held.lock().unwrap();
            if !call.sent.is_null() {
                *held = Some(call.sent);
            }
            Some(held.clone().map_or_else(absent, |lease| (200, lease)))
        })
    }

    #[tokio::test]
    async fn work_that_lasts_longer_than_the_lease_does_not_lose_it() {
        let timing = Timing {
            duration: Duration::from_secs(1),
        };
        let lease = Lease::new(server(), "default", "it", "me", timing, Machine::REAL);
        lease.acquire(|_| ()).await;
        assert!(lease.held().is_valid());
        lease
            .kept_while(tokio::time::sleep(timing.duration * 2))
            .await;
        assert!(lease.held().is_valid(), "it was renewed");
        tokio::time::sleep(timing.duration).await;
        assert!(!lease.held().is_valid(), "and is no more");
    }

    #[test]
    fn a_renewal_that_hangs_leaves_time_for_another() {
        let timing = |seconds| Timing {
            duration: Duration::from_secs(seconds),
        };
        // One that hangs, the pause after it, and another as long.
        for seconds in [15, 30, 60] {
            let timing = timing(seconds);
            let two = (timing.retry_period() + timing.renew_limit()) * 2;
            assert!(
                two <= timing.renew_deadline() * 11 / 10,
                "{seconds} s: {two:?}"
            );
            assert!(timing.renew_limit() < timing.renew_deadline());
        }
        // A lease too short for two is given to one.
        assert_eq!(timing(2).renew_limit(), timing(2).renew_deadline());
    }
}
