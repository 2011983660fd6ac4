//! A small province for tests: prov → sdu → sdu-cs, sdu-ee and prov → lnu. Cards in
//! pool `a100` belong to lnu and cost 6 yuan an hour in tier `standard`.

use edugrid_units::{
    Admission, AttemptKey, HoldAsk, MicroYuan, MilliUnits, Outcome, Purse, Ratio, Resources,
    RolePlacement, Seconds, Shortage, Stamp, TenantName, Tier, VoucherName,
};

use crate::{
    Algorithm, Answer, Applied, Band, Books, Caps, Command, FundingLine, Grant, Opening, Price,
    PriceBook, Record, Refused, Scope, Segment, Settlement, VoucherKind,
};

/// 2026-11-20T00:00:00 in Asia/Shanghai.
pub const MIDNIGHT: i64 = 1_795_104_000;
pub const HOUR: u64 = 3600;

pub fn yuan(text: &str) -> MicroYuan {
    MicroYuan::parse_yuan(text).expect("an amount")
}

pub fn at_hour(hours: i64) -> Stamp {
    Stamp::from_seconds(MIDNIGHT + hours * 3600)
}

pub fn path(tenant: &str) -> Vec<TenantName> {
    let names: &[&str] = match tenant {
        "sdu-cs" => &["sdu-cs", "sdu", "prov"],
        "sdu-ee" => &["sdu-ee", "sdu", "prov"],
        "sdu" => &["sdu", "prov"],
        "lnu" => &["lnu", "prov"],
        _ => &["prov"],
    };
    names.iter().map(|name| TenantName::from(*name)).collect()
}

pub fn key(job: &str, attempt: u32) -> AttemptKey {
    AttemptKey {
        job: job.into(),
        task: 0,
        attempt,
    }
}

/// Eight cards for ten hours, as in domain §4.16.
pub fn admission(job: &str, tenant: &str, now: Stamp) -> Admission {
    Admission {
        key: key(job, 1),
        namespace: format!("ns-{tenant}"),
        name: format!("name-{job}"),
        generation: 1,
        path: path(tenant),
        submitter: "li".into(),
        class: "standard".into(),
        tier: Tier::Standard,
        preemptible: true,
        pool: "a100".into(),
        billed: MilliUnits::whole(8),
        walltime: Seconds(10 * HOUR),
        grace: Seconds(30),
        eligible: now,
        placement: vec![RolePlacement {
            role: "worker".into(),
            request: Resources {
                cards: MilliUnits::whole(8),
                cpu_milli: 32_000,
                memory_mebibytes: 1024,
            },
            nodes: vec![("n1".into(), 1)],
        }],
        at: now,
    }
}

/// A voucher of the province for sdu, whole, for ever, from the line `line`.
pub fn grant(name: &str, face: &str) -> Grant {
    Grant {
        voucher: name.into(),
        issuer: "prov".into(),
        holder_path: path("sdu"),
        kind: VoucherKind::Subsidy,
        face: yuan(face),
        coverage: Ratio::ONE,
        valid_from: Stamp(0),
        valid_until: None,
        scope: Scope::default(),
        caps: Caps::default(),
        priority: 30,
        funding_line: Some("line".into()),
        made_by: "maker".into(),
        checked_by: "checker".into(),
    }
}

pub fn night() -> Band {
    Band {
        name: "night".into(),
        from_minute: 0,
        until_minute: 480,
        factor: Ratio::new(6, 10).expect("den is not 0"),
    }
}

pub struct World {
    pub books: Books,
    pub segments: Vec<Segment>,
    pub records: Vec<Record>,
    pub now: Stamp,
}

impl World {
    /// An opened and led book with a line of a million yuan and prices; nothing granted.
    pub fn new() -> Self {
        Self::with(Algorithm::Sha256)
    }

    pub fn with(algorithm: Algorithm) -> Self {
        let mut world = Self {
            books: Books::new(),
            segments: Vec::new(),
            records: Vec::new(),
            now: at_hour(0),
        };
        world.stage(Command::Open(Opening {
            book: match algorithm {
                Algorithm::Sha256 => "6f1c2a52-31a4-4d8e-9d0c-3a4b5c6d7e8f".into(),
                Algorithm::Sm3 => "0d9b1e77-52c6-4f3a-8b21-6c7d8e9fa0b1".into(),
            },
            algorithm,
            origin: at_hour(0),
            factor: 60,
        }));
        world.stage(Command::Epoch {
            epoch: 1,
            writer: "w1".into(),
        });
        world.stage(Command::FundingLine(FundingLine {
            name: "line".into(),
            issuer: "prov".into(),
            fiscal_year: 2026,
            backing: crate::Backing::Quota,
            total: yuan("1000000"),
            source: "provincial budget".into(),
        }));
        world.stage(Command::PriceBook(prices("p1", "6.00", Vec::new())));
        world
    }

    pub fn try_stage(&mut self, command: Command) -> Result<Applied, Refused> {
        self.books.stage(self.now, command)
    }

    pub fn stage(&mut self, command: Command) -> Applied {
        let verb = command.verb();
        match self.try_stage(command) {
            Ok(applied) => applied,
            Err(refused) => panic!("{verb} is refused: {refused}"),
        }
    }

    pub fn grant(&mut self, grant: Grant) -> Applied {
        self.stage(Command::Grant(Box::new(grant)))
    }

    /// A deposit from outside into a tenant's budget.
    pub fn deposit(&mut self, name: &str, tenant: &str, face: &str) {
        self.grant(Grant {
            kind: VoucherKind::OwnFunds,
            holder_path: path(tenant),
            funding_line: None,
            ..grant(name, face)
        });
    }

    pub fn hold(&mut self, admission: &Admission) -> Result<MicroYuan, Shortage> {
        self.hold_with(admission, &[], None)
    }

    pub fn hold_with(
        &mut self,
        admission: &Admission,
        vouchers: &[&str],
        max_cost: Option<MicroYuan>,
    ) -> Result<MicroYuan, Shortage> {
        let vouchers: Vec<_> = vouchers.iter().map(|it| VoucherName::from(*it)).collect();
        let ask = HoldAsk {
            admission,
            price_tier: "standard",
            provider: &"lnu".into(),
            own_pool: admission.path.contains(&"lnu".into()),
            vouchers: &vouchers,
            max_cost,
        };
        self.books.try_hold(self.now, &ask)
    }

    /// Admits and starts an attempt now.
    pub fn run(&mut self, admission: &Admission) -> MicroYuan {
        let held = self.hold(admission).expect("enough money");
        self.stage(Command::Started {
            key: admission.key.clone(),
            at: self.now,
        });
        held
    }

    /// Confirms everything at an instant and stages what is due.
    pub fn pass_to(&mut self, at: Stamp) {
        self.now = self.now.max(at);
        self.stage(Command::Alive {
            at,
            except: Vec::new(),
        });
        for command in self.books.due(self.now) {
            self.stage(command);
        }
    }

    pub fn end(&mut self, key: &AttemptKey, ended: Option<Stamp>) -> Settlement {
        let applied = self.stage(Command::End {
            key: key.clone(),
            outcome: Outcome::Succeeded,
            started: None,
            ended,
        });
        match applied.answer {
            Answer::Settled(settlement) => settlement,
            other => panic!("an end was answered {other:?}"),
        }
    }

    /// Makes all that is staged durable, in memory.
    pub fn commit(&mut self) {
        while let Some(batch) = self.books.take_batch() {
            self.segments.push(batch.segment().clone());
            self.records.extend(batch.records().iter().cloned());
            let sequence = batch.segment().sequence;
            self.books.committed(sequence).expect("in flight");
        }
    }

    pub fn export(&self) -> Vec<u8> {
        self.segments
            .iter()
            .flat_map(|segment| segment.payload.clone())
            .collect()
    }
}

pub fn prices(name: &str, per_unit_hour: &str, bands: Vec<Band>) -> PriceBook {
    PriceBook {
        name: name.into(),
        effective_from: Stamp(0),
        prices: vec![Price {
            pool: "a100".into(),
            tier: "standard".into(),
            per_unit_hour: yuan(per_unit_hour),
        }],
        bands,
    }
}
