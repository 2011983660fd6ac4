//! The Chinese words of reasons. Names, fields and other systems' words stay as they are.

use super::{Amount, Feature, ObjectKind, Reason, ReasonCode, Subject, subject::few};

/// What the code means.
pub(super) fn meaning(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::Held => "作业已由 spec.state 挂起",
        ReasonCode::NotBefore => "未到 spec.startAfter 的时间",
        ReasonCode::DependsOn => "等待其他作业",
        ReasonCode::LimitReached => "已达上限",
        ReasonCode::QuotaExceeded => "配额不足",
        ReasonCode::BorrowingLimit => "已达借用上限",
        ReasonCode::InsufficientFunds => "算力券与自有资金不足",
        ReasonCode::NoPrice => "该算力池和价格档没有生效的价格",
        ReasonCode::NoMatchingPool => "没有能容纳它的算力池",
        ReasonCode::DataClass => "该算力池不得接触此级别的数据",
        ReasonCode::ModelNotFiled => "提供服务须填写 spec.modelFiling",
        ReasonCode::NoIsolation => "没有节点能安全地共享一张卡",
        ReasonCode::Fragmented => "总量够用，但空闲资源的形状不合",
        ReasonCode::Topology => "没有能容纳它的拓扑域",
        ReasonCode::Reserved => "空闲资源已被预留",
        ReasonCode::BehindClaim => "空闲资源已留给更早的作业",
        ReasonCode::BehindInOrder => "排在其他作业之后",
        ReasonCode::WaitingForPreemption => "等待被抢占的作业停止",
        ReasonCode::NeedsCheckpoint => "被收回次数过多，没有检查点不能再借用",
        ReasonCode::BackOff => "未能启动，稍后重试",
        ReasonCode::Unhealthy => "节点不健康",
        ReasonCode::TooLarge => "申请量超过可能的最大值",
        ReasonCode::NotAllowed => "不允许",
        ReasonCode::TenantStopped => "租户已停用",
        ReasonCode::UnknownReference => "引用的对象不存在",
        ReasonCode::TemplateRefused => "API 服务器拒绝了 Pod 模板",
        ReasonCode::NamespaceNotRestricted => {
            "命名空间缺少标签 pod-security.kubernetes.io/enforce: baseline"
        }
        ReasonCode::LedgerUnavailable => "账本无法写入",
        ReasonCode::LedgerRewound => "账本落后于已公布的账本头",
    }
}

/// What whoever waits can do.
pub(super) fn way_out(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::Held => "把 spec.state 改为 Run",
        ReasonCode::NotBefore => "到时间后会自动进入队列",
        ReasonCode::DependsOn => "前置作业结束后会自动继续",
        ReasonCode::LimitReached => "等待作业结束、减少申请量，或请管理员提高上限",
        ReasonCode::QuotaExceeded => "等待配额释放、减少申请量，或请管理员增加配额",
        ReasonCode::BorrowingLimit => "等待借用的配额归还，或请管理员提高 borrowingLimit",
        ReasonCode::InsufficientFunds => "缩短 spec.walltime、充值自有资金，或申请算力券",
        ReasonCode::NoPrice => "请省级平台为该算力池和价格档定价",
        ReasonCode::NoMatchingPool => "修改 spec.pools、设备类型或节点选择条件",
        ReasonCode::DataClass => {
            "改用允许该级别数据的算力池；数据确属较低级别时可调低 spec.dataClass"
        }
        ReasonCode::ModelNotFiled => "在 spec.modelFiling 中填写备案号",
        ReasonCode::NoIsolation => "改为申请整卡",
        ReasonCode::Fragmented => "等待，或减小每个副本的申请量",
        ReasonCode::Topology => "等待，或改用 Preferred 模式",
        ReasonCode::Reserved => "等待预留时段结束",
        ReasonCode::BehindClaim => "等待，或缩短 spec.walltime 以便在此之前结束",
        ReasonCode::BehindInOrder => "等待前面的作业结束",
        ReasonCode::WaitingForPreemption => "等待，被抢占的作业停止后即可启动",
        ReasonCode::NeedsCheckpoint => "让作业上报检查点，或等待其能放入自有配额",
        ReasonCode::BackOff => "会自动重试；可查看其 Pod 的事件",
        ReasonCode::Unhealthy => "等待节点恢复，或改用其他算力池",
        ReasonCode::TooLarge => "减少申请量，或改用其他算力池",
        ReasonCode::NotAllowed => "修改该字段，或联系租户管理员",
        ReasonCode::TenantStopped => "联系租户管理员",
        ReasonCode::UnknownReference => "改正名称，或请管理员创建该对象",
        ReasonCode::TemplateRefused => "改正模板后重新提交作业",
        ReasonCode::NamespaceNotRestricted => "请管理员为命名空间设置该标签",
        ReasonCode::LedgerUnavailable => "等待；平台已收到告警",
        ReasonCode::LedgerRewound => "等待；平台须先恢复账本",
    }
}

/// Meaning, subject and numbers.
pub(super) fn sentence(reason: &Reason) -> String {
    let about = reason.subject.as_ref().map(subject);
    let numbers = [
        ("算力池", reason.pool.as_ref().map(ToString::to_string)),
        ("租户", reason.node.as_ref().map(ToString::to_string)),
        ("申请", reason.asked.as_ref().map(amount)),
        ("可用", reason.free.as_ref().map(amount)),
        ("缺", reason.missing.as_ref().map(amount)),
    ];
    let numbers: Vec<_> = numbers
        .into_iter()
        .filter_map(|(word, value)| Some(format!("{word} {}", value?)))
        .collect();
    let mut text = meaning(reason.code).to_owned();
    if let Some(about) = &about {
        text += &format!("：{about}");
    }
    if !numbers.is_empty() {
        text += if about.is_some() { "；" } else { "：" };
        text += &numbers.join("，");
    }
    text
}

fn amount(amount: &Amount) -> String {
    match amount {
        Amount::Money(money) => format!("{money} 元"),
        other => other.to_string(),
    }
}

fn kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Tenant => "租户",
        ObjectKind::Parent => "上级租户",
        ObjectKind::Class => "作业类",
        ObjectKind::Pool => "算力池",
        ObjectKind::Voucher => "算力券",
        ObjectKind::Job => "作业",
        ObjectKind::Namespace => "命名空间",
    }
}

fn resource(name: &str) -> &str {
    match name {
        "cards" => "卡",
        "cores" => "核",
        "memory" => "内存",
        other => other,
    }
}

fn data_class(name: &str) -> &str {
    match name {
        "General" => "一般",
        "Important" => "重要",
        "Core" => "核心",
        other => other,
    }
}

fn barred(why: &str) -> &str {
    match why {
        "holder" => "持有者不符",
        "scope" => "适用范围不符",
        "state" => "状态不可用",
        "validity" => "不在有效期内",
        other => other,
    }
}

fn feature(feature: Feature) -> &'static str {
    match feature {
        Feature::Services => "spec.type：本版本只运行 Training",
        Feature::Arrays => "spec.array：本版本只运行单个作业，请逐个提交",
        Feature::Dependencies => "spec.dependsOn：本版本不支持作业依赖，请稍后提交",
        Feature::ElasticRoles => "spec.roles[].minReplicas：本版本只运行固定规模的作业",
        Feature::RequiredTopology => {
            "spec.roles[].topology：本版本不能强制要求拓扑层级，请用 Preferred 模式"
        }
        Feature::Deadlines => "spec.deadline：本版本不支持截止时间，请用 spec.walltime",
    }
}

/// What the reason is about.
pub(super) fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Object { kind: of, name } => format!("{} {name}", kind(*of)),
        Subject::Retired { kind: of, name } => format!("{} {name} 已停用", kind(*of)),
        Subject::Field(field) => (*field).to_owned(),
        Subject::SecondRoot { root } => format!("没有上级租户（唯一的根租户是 {root}）"),
        Subject::ParentCycle => "上级租户的关系成环，到不了根租户".to_owned(),
        Subject::NoTenant { namespace } => {
            format!("命名空间 {namespace} 没有标签 edugrid.io/tenant")
        }
        Subject::SystemNamespace { namespace } => {
            format!("命名空间 {namespace} 属于系统，不能划给租户")
        }
        Subject::UncheckedNamespace { namespace } => format!(
            "命名空间 {namespace} 的标签 edugrid.io/tenant 是在准入策略缺失时设置的，请去掉后重新设置"
        ),
        Subject::UncheckedSubmitter => {
            "作业是在准入策略缺失时创建的，无法确认由谁提交，请重新提交".to_owned()
        }
        Subject::NoReplicas => "spec.roles 中没有副本，至少需要 1 个".to_owned(),
        Subject::ClassOfOthers { class, user } => {
            format!("作业类 {class} 不对用户 {user} 开放")
        }
        Subject::VoucherBarred { voucher, why } => {
            format!("算力券 {voucher} {}", barred(why))
        }
        Subject::NotYet(what) => feature(*what).to_owned(),
        Subject::DataClass { asked, most } => {
            format!(
                "{}数据，最高允许{}数据",
                data_class(asked),
                data_class(most)
            )
        }
        Subject::OtherDevice { role, device } => {
            format!("角色 {role} 申请 {device}，它属于其他算力池")
        }
        Subject::NoCards { role } => format!("角色 {role} 申请卡，而该算力池按核计量"),
        Subject::Fraction { role } => format!("角色 {role} 申请的不是整卡"),
        Subject::NoNode { role } => format!("没有节点具备角色 {role} 要求的标签或设备"),
        Subject::NoPool { counts } => format!("没有按 {} 计量的算力池", resource(counts)),
        Subject::EachPool(pools) => {
            let each: Vec<_> = pools
                .iter()
                .map(|(pool, code)| format!("{pool} {}", meaning(*code)))
                .collect();
            each.join("、")
        }
        Subject::Quota => "配额".to_owned(),
        Subject::OneReplica { role, resource: of } => {
            format!("角色 {role} 一个副本的{}，与最大的节点相比", resource(of))
        }
        Subject::WholePool { resource: of } => format!("{}，与整个算力池相比", resource(of)),
        Subject::SideBySide => "各副本无法同时放进该算力池的节点".to_owned(),
        Subject::Limit { name, user: None } => (*name).to_owned(),
        Subject::Limit {
            name,
            user: Some(user),
        } => format!("用户 {user} 的 {name}"),
        Subject::ClassWalltime(class) => format!("作业类 {class} 的最长运行时间"),
        Subject::NoticeTooLong {
            walltime,
            notice,
            class,
        } => format!("walltime {walltime} 不长于作业类 {class} 的通知时间 {notice}"),
        Subject::Nodes(nodes) => {
            let (shown, more) = few(nodes);
            let shown = shown.join("、");
            match more {
                0 => shown,
                more => format!("{shown} 等，另有 {more} 个"),
            }
        }
        Subject::Holders {
            resource: of,
            own,
            others,
            foreign,
        } => {
            let own = own
                .iter()
                .map(|(tenant, units)| format!("{tenant} {units}"));
            let others = (others.0 > 0).then(|| format!("其他租户 {others}"));
            let foreign = foreign.map(|amount| format!("EduGrid 之外的 Pod {amount}"));
            let all: Vec<_> = own.chain(others).chain(foreign).collect();
            format!("{}的占用情况为 {}", resource(of), all.join("、"))
        }
        Subject::PriceTier(tier) => format!("价格档 {tier}"),
        Subject::Funds { vouchers, own } => {
            format!("算力券可付 {vouchers} 元，自有资金可付 {own} 元")
        }
        Subject::Words(words) => words.clone(),
    }
}
