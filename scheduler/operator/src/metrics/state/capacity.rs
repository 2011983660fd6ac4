//! Capacity: what pools have, and where tenants stand in them.

use edugrid_core::{Counts, PoolView};
use edugrid_units::{MilliUnits, Resources};

use super::{balance, count, share, units, yuan};
use crate::metrics::{
    about::{Base, gauge, info},
    rows::{Family, Group},
    snapshot::{Loan, Place, Pool, Snapshot, Tenant, TenantPool},
};

pub(super) static POOLS: Group<Snapshot, Pool> = Group {
    rows: |snapshot| &snapshot.pools,
    families: &[
        Family {
            about: gauge(
                "pool_capacity",
                Base::Units,
                "Units that all nodes of the pool have",
                "资源池全部节点的总量",
            ),
            value: |row| Some(counted(row, |view| &view.capacity)),
        },
        Family {
            about: gauge(
                "pool_healthy",
                Base::Units,
                "Units of the nodes that take new pods (Q4)",
                "可接收新 Pod 的健康节点的总量（Q4）",
            ),
            value: |row| Some(counted(row, |view| &view.allocatable)),
        },
        Family {
            about: gauge(
                "pool_used",
                Base::Units,
                "Units that admitted jobs hold on nodes",
                "已准入作业在节点上占用的量",
            ),
            value: |row| Some(counted(row, |view| &view.used)),
        },
        Family {
            about: gauge(
                "pool_billed",
                Base::Units,
                "Units that quota counts as used (N4)",
                "配额口径的已用量（N4）",
            ),
            value: |row| Some(units(row.view.billed)),
        },
        Family {
            about: gauge(
                "pool_foreign",
                Base::Units,
                "Units that pods of others hold (Q4)",
                "非本系统 Pod 占用的量（Q4）",
            ),
            value: |row| Some(counted(row, |view| &view.foreign)),
        },
        Family {
            about: gauge(
                "pool_free",
                Base::Units,
                "Units that nobody holds on nodes that take new pods",
                "健康节点上的空闲量",
            ),
            value: |row| Some(counted(row, |view| &view.free)),
        },
        Family {
            about: gauge(
                "pool_declared",
                Base::Units,
                "Quota declared at the root; above pool_healthy it can't be kept (Q4)",
                "根租户声明的配额；高于 pool_healthy 则无法兑现（Q4）",
            ),
            value: |row| Some(units(row.declared)),
        },
        Family {
            about: gauge(
                "pool_nodes",
                Base::None,
                "Nodes of the pool",
                "资源池的节点数",
            ),
            value: |row| Some(count(row.view.nodes)),
        },
        Family {
            about: gauge(
                "pool_usable_nodes",
                Base::None,
                "Nodes that take new pods",
                "可接收新 Pod 的节点数",
            ),
            value: |row| Some(count(row.view.nodes_usable)),
        },
        Family {
            about: gauge(
                "pool_conditions",
                Base::None,
                "Things wrong with the pool, such as nodes that two pools claim (N4)",
                "资源池的异常数，例如被两个资源池同时匹配的节点（N4）",
            ),
            value: |row| Some(count(row.view.conditions.len())),
        },
    ],
};

pub(super) static PLACES: Group<Snapshot, Place> = Group {
    rows: |snapshot| &snapshot.places,
    families: &[Family {
        about: info(
            "tenant",
            "The tenant's place in the tree",
            "租户在租户树中的位置",
        ),
        value: |_| Some(1.0),
    }],
};

pub(super) static LOANS: Group<Snapshot, Loan> = Group {
    rows: |snapshot| &snapshot.loans,
    families: &[Family {
        about: gauge(
            "tenant_borrowed_from",
            Base::Units,
            "What the subtree borrows from one lender outside of it (Q8)",
            "子树向某一出借方借用的量（Q8）",
        ),
        value: |row| Some(units(row.units)),
    }],
};

pub(super) static TENANTS: Group<Snapshot, Tenant> = Group {
    rows: |snapshot| &snapshot.tenants,
    families: &[
        Family {
            about: gauge(
                "tenant_running_attempts",
                Base::None,
                "Attempts of the subtree that are admitted",
                "子树内已准入的运行数",
            ),
            value: |row| Some(f64::from(row.running)),
        },
        Family {
            about: gauge(
                "tenant_conditions",
                Base::None,
                "Things wrong with the tenant, such as quota above its parent's (Q1)",
                "租户的异常数，例如配额超过上级（Q1）",
            ),
            value: |row| Some(count(row.faults)),
        },
        Family {
            about: gauge(
                "tenant_own_money_held",
                Base::Yuan,
                "Own money held for attempts",
                "自有资金冻结额",
            ),
            value: |row| row.money.map(|[held, ..]| yuan(held)),
        },
        Family {
            about: gauge(
                "tenant_own_money_spent",
                Base::Yuan,
                "Own money spent",
                "自有资金已支出额",
            ),
            value: |row| row.money.map(|[_, spent, _]| yuan(spent)),
        },
        Family {
            about: gauge(
                "tenant_own_money_available",
                Base::Yuan,
                "Own money that can still pay",
                "自有资金可用额",
            ),
            value: |row| row.money.map(|[.., available]| yuan(available)),
        },
        Family {
            about: gauge(
                "tenant_earned",
                Base::Yuan,
                "Earned with pools that the tenant owns",
                "以自有资源池获得的收入",
            ),
            value: |row| row.earned.map(yuan),
        },
    ],
};

pub(super) static TENANT_POOLS: Group<Snapshot, TenantPool> = Group {
    rows: |snapshot| &snapshot.tenant_pools,
    families: &[
        Family {
            about: gauge(
                "tenant_nominal",
                Base::Units,
                "Quota that the tenant declares for its subtree",
                "租户为其子树声明的配额",
            ),
            value: |row| row.line.nominal.map(units),
        },
        Family {
            about: gauge(
                "tenant_effective",
                Base::Units,
                "What of the quota counts (Q1)",
                "实际生效的配额（Q1）",
            ),
            value: |row| Some(units(row.line.effective)),
        },
        Family {
            about: gauge(
                "tenant_usage",
                Base::Units,
                "Billed units that the subtree uses (N4)",
                "子树的已用量，按计费单位（N4）",
            ),
            value: |row| Some(units(row.line.used)),
        },
        Family {
            about: gauge(
                "tenant_borrowed",
                Base::Units,
                "What of the usage is above the quota (O3)",
                "已用量中超出配额、即借用的部分（O3）",
            ),
            value: |row| Some(units(row.line.borrowed)),
        },
        Family {
            about: gauge(
                "tenant_lent",
                Base::Units,
                "What of the subtree's own is used outside of it (Q8)",
                "子树自有配额中被其他租户借用的量（Q8）",
            ),
            value: |row| Some(units(row.line.lent)),
        },
        Family {
            about: gauge(
                "tenant_borrowing_limit",
                Base::Units,
                "The most that may be borrowed; no series: no cap (Q2)",
                "借用上限；无序列表示不设上限（Q2）",
            ),
            value: |row| row.line.borrowing_limit.map(units),
        },
        Family {
            about: gauge(
                "tenant_available",
                Base::Units,
                "What is free for the subtree; negative where it is overdrawn (Q3)",
                "子树的可用量；透支时为负（Q3）",
            ),
            value: |row| Some(balance(row.line.available)),
        },
        Family {
            about: gauge(
                "tenant_borrowed_average",
                Base::Units,
                "Standard units borrowed on average, over all pools of the kind; half is forgotten after each half-life (O3)",
                "同类算力下的历史平均借用量（标准单位），每过一个半衰期减半（O3）",
            ),
            value: |row| Some(share(row.line.average.0)),
        },
        Family {
            about: gauge(
                "tenant_share",
                Base::Units,
                "What is and was borrowed, in standard units by weight, over all pools of the kind; less goes first (O3)",
                "同类算力下按权重折算的现有与历史借用量，小者优先（O3）",
            ),
            value: |row| Some(share(row.line.share.0)),
        },
    ],
};

fn counted(row: &Pool, amounts: fn(&PoolView) -> &Resources) -> f64 {
    let amounts = amounts(&row.view);
    match row.view.counts {
        Some(Counts::Core) => units(MilliUnits(amounts.cpu_milli)),
        _ => units(amounts.cards),
    }
}
