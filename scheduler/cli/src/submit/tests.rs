//! What people read of a submission.

use super::*;
use crate::samples::{CHINESE, ENGLISH};

fn estimate(pool: &str, units: &str, cost: Option<u64>) -> Estimate {
    Estimate::sample(pool, units, cost.map(edugrid_units::MicroYuan))
}

fn submission(dry_run: bool) -> Submission {
    let job = |name: &str, estimates| Submitted {
        namespace: "sdu-cs".into(),
        name: name.into(),
        created: !dry_run,
        templates_tried: true,
        estimates,
    };
    Submission {
        dry_run,
        prices_known: true,
        jobs: vec![
            job(
                "resnet",
                vec![
                    estimate("a100", "32", Some(1_536_000_000)),
                    estimate("h800", "32", Some(3_072_000_000)),
                    estimate("ascend910b", "32", None),
                ],
            ),
            job("nowhere", Vec::new()),
        ],
    }
}

#[test]
fn a_submission_in_both_languages() {
    let expected = "\
JOB             POOL   UNITS   WALLTIME   RATE   COST AT MOST
sdu-cs/resnet   h800   32      8h         6.00   3072.00
At most: walltime × units × the highest rate of the day. Vouchers pay part of it, own pools cost nothing.

sdu-cs/nowhere: no pool of the catalogue can hold it, or its class is unknown: it would wait.

computejob.edugrid.io/resnet -n sdu-cs created
computejob.edugrid.io/nowhere -n sdu-cs created
";
    assert_eq!(text(&submission(false), ENGLISH), expected);
    let expected = "\
作业            算力池       计费单位数   运行时限   单价   最高费用
sdu-cs/resnet   a100         32           8h         6.00   1536.00
sdu-cs/resnet   h800         32           8h         6.00   3072.00
sdu-cs/resnet   ascend910b   32           8h                无价格
最高费用 = 运行时限 × 计费单位数 × 一天中的最高单价。算力券可支付一部分，自有算力池不收费。

sdu-cs/nowhere：目录中没有能容纳它的算力池，或其作业类不存在：它会一直等待。

computejob.edugrid.io/resnet -n sdu-cs 可以创建（试运行）
computejob.edugrid.io/nowhere -n sdu-cs 可以创建（试运行）
";
    assert_eq!(text(&submission(true), CHINESE.wide(true)), expected);
}

#[test]
fn what_could_not_be_known_is_said() {
    let mut submission = submission(true);
    submission.prices_known = false;
    submission.jobs.truncate(1);
    submission.jobs[0].templates_tried = false;
    let text = text(&submission, ENGLISH);
    assert!(
        text.starts_with("What it costs at most can't be told: "),
        "{text}"
    );
    assert!(
        text.contains("The pod templates were not tried: "),
        "{text}"
    );
    assert!(
        text.ends_with("computejob.edugrid.io/resnet -n sdu-cs would be created (dry run)\n"),
        "{text}"
    );
}

#[test]
fn a_refusal_names_file_job_field_and_the_way_out() {
    let problem = Problem {
        source: "jobs.yaml#2".into(),
        job: Some("sdu-cs/train".into()),
        field: Some("spec.waltime".into()),
        what: "unknown field".into(),
    };
    let refused = Failure::Submission {
        jobs: 3,
        refused: 1,
        problems: vec![problem],
    };
    assert_eq!(refused.code(), 5);
    let expected = "\
error: nothing was submitted, 1 of 3 jobs can't be:
  jobs.yaml#2: sdu-cs/train: spec.waltime: unknown field
hint: correct them and submit all again; --dry-run only tries";
    assert_eq!(refused.told(Language::English), expected);
    let expected = "\
错误：未提交任何作业，3 个作业中有 1 个被拒绝：
  jobs.yaml#2: sdu-cs/train: spec.waltime: unknown field
提示：请改正后重新提交全部作业；--dry-run 只试不建";
    assert_eq!(refused.told(Language::Chinese), expected);
}
