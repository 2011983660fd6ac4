//! Proof for strangers: exported books are checked by `kubectl edugrid ledger verify` and by
//! `docs/check_ledger.py`, which shares no code with it. Both must find a sound book sound,
//! name the entry of any altered byte, and see through lies whose hashes follow again.

mod long;
mod tools;

use std::{ffi::OsStr, path::Path};

use edugrid_ledger::{Algorithm, Command as Ledger, Entry, Line, entries, replay};
use edugrid_lives::{Life, export, rehashed, worked_example};
use edugrid_units::{HoldAsk, Purse, Seconds};

use tools::{Bench, entry_of, script};

/// Of the bytes of the worked example one in so many is altered, each in a file of its own.
const STRIDE: usize = 11;

#[test]
fn sound_books_are_found_sound_by_both() {
    let bench = Bench::new();
    let books = [
        ("example", worked_example()),
        ("sha256", Life::journal(11, Algorithm::Sha256, 3000)),
        ("sm3", Life::journal(12, Algorithm::Sm3, 800)),
    ];
    for (name, segments) in books {
        let file = bench.file(name, &export(&segments));
        let (code, verified) = bench.verify(&file);
        assert_eq!(code, 0, "{name}: {verified}");
        let (code, checked) = script(&[file.as_ref()]);
        assert_eq!(code, 0, "{name}: {checked}");
        let head = checked.trim().rsplit(' ').next().expect("a head");
        assert!(verified.contains(head), "{name}: {verified}{checked}");
    }
}

/// The pages for outsiders show an entry of the worked example with the hash before it.
#[test]
fn the_documented_line_is_the_one_that_is_written() {
    let sound = String::from_utf8(export(&worked_example())).expect("text");
    let lines: Vec<&str> = sound.lines().collect();
    let before = Line::parse(lines[9].as_bytes()).expect("a line").hash;
    let body = Line::parse(lines[10].as_bytes()).expect("a line").body;
    let body_bytes = body.len();
    for page in [
        include_str!("../../../../docs/en/ledger-format.md"),
        include_str!("../../../../docs/zh/ledger-format.md"),
    ] {
        assert!(page.contains(&format!("\n{}\n", lines[10])));
        assert!(page.contains(&before.to_string()));
        assert!(page.contains(&format!("`{body_bytes:016x}`")));
        let verbs = lines.iter().filter_map(|line| {
            let line = Line::parse(line.as_bytes())?;
            Some(Entry::parse(line.body).ok()?.command.verb())
        });
        for verb in verbs {
            assert!(page.contains(&format!("\n| `{verb}` |")), "{verb}");
        }
    }
}

/// An entry that is cut off at the end is only missed by who knows the published head.
#[test]
fn a_missing_end_is_told_by_the_published_head() {
    let bench = Bench::new();
    let whole = export(&worked_example());
    let (code, told) = script(&[bench.file("whole", &whole).as_ref()]);
    let head = told.trim().rsplit(' ').next().expect("a head").to_owned();
    assert_eq!(code, 0, "{told}");
    let last = whole[..whole.len() - 1].iter().rposition(|it| *it == b'\n');
    let shorter = bench.file("shorter", &whole[..=last.expect("lines")]);
    let against = |file: &Path| script(&[file.as_ref(), "--head".as_ref(), head.as_ref()]);
    assert_eq!(script(&[shorter.as_ref()]).0, 0);
    let (code, told) = against(&shorter);
    assert!(code == 1 && told.contains("entries are missing"), "{told}");
    assert_eq!(against(&bench.file("again", &whole)).0, 0);
}

/// What was proved is not read again; what follows is found altered, and goes on from there.
#[test]
fn a_proof_goes_on_from_a_checkpoint() {
    let bench = Bench::new();
    let whole = export(&Life::journal(21, Algorithm::Sha256, 900));
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    let checkpoint = bench.checkpoint(&whole[..=ends[399]]);
    let from: [&OsStr; 2] = ["--from-checkpoint".as_ref(), checkpoint.as_ref()];
    let (_, straight) = bench.verify(&bench.file("whole", &whole));
    let (code, told) = bench.verify_with(&bench.file("whole", &whole), &from);
    assert!(
        code == 0 && told.contains("entries before 400 were proved"),
        "{told}"
    );
    let head = |told: &str| told.lines().nth(1).map(str::to_owned);
    assert_eq!(head(&told), head(&straight));
    let altered = |entry: usize| {
        let mut bytes = whole.clone();
        bytes[ends[entry] - 9] ^= 1;
        bench.verify_with(&bench.file("altered", &bytes), &from)
    };
    let (code, told) = altered(700);
    assert!(code == 3 && told.contains("entry 700: "), "{told}");
    assert_eq!(altered(100).0, 0);
    // A checkpoint of another book is no beginning of this one.
    let other = export(&Life::journal(22, Algorithm::Sha256, 900));
    let (code, told) = bench.verify_with(&bench.file("other", &other), &from);
    assert!(code == 3 && told.contains("entry 400: "), "{told}");
}

/// Each altered byte in a file of its own, all of them given to the script at once.
#[test]
fn an_altered_byte_of_the_example_is_found_and_its_entry_named() {
    let bench = Bench::new();
    let sound = export(&worked_example());
    let altered: Vec<_> = (0..sound.len())
        .step_by(STRIDE)
        .chain([sound.len() - 1])
        .map(|byte| {
            let mut bytes = sound.clone();
            bytes[byte] ^= 1 << (byte % 8);
            (byte, bench.file(&format!("byte-{byte}"), &bytes))
        })
        .collect();
    let files: Vec<&OsStr> = altered.iter().map(|(_, file)| file.as_ref()).collect();
    let (code, told) = script(&files);
    assert_eq!(code, 1);
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(told.len(), altered.len(), "one line for each file");
    for ((byte, file), line) in altered.iter().zip(told) {
        let entry = entry_of(&sound, *byte);
        let expected = format!("{}: DAMAGED: entry {entry}: ", file.display());
        assert!(line.starts_with(&expected), "byte {byte}: {line}");
    }
}

/// Somebody alters what a command says or led to and makes all hashes follow again.
#[test]
fn lies_whose_hashes_follow_are_found_by_both() {
    let bench = Bench::new();
    let sound = export(&worked_example());
    let same = rehashed(Algorithm::Sha256, &sound, str::to_owned);
    assert_eq!(same, sound);
    for (index, (field, written, lie, entry)) in LIES.into_iter().enumerate() {
        let [from, to] = [written, lie].map(|value| format!("\"{field}\":{value}"));
        let mut at = 0;
        let lie = rehashed(Algorithm::Sha256, &sound, |body| {
            at += 1;
            if at - 1 == entry {
                body.replacen(&from, &to, 1)
            } else {
                body.to_owned()
            }
        });
        assert_ne!(lie, sound, "{from} is not in entry {entry}");
        let file = bench.file(&format!("lie-{index}"), &lie);
        let (code, told) = script(&[file.as_ref()]);
        let place = told
            .split("entry ")
            .nth(1)
            .and_then(|it| it.split(':').next());
        let place: usize = place.and_then(|it| it.parse().ok()).unwrap_or(usize::MAX);
        // A condition that was altered is found where it is first acted on.
        assert!(
            code == 1 && place >= entry && place < usize::MAX,
            "{from}: {told}"
        );
        let (code, verified) = bench.verify(&file);
        assert_eq!(code, 3, "{from}: {verified}");
        assert!(
            verified.contains(&format!("entry {place}: ")),
            "{from}: {told}{verified}"
        );
    }
}

/// A field as it is written and the lie in its place, in the entry of the worked example with that
/// number.
const LIES: [(&str, &str, &str, usize); 20] = [
    // Amounts that were held, charged and moved.
    ("held", r#""480000000""#, r#""470000000""#, 7),
    ("base", r#""192000000""#, r#""191000000""#, 7),
    ("base", r#""192000000""#, r#""193000000""#, 7),
    ("amount", r#""153600000""#, r#""153600001""#, 7),
    ("charged", r#""48000000""#, r#""47000000""#, 10),
    ("amount", r#""38400000""#, r#""38400001""#, 10),
    // Who pays, on which terms, for how long, and how much.
    ("own_account", r#""sdu""#, r#""lnu""#, 7),
    ("coverage", r#"["4","5"]"#, r#"["5","5"]"#, 7),
    ("walltime", r#""36000""#, r#""18000""#, 7),
    ("billed", r#""8000""#, r#""4000""#, 7),
    ("own_pool", "false", "true", 7),
    ("provider", r#""lnu""#, r#""sdu""#, 7),
    // Prices, vouchers and lines.
    ("per_unit_hour", r#""6000000""#, r#""5000000""#, 3),
    ("face", r#""200000000""#, r#""2000000000""#, 4),
    ("checked_by", r#""checker""#, r#""maker""#, 4),
    ("total", r#""50000000000000""#, r#""500""#, 2),
    // Times, epochs and identities.
    ("until", r#"""#, r#""1"#, 10),
    ("epoch", r#""1""#, r#""2""#, 1),
    ("attempt", r#""1""#, r#""2""#, 8),
    ("ended", r#"""#, r#""1"#, 22),
];

/// Lies that agree with themselves: slices, answer and legs of a hold are altered together, so
/// that only the price, the walltime and the expiry speak against them.
#[test]
fn lies_that_agree_with_themselves_are_found_by_both() {
    let bench = Bench::new();
    let sound = export(&worked_example());
    let too_little: &[(&str, &str)] = &[
        ("\"288000000\"", "\"287999998\""),
        ("\"480000000\"", "\"479999998\""),
        ("\"144000000\"", "\"143999999\""),
        ("\"182400000\"", "\"182399999\""),
    ];
    let beyond_expiry: &[(&str, &str)] = &[
        ("\"192000000\"", "\"192000010\""),
        ("\"288000000\"", "\"287999990\""),
        ("\"153600000\"", "\"153600008\""),
        ("\"144000000\"", "\"143999995\""),
        ("\"182400000\"", "\"182399997\""),
    ];
    for (lie, script_says, verify_says) in [
        (
            too_little,
            "walltime x highest rate",
            "walltime × highest rate",
        ),
        (beyond_expiry, "after its expiry", "after its expiry"),
    ] {
        let mut at = 0;
        let told = rehashed(Algorithm::Sha256, &sound, |body| {
            at += 1;
            let altered = |body: String, (from, to): &(&str, &str)| {
                assert!(body.contains(from), "{from}");
                body.replacen(from, to, 1)
            };
            match at {
                8 => lie.iter().fold(body.to_owned(), altered),
                _ => body.to_owned(),
            }
        });
        let file = bench.file("lie", &told);
        let (code, told) = script(&[file.as_ref()]);
        assert!(
            code == 1 && told.contains("entry 7: ") && told.contains(script_says),
            "{told}"
        );
        let (code, told) = bench.verify(&file);
        assert!(
            code == 3 && told.contains("entry 7: ") && told.contains(verify_says),
            "{told}"
        );
    }
}

/// The books let go of a job, and an export goes on with a second start of it that is right in everything else.
#[test]
fn a_second_start_of_a_forgotten_job_is_found_by_both() {
    let bench = Bench::new();
    let mut segments = worked_example();
    let mut books = replay(&segments).expect("sound");
    let first = segments
        .iter()
        .flat_map(|segment| entries(segment).expect("entries"));
    let admitted = first.filter_map(|entry| match entry.command {
        Ledger::Admit(admit) => Some((entry.at, *admit)),
        _ => None,
    });
    let (at, mut admit) = admitted.last().expect("an admission");
    admit.admission.key.attempt += 1;
    let (epoch, jobs) = (2, vec![admit.admission.key.job.clone()]);
    let later = at.after(Seconds(48 * 3600));
    let writer = "w2".into();
    books
        .stage(later, Ledger::Epoch { epoch, writer })
        .expect("led");
    books
        .stage(later, Ledger::Forget { at, jobs })
        .expect("settled");
    let ask = HoldAsk {
        admission: &admit.admission,
        price_tier: &admit.hold.price_tier,
        provider: &admit.hold.provider,
        own_pool: admit.hold.own_pool,
        vouchers: &[],
        max_cost: None,
    };
    books.try_hold(later, &ask).expect("nobody remembers it");
    segments.push(books.take_batch().expect("staged").segment().clone());
    let file = bench.file("twice", &export(&segments));
    for (code, (found, told)) in [(1, script(&[file.as_ref()])), (3, bench.verify(&file))] {
        assert!(
            found == code
                && told.contains("was settled and forgotten before and is admitted again"),
            "{told}"
        );
    }
}
