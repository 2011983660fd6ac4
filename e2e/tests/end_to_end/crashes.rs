//! The operator is killed with −9 at seeded moments, its disk thrown away each time, while jobs of many kinds come, are
//! held, resumed, cancelled and deleted, a quota is cut and a voucher added; nothing is started twice, charged twice or
//! lost (A1, A2, A7, L12).

use std::{thread::sleep, time::Duration};

use anyhow::Result;
use edugrid_e2e::{
    Province,
    audit::{flight::Flight, trace::Lookout},
    load::{BORROWER, COLLEGE, Load},
    seeds::{self, Random},
    supervisor::kept_running,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use xtask::installation::InstallOptions;

/// Kills of one seed.
const KILLS: u64 = 20;
/// Seeds of `cargo xtask test --all-seeds`: a hundred kills. A commit chooses one of them.
const SEEDS: [u64; 5] = [20_261_122, 1, 2, 3, 4];
/// How often it is started until it leads.
const STARTS_MAX: u32 = 4;
/// How long a write is waited for that a kill is aimed at.
const AIM_LIMIT: Duration = Duration::from_secs(4);
/// Writes at which kills are aimed: a batch, and each kind of consequence.
const AIMS: [(&str, &str); 5] = [
    ("create", "ledgersegments"),
    ("create", "jobs"),
    ("patch", "pods"),
    ("patch", "computejobs"),
    ("delete", "jobs"),
];

/// A class whose jobs are stopped first when a quota is cut.
const SCAVENGER: &str = "
apiVersion: edugrid.io/v1alpha1
kind: JobClass
metadata: {name: scavenger}
spec: {tier: Scavenger, priority: 0, preemptible: true, minRuntime: 1s, defaultWalltime: 4h,
       maxWalltime: 72h, maxWait: 168h, notice: 2m, priceTier: standard}
";

/// More of the university's own money, while it computes.
const TOPPED_UP: &str = "
apiVersion: edugrid.io/v1alpha1
kind: ComputeVoucher
metadata: {name: sdu-own-2}
spec: {issuer: province, holder: sdu, type: OwnFunds, faceValue: \"5000.00\"}
";

#[test]
fn a_hundred_kills() -> Result<()> {
    let (mut done, mut hit) = (0, Flight::default());
    for seed in seeds::seeds(&SEEDS) {
        println!("seed {seed}");
        hit = hit.and(kills(Random(seed))?);
        done += KILLS;
    }
    println!("{done} kills, at which there were in flight together: {hit}");
    Ok(())
}

/// What all kills of a seed together hit.
fn kills(mut random: Random) -> Result<Flight> {
    let province = Province::audited(4, InstallOptions::default())?.with_a_borrower()?;
    province.cluster().apply("province-admin", SCAVENGER)?;
    let mut load = Load::new(&province, random.clone())?;
    let mut moments = Vec::new();
    for kill in 1..=KILLS {
        // Jobs arrive all along, so that each moment of a life is hit.
        for place in [&COLLEGE, &BORROWER, &COLLEGE] {
            load.stir()?;
            load.submit(place)?;
        }
        disturb(&province, kill)?;
        let mut lookout = Lookout::from_now(&province.cluster().log("audit"))?;
        load.submit(&COLLEGE)?;
        let moment = moment(&mut lookout, &mut random)?;
        let at = Timestamp::now();
        // On a loaded machine it may have lost its short lease and ended before that.
        let had_ended = province.edugrid.kill().is_err();
        province.edugrid.forget_view()?;
        moments.push((at, moment));
        lead_again(&province)?;
        if had_ended {
            println!("kill {kill} found that it had ended by itself");
        }
    }
    let ((), restarts) = kept_running(&province.edugrid, &[], || load.finish(&province))?;
    println!("started again {restarts} times after the last kill");
    let found = load.audit().check(&province)?;
    let mut all = Flight::default();
    for (kill, (at, moment)) in (1..).zip(&moments) {
        let flight = found.in_flight(*at);
        println!("kill {kill:2} {moment:36} {flight}");
        all = all.and(flight);
    }
    println!("of {} jobs, all kills: {all}", load.submitted());
    Ok(all)
}

/// Starts it as a kubelet would: again, if it loses its lease at once.
fn lead_again(province: &Province) -> Result<()> {
    for _ in 1..STARTS_MAX {
        if province.edugrid.start().is_ok() {
            return Ok(());
        }
    }
    province.edugrid.start()
}

/// Waits for the moment of a kill: a time, or the arrival of a write.
fn moment(lookout: &mut Lookout, random: &mut Random) -> Result<String> {
    let choice = usize::try_from(random.below(AIMS.len() as u64 + 3))?;
    let Some((verb, resource)) = AIMS.get(choice) else {
        let moment = Duration::from_millis(random.below(2500));
        sleep(moment);
        return Ok(format!("after {moment:?}"));
    };
    let came = lookout.wait(verb, resource, AIM_LIMIT)?;
    let limit = if came { "at" } else { "in vain for" };
    Ok(format!("{limit} a {verb} of {resource}"))
}

/// What administrators do meanwhile: cut a quota and take back what was borrowed, add money, give the quota back.
fn disturb(province: &Province, kill: u64) -> Result<()> {
    let cluster = province.cluster();
    let patch = |tenant: &str, spec: Value| {
        let (tenant, spec) = (format!("tenant/{tenant}"), json!({"spec": spec}));
        let patched = cluster.patch("province-admin", &tenant, &[], &spec)?;
        patched.ok().map(drop)
    };
    match kill {
        4 => patch("lnu", json!({"onQuotaCut":"Reclaim","reclaimDelay":"1s"})),
        6 => {
            patch("sdu-cs", json!({"quotas":[{"pool":"a100","nominal":4}]}))?;
            patch("sdu", json!({"quotas":[{"pool":"a100","nominal":4}]}))
        }
        9 => {
            cluster.apply("province-admin", TOPPED_UP)?;
            province.edugrid.approve("sdu-own-2")
        }
        12 => {
            patch("sdu", json!({"quotas":[{"pool":"a100","nominal":16}]}))?;
            patch("sdu-cs", json!({"quotas":[{"pool":"a100","nominal":16}]}))
        }
        _ => Ok(()),
    }
}
