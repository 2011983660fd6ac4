//! The sentences around tables in both languages. Words that head columns stand in `words`;
//! why a job waits is told by `edugrid-units`.

use edugrid_crds::visibility::Age;
use edugrid_units::Language;

use crate::output::instant;

/// Sentences that stand alone, from one line per idea: name, English, Chinese.
macro_rules! sentences {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*): $english:literal, $chinese:literal;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(language: Language $(, $argument: $type)*) -> String {
                match language {
                    Language::English => format!($english),
                    Language::Chinese => format!($chinese),
                }
            }
        )*
    };
}

sentences! {
    /// Below a screen that is too small.
    more_lines(count: usize): "… {count} more lines", "…… 还有 {count} 行";
    /// Below a queue that was cut.
    jobs_and_more(count: usize, more: i64): "Jobs shown: {count}; {more} more are not, see --limit.", "共列出 {count} 个作业；另有 {more} 个未列出，见 --limit。";
    /// Below a queue.
    jobs(count: usize): "Jobs shown: {count}.", "共列出 {count} 个作业。";
    /// For an empty queue.
    no_jobs(namespace: &str): "No unfinished jobs in namespace {namespace}.", "命名空间 {namespace} 中没有未结束的作业。";
    /// For an empty queue of all namespaces.
    no_jobs_anywhere(): "No unfinished jobs.", "没有未结束的作业。";
    /// The head of an explanation.
    standing(namespace: &str, job: &str, phase: &str, span: &str): "{namespace}/{job}: {phase} for {span}", "{namespace}/{job}：{phase}，已 {span}";
    /// The same where it isn't known since when.
    standing_now(namespace: &str, job: &str, phase: &str): "{namespace}/{job}: {phase}", "{namespace}/{job}：{phase}";
    /// A place in a queue.
    place(place: u64): "{place} of those who wait for the pool", "在等待该算力池的作业中排第 {place}";
    /// The same with how many there are.
    place_of(place: u64, all: u64): "{place} of {all} that wait for the pool", "在等待该算力池的 {all} 个作业中排第 {place}";
    /// An amount of money.
    yuan(amount: &str): "{amount} yuan", "{amount} 元";
    /// Over the nodes of a job.
    placed_on(): "Placed on:", "所在节点：";
    /// Over the path to the root.
    quota_on_path(): "Quota on the way to the root, in the pool's units:", "到根租户一路上的配额（计费单位数）：";
    /// Where there is no borrowing limit.
    no_limit(): "no limit", "不限";
    /// Below tenants, where what is borrowed will be taken back.
    stops_from(tenant: &str, pool: &str, at: &str): "{tenant} is over its quota of {pool}: what it borrows is stopped from {at} on, no more than needed.", "租户 {tenant} 超出 {pool} 的配额：自 {at} 起停止其借用的作业，不多于所需。";
    /// Over those before it.
    before_it(): "Before it:", "排在前面的作业：";
    /// Where a job is another tenant's.
    others(): "others", "其他租户";
    /// Below those before it.
    and_more(count: u64): "and {count} more", "另有 {count} 个";
    /// Over the reasons of other pools.
    other_pools(): "Other pools:", "其他算力池：";
    /// What would help.
    way_out(what: &str): "What helps: {what}.", "解决办法：{what}。";
    /// The title of a statement.
    statement_of(tenant: &str, month: &str): "Statement of tenant {tenant}, {month}, in yuan.", "租户 {tenant} {month} 对账单，单位：元。";
    /// A statement without jobs.
    nothing_charged(): "No job was charged.", "没有作业被扣费。";
    /// Below a statement.
    totals(cost: &str, vouchers: &str, own: &str): "Cost {cost} yuan: {vouchers} from vouchers, {own} from own money.", "费用 {cost} 元：算力券支付 {vouchers} 元，自有资金支付 {own} 元。";
    /// Where in the ledger it was read.
    read_at(entries: u64, head: &str): "Read from the ledger at {entries} entries, head {head}.", "取自账本：{entries} 条分录，末项哈希 {head}。";
    /// A ledger without a head.
    unknown(): "unknown", "未知";
    /// Empty books.
    no_entry(): "ok: there is no entry yet", "正常：账本尚无分录";
    /// A torn end.
    torn(bytes: u64): "{bytes} bytes at the end were never acknowledged and don't count", "末尾 {bytes} 字节从未被确认，不计入";
    /// While books are read.
    entries_so_far(entries: u64): "{entries} entries are sound so far", "已检查 {entries} 条分录，均正常";
    /// A proof that didn't begin at the start.
    from_entry(entry: u64): "entries before {entry} were proved before and not read again", "第 {entry} 条之前的分录此前已校验，本次未读";
    /// Sound books.
    sound(): "ok: every hash and every result is as it was written", "正常：每个哈希、每个结果都与写入时一致";
    /// Where an entry stands.
    entry_and_hash(entry: u64, hash: &str): "entry {entry} ({hash})", "第 {entry} 条分录（{hash}）";
    /// Where no entry stands.
    no_entry_of_it(): "no entry", "无分录";
    /// Where one of two sides says nothing.
    nothing_there(): "nothing", "无";
    /// One difference between books and objects.
    differs(place: &str, whose: &str, field: &str, books: &str, object: &str, of: &str): "{place}: {whose}: {field} is {books} in the books, {object} in {of}", "{place}：{whose}：{field} 在账本中为 {books}，在 {of} 中为 {object}";
    /// An attempt of a job.
    attempt_of(job: &str, attempt: u32): "{job}, attempt {attempt}", "{job} 第 {attempt} 次尝试";
    /// Where pods may not be listed.
    pods_not_read(why: &str): "Pods were not compared: {why}.", "未比对 Pod：{why}。";
    /// Where a cluster has no older segments.
    compared_from(entry: u64): "Only part of the book was compared: entries before {entry} are archived; give the archive's directory to --file to compare all.", "只比对了账本的一部分：第 {entry} 条之前的分录已归档；用 --file 指定归档目录可比对全部。";
    /// Below the differences.
    compared(attempts: usize, entries: u64, jobs: usize, pods: usize, differences: usize): "Compared {attempts} attempts of {entries} proved entries with {jobs} jobs and the pods of {pods} attempts: {differences} differences.", "已将 {entries} 条经校验的分录中的 {attempts} 次尝试与 {jobs} 个作业、{pods} 次尝试的 Pod 比对：{differences} 处不一致。";
    /// Never.
    never(): "never", "长期";
    /// A tenant without vouchers.
    no_vouchers(tenant: &str): "Tenant {tenant} has no vouchers.", "租户 {tenant} 没有算力券。";
    /// Nobody has a voucher.
    no_vouchers_anywhere(): "There are no vouchers.", "没有算力券。";
    /// Before an error.
    error(what: &str): "error: {what}", "错误：{what}";
    /// Before a way out.
    hint(what: &str): "hint: {what}", "提示：{what}";
    /// After a submission.
    created(what: &str): "{what} created", "{what} 已创建";
    /// Below costs.
    cost_bound(): "At most: walltime × units × the highest rate of the day. Vouchers pay part of it, own pools cost nothing.", "最高费用 = 运行时限 × 计费单位数 × 一天中的最高单价。算力券可支付一部分，自有算力池不收费。";
    /// Where there is no price.
    no_price(): "no price", "无价格";
    /// Where no pool is known that could hold it.
    no_pool_known(job: &str): "{job}: no pool of the catalogue can hold it, or its class is unknown: it would wait.", "{job}：目录中没有能容纳它的算力池，或其作业类不存在：它会一直等待。";
    /// Where prices may not be read.
    prices_unknown(): "What it costs at most can't be told: you may not read pools, classes and prices (ClusterRole edugrid-catalogue-reader).", "无法给出最高费用：您无权读取算力池、作业类和价格（ClusterRole edugrid-catalogue-reader）。";
    /// Where templates may not be tried.
    templates_not_tried(): "The pod templates were not tried: you may not create podtemplates there (ClusterRole edugrid-user). The operator tries them once the job is there; see `kubectl edugrid explain`.", "未能试验 Pod 模板：您无权在该处创建 podtemplates（ClusterRole edugrid-user）。作业提交后由 operator 试验，见 `kubectl edugrid explain`。";
    /// A file without documents.
    no_document(): "there is no document in it", "其中没有任何文档";
    /// A document of another kind.
    other_kind(kind: &str): "is \"{kind}\", submit takes ComputeJob: use kubectl apply for all else", "为“{kind}”，submit 只接受 ComputeJob：其他对象请用 kubectl apply";
    /// A document of another version.
    other_version(version: &str, ours: &str): "is \"{version}\", write {ours}", "为“{version}”，应写 {ours}";
    /// A job without a name.
    no_name(): "is missing, give a name or metadata.generateName", "缺失，请给出名称或 metadata.generateName";
    /// A job elsewhere.
    other_namespace(theirs: &str, asked: &str): "is \"{theirs}\", but -n says \"{asked}\": leave one of the two out", "为“{theirs}”，而 -n 指定“{asked}”：请去掉其一";
    /// A job that stands there twice.
    twice(): "stands in these files twice: give each job a name of its own", "在这些文件中出现两次：请给每个作业单独的名称";
    /// A job that is there already.
    already_there(): "is taken: a job never changes, so take another name or delete the one that is there", "已被占用：作业不可修改，请换一个名称或删除已有的作业";
    /// A field that isn't one.
    unknown_field(): "unknown field, see `kubectl explain computejob.spec` for those there are", "没有这个字段，可用字段见 `kubectl explain computejob.spec`";
    /// A field that is there twice.
    duplicate_field(): "stands there twice, keep one", "出现两次，请只保留一个";
    /// After a trial.
    would_be_created(what: &str): "{what} would be created (dry run)", "{what} 可以创建（试运行）";
}

/// The stated age of an answer, and what clock says so (N5).
pub fn stated(language: Language, age: &Age) -> String {
    let as_of = instant(&age.as_of);
    let clock = age
        .clock
        .as_ref()
        .map(|clock| (instant(&clock.origin), clock.factor));
    match (language, clock) {
        (Language::English, None) => format!("As of {as_of}."),
        (Language::Chinese, None) => format!("截至 {as_of}。"),
        (Language::English, Some((origin, factor))) => {
            format!("As of {as_of} by a virtual clock, {factor} times real time since {origin}.")
        }
        (Language::Chinese, Some((origin, factor))) => {
            format!("截至 {as_of}（虚拟时钟，自 {origin} 起为实际时间的 {factor} 倍）。")
        }
    }
}
