//! The command line: what can be asked, and its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use edugrid_ledger::Month;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  error: no connection, no access, the cluster does not answer
  2  the command line is wrong
  3  the books are damaged
  4  what was asked about is not there";

/// Queue, reasons and books of a province's shared compute.
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
    #[command(subcommand)]
    pub command: Command,
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
    /// The unfinished jobs of a namespace: who runs, who waits, and why.
    Queue(Queue),
    /// Why a job waits, with the numbers that would change it, or where it runs.
    Explain(Explain),
    /// A month of a tenant: what its jobs used and who paid.
    Statement(Statement),
    /// The books themselves: copy and check them.
    #[command(subcommand)]
    Ledger(Books),
}

#[derive(Debug, Args)]
pub struct Queue {
    /// The jobs of all namespaces.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// How to print them.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// The ComputeJob.
    pub job: String,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

#[derive(Debug, Args)]
pub struct Statement {
    /// The tenant; read in its home namespace, edugrid-<TENANT>.
    pub tenant: String,
    /// The month, in Asia/Shanghai; else the current one by the books' clock.
    #[arg(long, value_name = "YYYY-MM", value_parser = Month::parse)]
    pub month: Option<Month>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t)]
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
}

#[derive(Debug, Args)]
pub struct Export {
    /// A journal file instead of the cluster's LedgerSegments.
    #[arg(long, value_name = "JOURNAL")]
    pub file: Option<PathBuf>,
    /// Where to write; else to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// A journal or export file instead of the cluster's LedgerSegments.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How to print the result.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
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
        assert!(help.contains("3  the books are damaged"), "{help}");
    }
}
