//! The same words in Chinese. What other programs said stays as they said it.

use super::{Failure, list};

impl Failure {
    /// The message in Chinese.
    pub(super) fn chinese(&self) -> String {
        match self {
            Self::Kubeconfig(why) => format!("kubeconfig 无法使用：{why}"),
            Self::NoAnswer(why) => format!("集群没有应答：{why}"),
            Self::Unknown(why) => format!("集群不认识您：{why}"),
            Self::NoAccess {
                verb,
                resource,
                namespace,
                ..
            } => match namespace {
                Some(name) => format!("您无权在命名空间 {name} 中对 {resource} 执行 {verb}"),
                None => format!("您无权在所有命名空间中对 {resource} 执行 {verb}"),
            },
            Self::NotServed(api) => format!("本集群不提供 {api}"),
            Self::Unavailable(why) => format!("暂时无法应答：{why}"),
            Self::NotFound { message, .. } => format!("不存在：{message}"),
            Self::Submission {
                jobs,
                refused,
                problems,
            } => format!(
                "未提交任何作业，{jobs} 个作业中有 {refused} 个被拒绝：\n{}",
                list(problems)
            ),
            Self::Manifest(problems) => format!("未提交任何作业：\n{}", list(problems)),
            Self::Midway {
                created,
                jobs,
                cause,
            } => format!(
                "{jobs} 个作业中已创建 {created} 个之后：{}",
                cause.chinese()
            ),
            Self::Refused(why) => format!("被拒绝：{why}"),
            Self::File { what, path, source } => {
                let what = if *what == "read" { "读取" } else { "写入" };
                format!("文件 {} 无法{what}：{source}", path.display())
            }
            Self::Output(why) => format!("无法写到标准输出：{why}"),
            Self::Print(why) => format!("应答无法显示：{why}"),
            Self::Damaged(damage) => format!("账本已损坏：{damage}"),
            Self::Unreadable {
                segment,
                entry,
                what,
            } => format!("账本已损坏：第 {segment} 段，第 {entry} 条分录：{what}"),
            Self::Differ(count) => format!("账本与对象有 {count} 处不一致"),
            Self::Archived { first } => {
                format!("集群中的账本从第 {first} 段开始，且没有代表更早内容的快照")
            }
            Self::Codec { segment, codec } => {
                format!("第 {segment} 段的编码 {codec} 是本版本不认识的")
            }
        }
    }

    /// The way out in Chinese.
    pub(super) fn chinese_hint(&self) -> Option<String> {
        let hint = match self {
            Self::Kubeconfig(_) => "用 --kubeconfig 指定文件，用 --context 指定上下文",
            Self::NoAnswer(_) => "用同样的参数试一试 `kubectl version`",
            Self::Unknown(_) => "更新 kubeconfig 中的凭据",
            Self::NoAccess {
                namespace, role, ..
            } => {
                let binding = match namespace {
                    Some(_) => "RoleBinding",
                    None => "ClusterRoleBinding",
                };
                return Some(format!("请管理员用 {binding} 授予 ClusterRole {role}"));
            }
            Self::NotServed(_) => {
                "EduGrid 是否已安装？见 `kubectl get apiservices,crds | grep edugrid`"
            }
            Self::Unavailable(_) => {
                "请稍后再试；若一直如此，见 `kubectl -n edugrid-system get pods`"
            }
            Self::NotFound { elsewhere, .. } => elsewhere.chinese(),
            Self::Damaged(_) | Self::Unreadable { .. } => {
                "其后的内容都不可信：请保留副本，并与以前的导出比较"
            }
            Self::Differ(_) => {
                "账本已经过校验，请查明是谁改写了对象：`kubectl get -o yaml --show-managed-fields`"
            }
            Self::Archived { .. } => "用 --file 指定归档目录，或用 --from-checkpoint 指定检查点",
            Self::Codec { .. } => "请使用与 operator 同版本的 kubectl-edugrid",
            Self::Submission { .. } | Self::Manifest(_) => {
                "请改正后重新提交全部作业；--dry-run 只试不建"
            }
            Self::Midway { .. } => "已创建的见 `kubectl edugrid queue`",
            Self::Refused(_) | Self::File { .. } | Self::Output(_) | Self::Print(_) => return None,
        };
        Some(hint.to_owned())
    }
}
