//! What goes over the network, and what becomes of it on the way.

use futures::channel::oneshot;

use super::Simulation;
use crate::{
    api::{Ask, Kind, Reply, refusal},
    faults::Fault,
    gate::Sent,
    network::{Fate, Flight, Leg, Peer, Watch, response},
};

/// From here on whoever waits for an answer may think that none comes.
const SLOW_MILLIS: u64 = 1000;

impl Simulation {
    pub(super) fn send(&mut self, from: Peer, sent: Sent) {
        let fate = if self.now < self.unreachable_until {
            Fate::Lost
        } else {
            self.faults.fate(&mut self.random)
        };
        let delay = self.delay();
        let name = self.machines[from.machine].name();
        self.trace.note(self.now, || {
            let Sent { ask, .. } = &sent;
            format!(
                "{name}: {:?} {}?{} {fate:?}, in {delay} ms",
                ask.verb, ask.path, ask.query
            )
        });
        self.flights.push(Flight {
            from,
            due: self.now + delay,
            fate,
            leg: Leg::There(sent.ask),
            answer: Some(sent.answer),
        });
    }

    fn delay(&mut self) -> u64 {
        if self.faults.strikes(Fault::Slow, &mut self.random) {
            self.random.between(SLOW_MILLIS, 12_000)
        } else {
            self.random.below(40)
        }
    }

    /// A request arrives at the server, or an answer at its sender.
    pub(super) fn arrive(&mut self, index: usize) {
        let mut flight = self.flights.swap_remove(index);
        match std::mem::replace(&mut flight.leg, Leg::Back(None)) {
            Leg::There(ask) => {
                let late = self.delay();
                let deposed = self.writer.is_some_and(|writer| writer != flight.from);
                let unanswered = !matches!(flight.fate, Fate::Fine | Fate::Lost);
                if late >= SLOW_MILLIS || unanswered || deposed {
                    self.unsure(&ask);
                }
                let before = self.store.revision();
                let archives = !self.machines[flight.from.machine].is_operators();
                let reply = self.reply(&ask, flight.fate);
                let is_done = self.store.revision() > before;
                if is_done && ask.path.ends_with("/ledgersegments") {
                    self.writer = Some(flight.from);
                }
                if is_done && archives && ask.path.contains("/ledgersegments/") {
                    self.faults.note(Fault::Archived);
                }
                self.answer(flight, &ask, reply, late);
            }
            Leg::Back(answer) => {
                let answer = answer.map(|answer| response(&answer));
                let answer = answer.ok_or_else(|| "connection reset".into());
                self.give(&mut flight.answer, flight.from, answer);
            }
        }
    }

    /// Whoever asked for a native Job, or leads next, may ask again though it was made.
    fn unsure(&mut self, ask: &Ask) {
        if let Some(name) = ask.body["metadata"]["name"].as_str()
            && let Some(namespace) = ask.body["metadata"]["namespace"].as_str()
        {
            self.audit.unsure(namespace, name);
        }
    }

    /// What the server says, if anything arrives.
    fn reply(&mut self, ask: &Ask, fate: Fate) -> Option<Reply> {
        match fate {
            Fate::Lost => None,
            Fate::Refused(code) => Some(Reply::Answer(refusal(code, "Simulated", "not now"))),
            Fate::Doubled => {
                self.store.serve(ask, &self.rules);
                self.fan_out();
                Some(self.store.serve(ask, &self.rules))
            }
            Fate::RefusedDone(code) => {
                self.store.serve(ask, &self.rules);
                Some(Reply::Answer(refusal(code, "Simulated", "perhaps done")))
            }
            Fate::AnswerLost => {
                self.store.serve(ask, &self.rules);
                None
            }
            Fate::Fine => Some(self.store.serve(ask, &self.rules)),
        }
    }

    /// Sends an answer on its way back, or opens a watch.
    fn answer(&mut self, mut flight: Flight, ask: &Ask, reply: Option<Reply>, late: u64) {
        let from = flight.from;
        match reply {
            Some(Reply::Watch {
                kind,
                label,
                after,
                seconds,
            }) => {
                let (mut watch, response) = Watch::open(from, kind, label, self.now, seconds);
                for change in self.store.since(after).into_iter().flatten() {
                    watch.note(change);
                }
                self.watches.push(watch);
                return self.give(&mut flight.answer, from, Ok(response));
            }
            // What is too old is told either way: by an answer, or in the stream.
            Some(Reply::Answer(answer))
                if answer.code == 410 && ask.is_watch() && self.random.per_mille(500) =>
            {
                let nothing = Kind::new("", "");
                let (mut watch, response) = Watch::open(from, nothing, None, self.now, 0);
                watch.expire();
                return self.give(&mut flight.answer, from, Ok(response));
            }
            Some(Reply::Answer(answer)) => {
                self.trace.note(self.now, || {
                    format!("server: {} to {:?} {}", answer.code, ask.verb, ask.path)
                });
                flight.leg = Leg::Back(Some(answer));
            }
            None => flight.leg = Leg::Back(None),
        }
        flight.due = self.now + late;
        self.flights.push(flight);
    }

    fn give<T>(&mut self, wire: &mut Option<oneshot::Sender<T>>, to: Peer, what: T) {
        if let Some(wire) = wire.take() {
            // Who asked may be gone.
            let _ = wire.send(what);
        }
        if self.peer(to.machine) == to {
            self.machines[to.machine].wake();
        }
    }

    /// A watch tells a change, or breaks.
    pub(super) fn tell(&mut self, index: usize) {
        let random = &mut self.random;
        let mut strikes = |fault| self.faults.strikes(fault, random);
        let watch = &mut self.watches[index];
        let open = if strikes(Fault::WatchTorn) {
            watch.tear();
            false
        } else if strikes(Fault::WatchCut) {
            false
        } else if strikes(Fault::WatchExpired) {
            watch.expire();
            false
        } else if strikes(Fault::Duplicated) {
            watch.tell_twice()
        } else if strikes(Fault::Reordered) {
            watch.tell_swapped()
        } else {
            watch.tell()
        };
        let peer = watch.from;
        watch.due = self.now + self.random.below(30);
        if !open {
            self.watches.swap_remove(index);
        }
        if self.peer(peer.machine) == peer {
            self.machines[peer.machine].wake();
        }
    }

    /// Tells audit and watches what has changed.
    pub(super) fn fan_out(&mut self) {
        if self.store.revision() == self.told_until {
            return;
        }
        let changes = self
            .store
            .since(self.told_until)
            .unwrap_or_default()
            .to_vec();
        for change in &changes {
            self.trace.note(self.now, || {
                format!(
                    "{:?} {} {}/{} at {}",
                    change.kind,
                    change.key.kind.plural,
                    change.key.namespace,
                    change.key.name,
                    change.revision
                )
            });
            self.audit.note(change, &self.store, &self.kubernetes);
            for watch in &mut self.watches {
                watch.note(change);
            }
        }
        self.told_until = self.store.revision();
    }

    pub(super) fn close_watches(&mut self) {
        let now = self.now;
        let closing: Vec<Peer> = self
            .watches
            .iter()
            .filter(|watch| watch.ends <= now)
            .map(|watch| watch.from)
            .collect();
        self.watches.retain(|watch| watch.ends > now);
        for peer in closing {
            if self.peer(peer.machine) == peer {
                self.machines[peer.machine].wake();
            }
        }
    }

    /// The connections of a process break.
    pub(super) fn hang_up(&mut self, peer: Peer) {
        self.watches.retain(|watch| watch.from != peer);
        // What it sent is on its way all the same, as it is when a process dies.
        for flight in self.flights.iter_mut().filter(|flight| flight.from == peer) {
            flight.answer = None;
        }
    }
}
