//! Two operators at once: the leader is frozen (SIGSTOP) past its lease, often in the middle of a write, and thawed when the
//! other leads. The thawed one ends without a single write that stands (A3, A4, L12).

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use edugrid_e2e::{
    Province,
    audit::{Found, trace::Lookout},
    load::{COLLEGE, Load},
    seeds::{self, Random},
    supervisor::kept_running,
    wait_for,
};
use jiff::Timestamp;
use xtask::{
    installation::{InstallOptions, OPERATOR, Replica},
    tools::Tool,
};

/// Seeds of `cargo xtask test --all-seeds`.
const SEEDS: [u64; 4] = [20_261_122, 11, 12, 13];
/// Rounds of one seed: a fifth of all in the seed that a commit chooses.
const ROUNDS: usize = 5;
/// The name of the other replica.
const OTHER: &str = "edugrid-scheduler-b";
/// How long a frozen replica may take from its thaw to its end.
const END_LIMIT: Duration = Duration::from_secs(30);
/// How long a moment is waited for that is aimed at.
const AIM_LIMIT: Duration = Duration::from_secs(5);

/// What a round hit, for its line in the summary.
struct Round {
    /// In words: at which moment it was frozen.
    moment: String,
    /// Which replica.
    frozen: String,
    frozen_at: Timestamp,
    thawed_at: Timestamp,
    ended_at: Timestamp,
    /// The last of its log before it ended.
    said: String,
}

#[test]
fn a_thawed_leader_writes_nothing_that_stands() -> Result<()> {
    for seed in seeds::seeds(&SEEDS) {
        println!("seed {seed}");
        rounds(Random(seed))?;
    }
    Ok(())
}

fn rounds(mut random: Random) -> Result<()> {
    let province = Province::audited(4, InstallOptions::default())?;
    let other = province.edugrid.launch_replica(OTHER)?;
    let mut load = Load::new(&province, random.clone())?;
    let mut rounds = Vec::new();
    for number in 1..=ROUNDS {
        for _ in 0..4 {
            load.submit(&COLLEGE)?;
        }
        load.stir()?;
        let round = round(&province, &other, &mut load, &mut random, number == ROUNDS)?;
        println!("round {number}: {}, then: {}", round.moment, round.said);
        rounds.push(round);
    }
    let replicas = [other.clone()];
    kept_running(&province.edugrid, &replicas, || load.finish(&province))?;
    let (leader, _) = roles(&province, &other)?;
    let is_other = leader == OTHER;
    province.edugrid.ask_replica(is_other.then_some(&other))?;
    let found = load.audit().check(&province)?;
    let mut caught = 0;
    for (number, round) in (1..).zip(&rounds) {
        let flight = found.in_flight(round.frozen_at);
        println!("round {number} froze {} with {flight}", round.frozen);
        caught += usize::from(flight.batches + flight.writes > 0);
        nothing_stands(&found, round)?;
    }
    println!("{caught} of {ROUNDS} rounds froze a leader with a write under way");
    Ok(())
}

/// One leader frozen and thawed. In the last round the API server dies meanwhile, so that answers are lost.
fn round(
    province: &Province,
    other: &Replica,
    load: &mut Load,
    random: &mut Random,
    is_last: bool,
) -> Result<Round> {
    let cluster = province.cluster();
    let (leader, standby) = roles(province, other)?;
    let mut lookout = Lookout::from_now(&cluster.log("audit"))?;
    load.submit(&COLLEGE)?;
    let moment = match (is_last, random.below(5)) {
        (true, _) | (_, 0 | 1) => aimed(&mut lookout, "create", "ledgersegments")?,
        (_, 2) => aimed(&mut lookout, "create", "jobs")?,
        (_, 3) => aimed(&mut lookout, "patch", "pods")?,
        _ => {
            let moment = Duration::from_millis(random.below(2000));
            sleep(moment);
            format!("{moment:?} after a job came")
        }
    };
    let moment = match is_last {
        // The request is with an API server that does not go on: done or not done, nobody is told.
        true => {
            cluster.pause(Tool::KubeApiserver.binary())?;
            cluster.pause(leader)?;
            cluster.restart_apiserver()?;
            format!("{moment}, and the API server died before it answered")
        }
        false => {
            cluster.pause(leader)?;
            moment
        }
    };
    let frozen_at = Timestamp::now();
    wait_for("the other replica to lead", || {
        is_leading(province, other, standby)
    })?;
    load.submit(&COLLEGE)?;
    sleep(Duration::from_millis(random.below(1500)));
    let before = cluster.log_tail(leader, 1);
    let thawed_at = Timestamp::now();
    cluster.resume(leader)?;
    let said = ended(province, leader, &before)?;
    let ended_at = Timestamp::now();
    start_again(province, other, leader)?;
    Ok(Round {
        moment,
        frozen: leader.to_owned(),
        frozen_at,
        thawed_at,
        ended_at,
        said,
    })
}

/// Waits for the operator's next write of that kind.
fn aimed(lookout: &mut Lookout, verb: &str, resource: &str) -> Result<String> {
    Ok(match lookout.wait(verb, resource, AIM_LIMIT)? {
        true => format!("when a {verb} of {resource} arrived"),
        false => format!("after {AIM_LIMIT:?} without a {verb} of {resource}"),
    })
}

/// Who leads and who stands by.
fn roles<'a>(province: &Province, other: &'a Replica) -> Result<(&'a str, &'a str)> {
    let mut leader = None;
    wait_for("one replica to lead", || {
        let names = [OPERATOR, other.name.as_str()];
        for name in names {
            if is_leading(province, other, name)? {
                leader = Some(name);
            }
        }
        Ok(leader.is_some())
    })?;
    match leader {
        Some(OPERATOR) => Ok((OPERATOR, &other.name)),
        Some(_) => Ok((&other.name, OPERATOR)),
        None => bail!("nobody leads"),
    }
}

fn is_leading(province: &Province, other: &Replica, name: &str) -> Result<bool> {
    let said = match name {
        OPERATOR => province.edugrid.readiness(),
        _ => other.readiness(),
    };
    Ok(said.is_ok_and(|(_, words)| words.contains("leading")))
}

/// A thawed leader ends by itself, and says why. Returns that.
fn ended(province: &Province, name: &str, before: &str) -> Result<String> {
    let deadline = Instant::now() + END_LIMIT;
    while province.cluster().is_running(name) {
        let said = province.cluster().log_tail(name, 20);
        ensure!(
            Instant::now() < deadline,
            "{name} goes on after its thaw:\n{said}"
        );
        sleep(Duration::from_millis(20));
    }
    let said = province.cluster().log_tail(name, 8);
    let new = said.split(before.trim()).last().unwrap_or(&said);
    let last = new.lines().rfind(|line| line.contains("\"ended\""));
    let last = last.with_context(|| format!("{name} does not say why it ended:\n{said}"))?;
    let words = last.split("\"error\":\"").nth(1).unwrap_or(last);
    Ok(words.split('"').next().unwrap_or(words).to_owned())
}

/// The kubelet starts the container of the pod again.
fn start_again(province: &Province, other: &Replica, name: &str) -> Result<()> {
    match name {
        OPERATOR => province.edugrid.launch()?,
        _ => province.edugrid.relaunch(other)?,
    }
    wait_for("the replica to stand by again", || {
        let said = match name {
            OPERATOR => province.edugrid.readiness(),
            _ => other.readiness(),
        };
        Ok(said.is_ok_and(|(_, words)| words.contains("standby") || words.contains("leading")))
    })
}

/// Nothing that the frozen replica asked for after its thaw was done: it is known by its token.
fn nothing_stands(found: &Found, round: &Round) -> Result<()> {
    let mut asked = found
        .trace
        .writes
        .iter()
        .filter(|it| it.is_the_operator_s());
    let before = asked.clone().rfind(|it| it.received < round.frozen_at);
    let token = &before.context("a write of the frozen leader")?.credential;
    let while_thawed = round.thawed_at..round.ended_at;
    let after = asked.by_ref().filter(|it| it.credential == *token);
    for write in after.filter(|it| while_thawed.contains(&it.received)) {
        println!(
            "  after its thaw: {} {} {}, answered {}",
            write.verb, write.resource, write.name, write.code
        );
        ensure!(
            !write.stands(),
            "a thawed leader changed {} {}",
            write.resource,
            write.name
        );
    }
    Ok(())
}
