//! Watches: one task per kind turns what the API server tells into messages of ours.
//!
//! Contract: after every (re)list the receiver has heard of each object that exists and of
//! each that is gone since, in any order, and once a [`Seen::Synced`]. Deletions are never
//! lost: a relist is compared with what was known (kube's own shared streams drop them).
//! Caveat: an object may be told again unchanged.

use std::{collections::BTreeMap, fmt::Debug, time::Duration};

use futures::StreamExt;
use kube::{
    Api, Resource,
    runtime::{WatchStreamExt, watcher, watcher::Event},
};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::{
    clock::Clock,
    metrics::{Events, WatchLabel},
};

/// A silent connection is noticed after about this many seconds.
const WATCH_TIMEOUT_SECONDS: u32 = 60;

/// Before a new list where the old one's version is forgotten.
const LIST_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What a watch saw.
#[derive(Clone, Debug)]
pub enum Seen<K> {
    /// The object as it is now.
    There(K),
    /// It is gone; its last state if that was seen.
    Gone {
        /// The object's UID.
        uid: String,
        /// Its name. Another object may have it by now.
        name: String,
        /// As it was when it went.
        last: Option<K>,
    },
    /// All that exist have been told.
    Synced,
}

/// Watches all objects of a kind and sends what `translate` makes of it, until the
/// receiver is dropped. Back-pressure: a full channel pauses the watch.
pub async fn run<K, M>(
    api: Api<K>,
    selector: Option<String>,
    events: Events,
    clock: Clock,
    sender: mpsc::Sender<M>,
    translate: impl Fn(Seen<K>) -> Option<M> + Send,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
    M: Send,
{
    let kind = K::kind(&K::DynamicType::default()).into_owned();
    let label = WatchLabel { kind: kind.clone() };
    // Shown as 0 before the first interruption.
    let restarts = events.watch_restarts.get_or_create_owned(&label);
    let heard = events.watch_heard.get_or_create_owned(&label);
    let mut config = watcher::Config::default().timeout(WATCH_TIMEOUT_SECONDS);
    config.label_selector = selector;
    let begin = || {
        watcher(api.clone(), config.clone())
            .default_backoff()
            .boxed()
    };
    let mut stream = begin();
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut listed: BTreeMap<String, String> = BTreeMap::new();
    while let Some(event) = stream.next().await {
        let mut batch = Vec::new();
        match event {
            Ok(Event::Apply(object)) => {
                known.extend(identity(&object));
                batch.push(Seen::There(object));
            }
            Ok(Event::Delete(object)) => {
                if let Some((uid, name)) = identity(&object) {
                    known.remove(&uid);
                    batch.push(Seen::Gone {
                        uid,
                        name,
                        last: Some(object),
                    });
                }
            }
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(object)) => {
                listed.extend(identity(&object));
                batch.push(Seen::There(object));
            }
            Ok(Event::InitDone) => {
                known.retain(|uid, _| !listed.contains_key(uid));
                let gone = std::mem::take(&mut known).into_iter();
                batch.extend(gone.map(|(uid, name)| Seen::Gone {
                    uid,
                    name,
                    last: None,
                }));
                batch.push(Seen::Synced);
                known = std::mem::take(&mut listed);
            }
            Err(error) => {
                restarts.inc();
                tracing::warn!(kind, %error, "watch interrupted, trying again");
                if is_too_old(&error) {
                    tokio::time::sleep(LIST_AGAIN_AFTER).await;
                    stream = begin();
                }
            }
        }
        if !batch.is_empty() {
            heard.set(clock.real_now().seconds());
        }
        for message in batch.into_iter().filter_map(&translate) {
            if sender.send(message).await.is_err() {
                return;
            }
        }
    }
}

/// Whether a watch was refused because what it would go on from is forgotten. Told within the
/// stream, kube lists anew by itself; as the answer to the request, it asks the same for ever.
fn is_too_old(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410)
}

fn identity<K: Resource>(object: &K) -> Option<(String, String)> {
    let metadata = object.meta();
    Some((metadata.uid.clone()?, metadata.name.clone()?))
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
