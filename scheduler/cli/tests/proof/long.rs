//! A long journal, and what is seen while it is proved. It has a million entries where every seed
//! is run (`cargo xtask test --all-seeds`), and as many as `EDUGRID_PROOF_ENTRIES` says where that
//! is set.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
    process::Command,
    time::Instant,
};

use edugrid_ledger::Algorithm;
use edugrid_lives::{Chance, Life, export};

use crate::tools::{Bench, entry_of, said, script};

/// Entries of the long journal, unless the environment says otherwise.
const ENTRIES: u64 = 6000;
/// The same where every seed is run.
const ENTRIES_ALL: u64 = 1_000_000;
/// Hundredths of the long journal after which a byte is altered.
const PARTS: [u64; 3] = [3, 45, 97];

/// A long life of books, exported from the file of its journal, with a byte altered near its
/// begin, near its middle, near its end, and wherever the seed says: one at a time, in place.
#[test]
fn an_altered_byte_of_a_long_journal_is_found_by_both() {
    let (bench, entries) = (Bench::new(), long_entries());
    let segments = Life::journal(5, Algorithm::Sha256, entries);
    let sound = export(&segments);
    let file = bench.exported("long", &segments);
    assert!(
        fs::read(&file).expect("reads") == sound,
        "the export differs"
    );
    drop(segments);
    let (code, told) = timed("script, all of it", || script(&[file.as_ref()]));
    assert_eq!(code, 0, "{told}");
    let (code, verified) = timed("verify, all of it", || bench.verify(&file));
    assert_eq!(code, 0, "{verified}");
    let half = sound.len() / 2;
    let half = half
        + sound[half..]
            .iter()
            .position(|it| *it == b'\n')
            .expect("a line")
        + 1;
    let checkpoint = bench.checkpoint(&sound[..half]);
    let from: [&OsStr; 2] = ["--from-checkpoint".as_ref(), checkpoint.as_ref()];
    let (code, verified) = timed("verify, from half of it", || {
        bench.verify_with(&file, &from)
    });
    assert_eq!(code, 0, "{verified}");
    let mut chance = Chance::new(entries);
    let anywhere = chance.below(sound.len() as u64);
    let parts = PARTS.map(|part| sound.len() as u64 * part / 100);
    for byte in parts.into_iter().chain([anywhere]) {
        let byte = usize::try_from(byte).expect("small");
        let entry = format!("entry {}: ", entry_of(&sound, byte));
        let place = format!("byte {byte} of {}", sound.len());
        let altered = Altered::new(&file, byte);
        let (code, told) = timed(&format!("script, {place}"), || script(&[file.as_ref()]));
        assert!(code == 1 && told.contains(&entry), "{place}: {told}");
        let (code, told) = timed(&format!("verify, {place}"), || bench.verify(&file));
        assert!(code == 3 && told.contains(&entry), "{place}: {told}");
        let (code, told) = bench.verify_with(&file, &from);
        let is_proved = byte < half;
        assert_eq!(code, if is_proved { 0 } else { 3 }, "{place}: {told}");
        assert!(is_proved || told.contains(&entry), "{place}: {told}");
        drop(altered);
    }
}

/// On a terminal a long proof shows how far it is, and wipes that away.
#[test]
fn a_proof_on_a_terminal_shows_how_far_it_is() {
    let bench = Bench::new();
    let file = bench.file("books", &export(&Life::journal(6, Algorithm::Sha256, 2000)));
    let program = env!("CARGO_BIN_EXE_kubectl-edugrid");
    let mut command = Command::new("python3");
    let terminal = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)";
    command.args(["-c", terminal, program]);
    command.args(["ledger", "verify", "--lang", "en", "--file"]);
    let (code, told) = said(command.arg(file).output().expect("python3 runs"));
    assert_eq!(code, 0, "{told}");
    assert!(
        told.contains("\r[") && told.contains("entries are sound so far"),
        "{told}"
    );
    let (_, verdict) = told.rsplit_once("\r\u{1b}[K").expect("wiped away");
    assert!(!verdict.contains("so far"), "{told}");
}

/// How many entries a long journal has.
fn long_entries() -> u64 {
    if let Ok(asked) = std::env::var("EDUGRID_PROOF_ENTRIES") {
        return asked.parse().expect("a number of entries");
    }
    match std::env::var_os("EDUGRID_ALL_SEEDS") {
        Some(_) => ENTRIES_ALL,
        None => ENTRIES,
    }
}

/// What takes long for a million entries, for whoever asks with `--nocapture`.
fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    println!("{what}: {:.1} s", begun.elapsed().as_secs_f64());
    done
}

/// A file with one bit altered, until this is dropped.
struct Altered {
    file: File,
    byte: u64,
    was: u8,
}

impl Altered {
    fn new(path: &Path, byte: usize) -> Self {
        let file = File::options().read(true).write(true).open(path);
        let (file, byte) = (file.expect("opens"), byte as u64);
        let mut was = [0];
        file.read_exact_at(&mut was, byte).expect("reads");
        let [was] = was;
        let altered = was ^ (1 << (byte % 8));
        file.write_all_at(&[altered], byte).expect("writes");
        Self { file, byte, was }
    }
}

impl Drop for Altered {
    fn drop(&mut self) {
        let put_back = self.file.write_all_at(&[self.was], self.byte);
        put_back.expect("writes");
    }
}
