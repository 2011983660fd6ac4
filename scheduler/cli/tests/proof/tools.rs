//! What the proofs are made with: files in a folder of their own, and the two that check them. It
//! must not know what stands in the files.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use edugrid_ledger::{FileJournal, Segment};

/// A folder that goes with the test.
pub struct Bench {
    pub folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder }
    }

    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).expect("writes");
        path
    }

    /// What `kubectl edugrid ledger export` makes of the file of a journal.
    pub fn exported(&self, name: &str, segments: &[Segment]) -> PathBuf {
        let journal = self.folder.path().join(format!("{name}.journal"));
        let (mut file, _) = FileJournal::open(&journal).expect("opens");
        for segment in segments {
            file.append_now(segment).expect("appends");
        }
        drop(file);
        let path = self.folder.path().join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-edugrid"));
        command.args(["ledger", "export", "--lang", "en", "--file"]);
        command.arg(journal).arg("--output").arg(&path);
        let (code, told) = said(command.output().expect("it runs"));
        assert_eq!(code, 0, "{told}");
        path
    }

    /// What is written down of a proof of these lines.
    pub fn checkpoint(&self, lines: &[u8]) -> PathBuf {
        let checkpoint = self.folder.path().join("checkpoint");
        let write: [&OsStr; 2] = ["--write-checkpoint".as_ref(), checkpoint.as_ref()];
        let (code, told) = self.verify_with(&self.file("proved", lines), &write);
        assert_eq!(code, 0, "{told}");
        checkpoint
    }

    /// `kubectl edugrid ledger verify` of a file: its exit code and what it said.
    pub fn verify(&self, file: &Path) -> (i32, String) {
        self.verify_with(file, &[])
    }

    pub fn verify_with(&self, file: &Path, arguments: &[&OsStr]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-edugrid"));
        command.args(["ledger", "verify", "--lang", "en", "--file"]);
        said(command.arg(file).args(arguments).output().expect("it runs"))
    }
}

/// The script: its exit code and what it said.
pub fn script(arguments: &[&OsStr]) -> (i32, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/check_ledger.py");
    let mut command = Command::new("python3");
    command.arg(path).args(arguments);
    let output = command.output();
    said(output.expect("python3 runs; these tests need it on the PATH, in version 3.8 or later"))
}

pub fn said(output: Output) -> (i32, String) {
    let text = [output.stdout, output.stderr].concat();
    let code = output.status.code().expect("it was not killed");
    (code, String::from_utf8(text).expect("text"))
}

/// The number of the entry in which a byte of an export stands.
pub fn entry_of(export: &[u8], byte: usize) -> usize {
    export[..byte].iter().filter(|it| **it == b'\n').count()
}
