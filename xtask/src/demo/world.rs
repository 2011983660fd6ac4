//! The province of the demo, as tables: its pools and their nodes, the tree of its tenants, who
//! submits where, and which virtual clusters of the trace they stand for. It must not know
//! clusters or jobs; `declare.rs` makes it real, and a test holds it against `examples/demo/`.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::{self, TimeZone};

use super::words::Language;

/// A pool, and the fake nodes that are its capacity.
#[derive(Debug)]
pub struct Pool {
    /// Its name.
    pub name: &'static str,
    /// What its nodes are called, with a number.
    pub prefix: &'static str,
    /// Its nodes.
    pub nodes: u32,
    /// What each node has of `resource`.
    pub per_node: u32,
    /// The resource that it counts (N4).
    pub resource: &'static str,
    /// What people call its units, English and Chinese.
    pub unit: [&'static str; 2],
    /// What it is, English and Chinese.
    pub about: [&'static str; 2],
}

impl Pool {
    /// All its units.
    pub fn capacity(&self) -> u32 {
        self.nodes * self.per_node
    }
}

/// Accelerators of the usual make.
pub static A100: Pool = Pool {
    name: "a100",
    prefix: "gpu",
    nodes: 12,
    per_node: 4,
    resource: "nvidia.com/gpu",
    unit: ["cards", "卡"],
    about: ["NVIDIA A100-80G", "NVIDIA A100-80G"],
};
/// Domestic accelerators.
pub static ASCEND: Pool = Pool {
    name: "ascend910b",
    prefix: "npu",
    nodes: 5,
    per_node: 8,
    resource: "huawei.com/Ascend910",
    unit: ["cards", "卡"],
    about: ["Ascend 910B, domestic", "昇腾 910B（国产）"],
};
/// Processors.
pub static GENERAL: Pool = Pool {
    name: "general",
    prefix: "cpu",
    nodes: 23,
    per_node: 16,
    resource: "cpu",
    unit: ["cores", "核"],
    about: ["processors", "通用处理器"],
};
/// All of them, in the order of every table.
pub static POOLS: [&Pool; 3] = [&A100, &ASCEND, &GENERAL];

/// A tenant below the province.
#[derive(Debug)]
pub struct Place {
    /// Its name as an object.
    pub name: &'static str,
    /// How far below the province: an institution has 1.
    pub depth: usize,
    /// What people call it, English and Chinese.
    pub called: [&'static str; 2],
    /// Who submits there; nobody where it only divides among others.
    pub member: Option<&'static Member>,
}

impl Place {
    /// What people call it.
    pub fn called(&self, language: Language) -> &'static str {
        language.pick(self.called)
    }
}

/// A college or school whose people submit, and what of the trace it stands for.
#[derive(Debug)]
pub struct Member {
    /// The tenant, and the namespace of its jobs.
    pub tenant: &'static str,
    /// Who submits.
    pub user: &'static str,
    /// Virtual clusters of the trace whose jobs are its own.
    pub clusters: &'static [&'static str],
    /// The pools that its jobs ask for, in order of preference.
    pub pools: &'static [&'static Pool],
}

impl Member {
    /// The group that may submit there.
    pub fn group(&self) -> String {
        format!("{}-users", self.tenant)
    }
}

macro_rules! members {
    ($($id:ident $tenant:literal $user:literal $clusters:expr, $pools:expr;)*) => {
        $(static $id: Member = Member { tenant: $tenant, user: $user, clusters: $clusters, pools: $pools };)*
        /// Everybody who submits, in the order of the tree.
        pub static MEMBERS: [&Member; [$($tenant),*].len()] = [$(&$id),*];
    };
}

members! {
    SDU_CS "sdu-cs" "ai" &["6c71a0"], &[&A100, &ASCEND];
    SDU_MED "sdu-med" "min" &["7f04ca", "b436b2"], &[&ASCEND];
    QDU_AI "qdu-ai" "bing" &["ee9e8c"], &[&A100, &ASCEND];
    QDU_BIO "qdu-bio" "dan" &["e13805"], &[&A100];
    YTU_OCEAN "ytu-ocean" "chun" &["2869ce"], &[&ASCEND];
    YTU_MATH "ytu-math" "fei" &["103959"], &[&A100];
    JN_NO1 "jn-no1" "gang" &["11cb48"], &[&A100];
    YN_HIGH "yn-high" "hua" &["6214e9"], &[&ASCEND];
    YN_RURAL "yn-rural" "juan" &["ed69ec"], &[&ASCEND];
}

const fn place(
    name: &'static str,
    depth: usize,
    called: [&'static str; 2],
    member: Option<&'static Member>,
) -> Place {
    Place {
        name,
        depth,
        called,
        member,
    }
}

/// The province itself.
pub const ROOT: &str = "province";

/// The tenants below the province, each before those below it.
pub static TREE: [Place; 15] = [
    place("sdu", 1, ["Shandong University", "山东大学"], None),
    place(
        "sdu-cs",
        2,
        ["Computer Science", "计算机学院"],
        Some(&SDU_CS),
    ),
    place(
        "sdu-med",
        2,
        ["Qilu Medicine", "齐鲁医学院"],
        Some(&SDU_MED),
    ),
    place("qdu", 1, ["Qingdao University", "青岛大学"], None),
    place(
        "qdu-ai",
        2,
        ["Artificial Intelligence", "人工智能学院"],
        Some(&QDU_AI),
    ),
    place(
        "qdu-bio",
        2,
        ["Life Sciences", "生命科学学院"],
        Some(&QDU_BIO),
    ),
    place("ytu", 1, ["Yantai University", "烟台大学"], None),
    place(
        "ytu-ocean",
        2,
        ["Ocean School", "海洋学院"],
        Some(&YTU_OCEAN),
    ),
    place("ytu-math", 2, ["Mathematics", "数学学院"], Some(&YTU_MATH)),
    place("jinan", 1, ["Jinan Education Bureau", "济南市教育局"], None),
    place(
        "jn-no1",
        2,
        ["Jinan No. 1 School", "济南第一中学"],
        Some(&JN_NO1),
    ),
    place("linyi", 1, ["Linyi Education Bureau", "临沂市教育局"], None),
    place("yinan", 2, ["Yinan County", "沂南县"], None),
    place(
        "yn-high",
        3,
        ["Yinan High School", "沂南县第一中学"],
        Some(&YN_HIGH),
    ),
    place(
        "yn-rural",
        3,
        ["Yinan Rural School", "沂南乡村学校"],
        Some(&YN_RURAL),
    ),
];

/// Who runs the province: makes its objects, and asks for the queue.
pub const PROVINCE: &str = "province-admin";
/// Who checks: approves the vouchers that the province made, and audits the books.
pub const CHECKER: &str = "province-checker";
/// Who approves what Shandong University hands out of its own.
pub const BURSAR: &str = "sdu-bursar";

/// Administrators and a bursar, each with the group that gives the right.
pub const OFFICERS: [(&str, &str); 6] = [
    ("sdu-admin", "sdu-admins"),
    (BURSAR, "sdu-bursars"),
    ("qdu-admin", "qdu-admins"),
    ("ytu-admin", "ytu-admins"),
    ("jinan-admin", "jinan-admins"),
    ("linyi-admin", "linyi-admins"),
];

/// A voucher, and who approves it.
#[derive(Debug)]
pub struct Voucher {
    /// Its name.
    pub name: &'static str,
    /// Who approves it.
    pub checker: &'static str,
}

const fn voucher(name: &'static str, checker: &'static str) -> Voucher {
    Voucher { name, checker }
}

/// All vouchers, in the order of the tree.
pub static VOUCHERS: [Voucher; 13] = [
    voucher("sdu-subsidy", CHECKER),
    voucher("sdu-own", CHECKER),
    voucher("cs-own", BURSAR),
    voucher("qdu-subsidy", CHECKER),
    voucher("qdu-own", CHECKER),
    voucher("bio-programme", CHECKER),
    voucher("ytu-subsidy", CHECKER),
    voucher("ytu-reward", CHECKER),
    voucher("ytu-own", CHECKER),
    voucher("jinan-own", CHECKER),
    voucher("linyi-own", CHECKER),
    voucher("rural-equity", CHECKER),
    voucher("rural-own", CHECKER),
];

/// A stretch of the day in which everything costs less.
#[derive(Debug)]
pub struct Band {
    /// English and Chinese.
    pub called: [&'static str; 2],
    /// The hour at which it begins.
    pub from: i8,
    /// The hour at which it ends, which may be the next day's.
    pub to: i8,
    /// Tenths of the price.
    pub tenths: u8,
}

/// The bands of the price book.
pub static BANDS: [Band; 2] = [
    Band {
        called: ["night", "夜间"],
        from: 22,
        to: 8,
        tenths: 6,
    },
    Band {
        called: ["midday", "午间"],
        from: 12,
        to: 14,
        tenths: 8,
    },
];

/// The time of day in the province, by which the bands go: Asia/Shanghai, which knows no summer time.
pub fn in_province(instant: Timestamp) -> Time {
    instant.to_zoned(TimeZone::fixed(tz::offset(8))).time()
}

/// The band that a time of day falls into.
pub fn band_at(time: Time) -> Option<&'static Band> {
    let hour = time.hour();
    BANDS.iter().find(|band| match band.from < band.to {
        true => (band.from..band.to).contains(&hour),
        false => hour >= band.from || hour < band.to,
    })
}

/// The place of that name, with its index in [`TREE`].
pub fn place_of(tenant: &str) -> Option<(usize, &'static Place)> {
    TREE.iter().enumerate().find(|(_, it)| it.name == tenant)
}

/// The places from the one at `index` down: itself and all below it.
pub fn subtree(index: usize) -> &'static [Place] {
    let rest = TREE.get(index..).unwrap_or_default();
    let depth = rest.first().map_or(0, |place| place.depth);
    let below = rest.iter().skip(1).take_while(|place| place.depth > depth);
    let end = 1 + below.count();
    rest.get(..end).unwrap_or_default()
}

/// The institution (depth 1) that a tenant stands in, with its index in [`TREE`].
pub fn institution_of(tenant: &str) -> Option<(usize, &'static Place)> {
    let (index, _) = place_of(tenant)?;
    let mut upto = TREE.iter().enumerate().take(index + 1);
    upto.rfind(|(_, place)| place.depth == 1)
}

/// The same as a number from 0, as colours and bars are.
pub fn institution_number(tenant: &str) -> Option<usize> {
    let (index, _) = institution_of(tenant)?;
    let before = TREE.iter().take(index);
    Some(before.filter(|place| place.depth == 1).count())
}

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;
