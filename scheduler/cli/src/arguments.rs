//! The command line: what can be asked, and its help.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use edugrid_ledger::Month;

use crate::language::Spoken;

const EXIT_CODES: &str = "\
Exit codes:
  0  done; a watch that was ended by Ctrl-C or SIGTERM ends so too
  1  error: no connection, no usable kubeconfig, the cluster does not answer
  2  the command line is wrong
  3  the books are damaged
  4  what was asked about is not there
  5  a submission is refused, nothing was created
  6  you have no right to it
  7  the books and the objects differ";

/// Submits jobs to a province's shared compute, and shows its queue, reasons, quota and books.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl edugrid",
    bin_name = "kubectl edugrid",
    version,
    after_help = EXIT_CODES,
    after_long_help = EXIT_CODES,
)]
pub struct Arguments {
    #[command(flatten)]
    pub connection: Connection,
    #[command(flatten)]
    pub taste: Taste,
    #[command(subcommand)]
    pub command: Command,
}

/// How answers look.
#[derive(Clone, Copy, Debug, Args)]
pub struct Taste {
    /// The language of tables and messages; else that of $LC_ALL, $LC_MESSAGES or $LANG.
    #[arg(long, global = true, value_enum, value_name = "LANGUAGE")]
    pub lang: Option<Spoken>,
    /// When to use colours; auto: on a terminal, unless $NO_COLOR is set.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub color: ColorChoice,
}

/// How the cluster is reached, in kubectl's words.
#[derive(Debug, Default, Args)]
pub struct Connection {
    /// The kubeconfig file; else $KUBECONFIG, ~/.kube/config, or the pod's own account.
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context; else its current one.
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The namespace; else that of the context.
    #[arg(short, long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Ask as somebody else, if you may impersonate.
    #[arg(long = "as", global = true, value_name = "USER")]
    pub impersonate: Option<String>,
    /// With --as: a group of that user; may be given again.
    #[arg(
        long = "as-group",
        global = true,
        value_name = "GROUP",
        requires = "impersonate"
    )]
    pub impersonate_groups: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Submit jobs, after trying whether the cluster takes them and saying what they cost.
    ///
    /// Each job and each of its pod templates is first tried by strict dry runs, so that a typo
    /// is told and not dropped. If one job of several is refused, none is created.
    Submit(Submit),
    /// The unfinished jobs of a namespace: who runs, who waits, and why.
    Queue(Queue),
    /// Why a job waits, with the numbers that would change it, or where it runs.
    Explain(Explain),
    /// A tenant and all below it: quota, use, what is borrowed and lent, per pool.
    Tenants(Tenants),
    /// The vouchers that a tenant can spend or watches over, and what is left of them.
    Vouchers(Vouchers),
    /// A month of a tenant: what its jobs used and who paid.
    Statement(Statement),
    /// The books themselves: copy and check them.
    #[command(subcommand)]
    Ledger(Books),
    /// Print the completion script of a shell.
    ///
    /// For `kubectl edugrid` itself, link this program as kubectl_complete-edugrid in the PATH.
    Completion(Completion),
    /// What kubectl asks of a plugin while a command line is typed.
    #[command(name = "__complete", hide = true)]
    Complete(Complete),
}

#[derive(Debug, Args)]
pub struct Submit {
    /// Files with ComputeJobs, YAML or JSON, several documents in each; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Try everything and create nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// How to print what was submitted.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: Format,
}

#[derive(Debug, Args)]
pub struct Queue {
    /// The jobs of all namespaces.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// The most jobs to show; 0: all.
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    pub limit: u32,
    /// How to print them.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: Format,
    #[command(flatten)]
    pub watch: Watch,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// The ComputeJob.
    pub job: String,
    /// How to print it.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: Format,
    #[command(flatten)]
    pub watch: Watch,
}

#[derive(Debug, Args)]
pub struct Tenants {
    /// The tenant at the top, read in its home namespace, edugrid-<TENANT>; else the whole tree.
    pub tenant: Option<String>,
    /// How to print them.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: Format,
    #[command(flatten)]
    pub watch: Watch,
}

#[derive(Debug, Args)]
pub struct Vouchers {
    /// The tenant, read in its home namespace, edugrid-<TENANT>; else all vouchers.
    pub tenant: Option<String>,
    /// How to print them.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: Format,
    #[command(flatten)]
    pub watch: Watch,
}

/// Whether an answer is asked for again and again.
#[derive(Clone, Copy, Debug, Args)]
pub struct Watch {
    /// Ask again and again, until Ctrl-C: redrawn on a terminal, appended elsewhere.
    #[arg(short, long)]
    pub watch: bool,
    /// Seconds between two answers.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, requires = "watch", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub interval: u64,
}

#[derive(Debug, Args)]
pub struct Completion {
    /// The shell.
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct Complete {
    /// The words after `kubectl edugrid`; the last one is being typed.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct Statement {
    /// The tenant; read in its home namespace, edugrid-<TENANT>.
    pub tenant: String,
    /// The month, in Asia/Shanghai; else the current one by the books' clock.
    #[arg(long, value_name = "YYYY-MM", value_parser = Month::parse)]
    pub month: Option<Month>,
    /// How to print it.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: SheetFormat,
}

#[derive(Debug, Subcommand)]
pub enum Books {
    /// Write all entries, one JSON line each: {"sequence":"…","hash":"…","body":{…}}.
    ///
    /// The hash is H(previous hash ‖ algorithm ‖ length of body ‖ body) over the very bytes
    /// of the body, so any tool can check the file without EduGrid.
    Export(Export),
    /// Check every hash and carry every command out again.
    ///
    /// Names the first segment and entry that is not as it was written, and exits with 3.
    Verify(Verify),
    /// Compare what was charged with the stamps in jobs and pods, and list what differs.
    ///
    /// Each difference comes with the entry, its hash, the object and both values. Exits with 7
    /// if there is one.
    Reconcile(Reconcile),
}

#[derive(Debug, Args)]
pub struct Export {
    /// A journal file or an archive's directory instead of the cluster's LedgerSegments.
    #[arg(long, value_name = "JOURNAL")]
    pub file: Option<PathBuf>,
    /// Where to write; else to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// A journal or export file, or an archive's directory, instead of the cluster's LedgerSegments.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Begin after the entries that a checkpoint holds, instead of at the first one.
    #[arg(long, value_name = "FILE")]
    pub from_checkpoint: Option<PathBuf>,
    /// Write what was proved, so that a later proof can begin here.
    #[arg(long, value_name = "FILE")]
    pub write_checkpoint: Option<PathBuf>,
    /// How to print the result.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: Format,
}

#[derive(Debug, Args)]
pub struct Reconcile {
    /// A journal, archive or export with the books, instead of the cluster's LedgerSegments.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// List also instants that are apart by less than 60 s and 0.5 % of the charged time.
    #[arg(long)]
    pub exact: bool,
    /// How to print the differences.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: Format,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For people, with all columns.
    Wide,
    /// The answer as it came.
    Json,
    /// The same as YAML.
    Yaml,
}

/// How a statement is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SheetFormat {
    /// For people.
    #[default]
    Table,
    /// The answer as it came.
    Json,
    /// The same as YAML.
    Yaml,
    /// The movements for a spreadsheet: UTF-8 with byte order mark, amounts in yuan.
    Csv,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_is_wrong_is_refused_with_2() {
        for line in [
            "kubectl-edugrid",
            "kubectl-edugrid queue -n sdu-cs -A",
            "kubectl-edugrid explain",
            "kubectl-edugrid statement sdu --month november",
            "kubectl-edugrid statement sdu --month 2026-13",
            "kubectl-edugrid queue -o csv",
            "kubectl-edugrid queue --as-group masters",
            "kubectl-edugrid queue --interval 5",
            "kubectl-edugrid queue --watch --interval 0",
            "kubectl-edugrid queue --lang fr",
            "kubectl-edugrid submit",
            "kubectl-edugrid completion sh",
        ] {
            let error = Arguments::try_parse_from(line.split(' ')).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn flags_of_kubectl_stand_anywhere() {
        for line in ["kubectl-edugrid -n a queue", "kubectl-edugrid queue -n a"] {
            let arguments = Arguments::try_parse_from(line.split(' ')).expect(line);
            assert_eq!(arguments.connection.namespace.as_deref(), Some("a"));
        }
    }

    #[test]
    fn help_tells_the_exit_codes() {
        use clap::CommandFactory;
        let help = Arguments::command().render_help().to_string();
        for code in Failure::CODES {
            assert!(help.contains(&format!("\n  {code}  ")), "{code}: {help}");
        }
    }

    /// Both pages of the manual tell of every command, flag and exit code.
    #[test]
    fn the_manual_misses_nothing() {
        use clap::CommandFactory;
        for (page, exit_codes) in [
            (include_str!("../../../docs/en/cli.md"), true),
            (include_str!("../../../docs/zh/cli.md"), false),
        ] {
            let mut words = Vec::new();
            collect(&Arguments::command(), "", &mut words);
            assert!(words.contains(&"`ledger verify".to_owned()), "{words:?}");
            for word in words {
                assert!(page.contains(&word), "{word} is not in {page}");
            }
            for line in EXIT_CODES.lines().skip(1) {
                let (code, meaning) = line.trim().split_once("  ").expect(line);
                let row = if exit_codes {
                    format!("| {code} | {meaning} |")
                } else {
                    format!("| {code} | ")
                };
                assert!(page.contains(&row), "{row} is not in {page}");
            }
        }
    }

    /// How commands and flags are spelled in the manual.
    fn collect(command: &clap::Command, path: &str, words: &mut Vec<String>) {
        let flags = command.get_arguments().filter_map(|flag| flag.get_long());
        words.extend(flags.map(|flag| format!("`--{flag}")));
        for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
            let path = format!("{path} {}", below.get_name());
            if !below.has_subcommands() {
                words.push(format!("`{}", path.trim()));
            }
            collect(below, &path, words);
        }
    }
}
