//! The words of tables in both languages: one word per idea, the ones of the glossary.
//!
//! Sentences stand in `sentences`, and why a job waits is told by `edugrid-units`. Codes
//! that people search for (`QuotaExceeded`) stay as they are in every language.

use edugrid_units::Language;

/// Makes [`Word`] from one line per idea: name, English, Chinese.
macro_rules! words {
    ($($name:ident: $english:literal, $chinese:literal;)*) => {
        /// An idea that heads a column or a line.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Word {
            $(#[doc = $english] $name,)*
        }

        impl Word {
            /// The word as it heads a column.
            pub fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$name, Language::English) => $english,
                      (Self::$name, Language::Chinese) => $chinese,)*
                }
            }

            /// The word as it begins a line.
            pub fn label(self, language: Language) -> String {
                let text = self.text(language);
                let mut letters = text.chars();
                let first = letters.next().into_iter();
                first.chain(letters.map(|letter| letter.to_ascii_lowercase())).collect()
            }

            #[cfg(test)]
            const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

words! {
    // jobs
    Namespace: "NAMESPACE", "命名空间";
    Job: "JOB", "作业";
    Phase: "PHASE", "阶段";
    Reason: "REASON", "原因";
    Message: "MESSAGE", "说明";
    Tenant: "TENANT", "租户";
    Pool: "POOL", "算力池";
    Units: "UNITS", "计费单位数";
    Position: "POSITION", "排队位置";
    PositionInTenant: "IN TENANT", "租户内位置";
    WaitingFor: "WAITING FOR", "已等待";
    Class: "CLASS", "作业类";
    Tier: "TIER", "层次";
    Submitter: "SUBMITTER", "提交人";
    Held: "HELD", "冻结";
    Role: "ROLE", "角色";
    Node: "NODE", "节点";
    Replicas: "REPLICAS", "副本";
    Walltime: "WALLTIME", "运行时限";
    Jobs: "JOBS", "作业数";
    // quota
    Level: "LEVEL", "层级";
    Name: "NAME", "名称";
    Nominal: "NOMINAL", "额定";
    Effective: "EFFECTIVE", "有效";
    Used: "USED", "已用";
    Borrowed: "BORROWED", "借用";
    MayBorrow: "MAY BORROW", "借用上限";
    Lent: "LENT", "出借";
    Available: "AVAILABLE", "可用";
    Running: "RUNNING", "运行中";
    Waiting: "WAITING", "等待";
    Share: "SHARE", "份额";
    Average: "AVERAGE", "历史平均";
    Lenders: "LENDERS", "出借方";
    Borrowers: "BORROWERS", "借用方";
    User: "USER", "用户";
    // money
    Voucher: "VOUCHER", "算力券";
    Holder: "HOLDER", "持有者";
    Type: "TYPE", "类型";
    Face: "FACE", "面额";
    Spent: "SPENT", "扣费";
    Left: "LEFT", "余额";
    Expires: "EXPIRES", "到期";
    State: "STATE", "状态";
    Issuer: "ISSUER", "发放方";
    Line: "FUNDING LINE", "资金来源";
    Coverage: "COVERAGE", "支付比例";
    Scope: "SCOPE", "适用范围";
    From: "VALID FROM", "生效";
    OwnMoney: "OWN MONEY", "自有资金";
    OwnMoneyOf: "OWN MONEY OF", "自有资金归属";
    Deposited: "DEPOSITED", "存入";
    Account: "ACCOUNT", "账户";
    Opening: "OPENING", "期初";
    Closing: "CLOSING", "期末";
    Until: "UNTIL", "直到";
    Attempt: "ATTEMPT", "尝试";
    Started: "STARTED", "开始";
    Finished: "FINISHED", "结束";
    Seconds: "SECONDS", "秒数";
    Rate: "RATE", "单价";
    Cost: "COST", "费用";
    CostAtMost: "COST AT MOST", "最高费用";
    Outcome: "OUTCOME", "结果";
    Entry: "ENTRY", "分录";
    At: "AT", "时间";
    What: "WHAT", "事项";
    Debit: "FROM", "转出";
    Credit: "TO", "转入";
    Amount: "AMOUNT", "金额";
    Book: "BOOK", "账本";
    Segments: "SEGMENTS", "段数";
    Entries: "ENTRIES", "分录数";
    Head: "HEAD", "末项哈希";
}

/// Values that tables show, in Chinese. What the API may say and this list does not know
/// is shown as it came.
const VALUES: &[(&str, &str)] = &[
    // phases
    ("Waiting", "等待"),
    ("Admitted", "已准入"),
    ("Running", "运行中"),
    // levels of tenants
    ("Province", "省"),
    ("City", "市"),
    ("County", "县"),
    ("University", "大学"),
    ("School", "学校"),
    ("College", "学院"),
    ("Lab", "实验室"),
    // tiers
    ("Emergency", "紧急"),
    ("Mission", "任务"),
    ("Standard", "标准"),
    ("Scavenger", "闲时"),
    // types of vouchers
    ("Subsidy", "补贴"),
    ("Equity", "倾斜"),
    ("Programme", "专项"),
    ("Reward", "奖励"),
    ("Contribution", "贡献"),
    ("OwnFunds", "自有资金"),
    // states of vouchers
    ("AwaitsApproval", "待审批"),
    ("NotPosted", "未入账"),
    ("Refused", "已拒绝"),
    ("Active", "有效"),
    ("Frozen", "停用"),
    ("Revoked", "已撤销"),
    ("Expired", "已过期"),
    // ends of attempts
    ("Succeeded", "成功"),
    ("Failed", "失败"),
    ("Walltime", "超过运行时限"),
    ("Cancelled", "已取消"),
    ("Held", "已挂起"),
    ("Deleted", "已删除"),
    ("NotStarted", "未启动"),
    ("Disrupted", "被中断"),
    ("QuotaCut", "配额削减"),
    // what moved money without a job
    ("Grant", "发放"),
    ("Expire", "到期收回"),
    ("VoucherState", "变更状态"),
];

/// A value as this reader's tables show it.
pub fn value(language: Language, code: &str) -> &str {
    let known = VALUES.iter().find(|(word, _)| *word == code);
    match (language, known) {
        (Language::Chinese, Some((_, chinese))) => chinese,
        _ => code,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use edugrid_units::{Outcome, Tier};

    use super::*;

    #[test]
    fn one_word_per_idea_in_each_language() {
        for language in [Language::English, Language::Chinese] {
            let words = Word::ALL.iter().map(|word| word.text(language));
            let distinct: BTreeSet<&str> = words.clone().collect();
            assert_eq!(distinct.len(), words.count(), "{language:?}");
        }
        for word in Word::ALL {
            assert!(word.text(Language::English).is_ascii(), "{word:?}");
            assert!(!word.text(Language::Chinese).is_ascii(), "{word:?}");
        }
        let values: BTreeSet<&str> = VALUES.iter().map(|(code, _)| *code).collect();
        assert_eq!(values.len(), VALUES.len(), "a value is listed twice");
    }

    #[test]
    fn values_that_the_product_knows_have_a_chinese_word() {
        let tiers = Tier::ALL.iter().map(|tier| tier.as_str());
        let outcomes = Outcome::ALL.iter().map(|outcome| outcome.as_str());
        for code in tiers.chain(outcomes) {
            assert_ne!(value(Language::Chinese, code), code);
            assert_eq!(value(Language::English, code), code);
        }
        assert_eq!(value(Language::Chinese, "Unheard"), "Unheard");
    }
}
