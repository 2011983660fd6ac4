//! What goes wrong as time passes; what goes wrong with messages is in the parent.

use std::path::Path;

use super::{OPERATORS, Simulation};
use crate::{api::Key, faults::Fault, machine::Machine, random::Random, world::set_ready};

impl Simulation {
    pub(super) fn go_wrong(&mut self) -> std::io::Result<()> {
        if self.now >= self.silent_until && !self.kubernetes.silent.is_empty() {
            for (node, _) in std::mem::take(&mut self.kubernetes.silent) {
                self.store
                    .edit(&node_key(&node), |node| set_ready(node, true));
            }
        }
        if self
            .taken
            .as_ref()
            .is_some_and(|(until, ..)| self.now >= *until)
        {
            self.give_back_policy();
        }
        for fault in Fault::ALL.into_iter().filter(|fault| fault.is_of_time()) {
            if self.faults.strikes(fault, &mut self.random) {
                self.trace.note(self.now, || format!("fault: {fault}"));
                self.strike(fault)?;
            }
        }
        Ok(())
    }

    fn strike(&mut self, fault: Fault) -> std::io::Result<()> {
        // Whoever leads is hit more often: that is where it hurts.
        let leader = self.machines.iter().position(Machine::leads);
        let spares_archive = matches!(fault, Fault::CrashDiskLost | Fault::CrashDiskDamaged);
        let index = match leader {
            Some(leader) if self.random.per_mille(800) => leader,
            _ if spares_archive => self.random.index(OPERATORS),
            _ => self.random.index(self.machines.len()),
        };
        match fault {
            Fault::Crash => self.crash(index)?,
            Fault::CrashDiskLost => {
                self.crash(index)?;
                self.machines[index].lose_disk()?;
                self.broken[index] = false;
            }
            Fault::CrashDiskDamaged => {
                self.crash(index)?;
                self.broken[index] |= damage(self.machines[index].disk(), &mut self.random)?;
            }
            Fault::Freeze => self.freeze(index, 50, 1500),
            Fault::FreezePastLease => self.freeze(index, 5000, 25_000),
            Fault::ClockJump => {
                let far = i64::try_from(self.random.below(60_000)).unwrap_or(0);
                self.machines[index].skew_millis = far - 30_000;
            }
            Fault::DiskFull => self.machines[index].disk_full = !self.machines[index].disk_full,
            Fault::Outage => self.unreachable_until = self.now + self.random.between(500, 12_000),
            Fault::Compacted => {
                self.fan_out();
                self.store.compact();
            }
            Fault::NodeSilent => {
                let node = self.users.some_node();
                self.silent_until = self.now + self.random.between(1000, 20_000);
                self.store
                    .edit(&node_key(&node), |node| set_ready(node, false));
                self.kubernetes.silent.insert(node, self.now);
            }
            Fault::NodeGone => {
                let node = self.users.some_node();
                self.store.delete(&node_key(&node));
            }
            Fault::PolicyGone => self.take_policy(),
            Fault::StatusEdited
            | Fault::NativeTaken
            | Fault::PodTaken
            | Fault::NamespaceGone
            | Fault::LeaseTaken => self.meddle(fault),
            _ => {}
        }
        Ok(())
    }

    fn crash(&mut self, index: usize) -> std::io::Result<()> {
        let peer = self.peer(index);
        self.machines[index].crash(self.now)?;
        self.hang_up(peer);
        self.starts[index] = self.now + self.random.between(100, 3000);
        Ok(())
    }

    fn freeze(&mut self, index: usize, least: u64, most: u64) {
        let span = self.random.between(least, most);
        if self.machines[index].is_up() {
            self.machines[index].frozen_until = Some(self.now + span);
        }
    }

    /// People whose rights let them write what is the operator's.
    fn meddle(&mut self, fault: Fault) {
        let before = self.store.revision();
        let what = match fault {
            Fault::StatusEdited => self.hands.edit_status(&mut self.store),
            Fault::NativeTaken => self.hands.take_native(&mut self.store),
            Fault::PodTaken => self.hands.take_pod(&mut self.store),
            Fault::NamespaceGone => self.hands.take_namespace(&mut self.store),
            _ => self.hands.take_lease(&mut self.store),
        };
        self.audit.by_hand(before + 1..=self.store.revision());
        self.trace.note(self.now, || format!("by hand: {what}"));
    }

    fn take_policy(&mut self) {
        if self.taken.is_some() {
            return;
        }
        let key = Key::new(
            "admissionregistration.k8s.io",
            "validatingadmissionpolicies",
            "",
            "ledger-segments.edugrid.io",
        );
        if let Some(policy) = self.store.delete(&key) {
            let until = self.now + self.random.between(1000, 30_000);
            self.taken = Some((until, key, (*policy).clone()));
        }
    }

    pub(super) fn give_back_policy(&mut self) {
        if let Some((_, key, policy)) = self.taken.take() {
            self.store.create(key, policy);
        }
    }
}

fn node_key(name: &str) -> Key {
    Key::new("", "nodes", "", name)
}

/// Cuts or alters a file below a directory, as a bad disk does. Whether there was one.
fn damage(directory: &Path, random: &mut Random) -> std::io::Result<bool> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    let Some(file) = random.pick(&files) else {
        return Ok(false);
    };
    let mut bytes = std::fs::read(file)?;
    match random.below(3) {
        0 => bytes.truncate(random.index(bytes.len())),
        1 => bytes.clear(),
        _ => {
            for _ in 0..random.between(1, 200) {
                let place = random.index(bytes.len());
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
    }
    std::fs::write(file, bytes)?;
    Ok(true)
}
