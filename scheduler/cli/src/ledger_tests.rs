//! Export and verification of small books, whole and altered.

use edugrid_units::Language;

use super::*;
use crate::journal::tests::{journal_file, journal_of, segments};
use crate::samples::{CHINESE, ENGLISH};

async fn verdict(path: &Path) -> Result<Verdict, Failure> {
    let progress = Progress::of_terminal(ENGLISH);
    let checked = check(&mut Source::of_file(path)?, Replay::new(), progress).await;
    checked.map(|(verdict, _)| verdict)
}

async fn exported_to(path: &Path, from: &Path) -> Result<(), Failure> {
    let asked = Export {
        file: Some(from.to_owned()),
        output: Some(path.to_owned()),
    };
    export(&Connection::default(), &asked).await
}

/// The failure of a journal file with these segments.
async fn damage(segments: &[Segment]) -> Failure {
    let folder = tempfile::tempdir().expect("a folder");
    let found = verdict(&journal_of(folder.path(), segments)).await;
    found.expect_err("it is damaged")
}

#[tokio::test]
async fn a_sound_book_has_the_same_head_in_every_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = journal_file(folder.path());
    let export = folder.path().join("export.jsonl");
    exported_to(&export, &journal).await.expect("exports");
    let (stored, exported) = (
        verdict(&journal).await.unwrap(),
        verdict(&export).await.unwrap(),
    );
    assert_eq!((stored.segments, stored.entries), (4, 4));
    assert_eq!(stored.book, "5f0c5f1e-0000-4000-8000-000000000001");
    assert_eq!(
        exported,
        Verdict {
            segments: 0,
            ..stored.clone()
        }
    );
    let last = std::fs::read_to_string(&export).expect("reads");
    let last = last.lines().last().expect("has lines");
    assert!(last.starts_with(r#"{"sequence":"3","hash":""#), "{last}");
    assert!(last.contains(&stored.head), "{last}");

    // An export of an export is the same file.
    let again = folder.path().join("again.jsonl");
    exported_to(&again, &export).await.expect("exports");
    assert_eq!(
        std::fs::read(&again).unwrap(),
        std::fs::read(&export).unwrap()
    );
}

#[tokio::test]
async fn an_altered_byte_names_segment_and_entry() {
    let mut altered = segments();
    let byte = altered[2]
        .payload
        .iter()
        .position(|byte| *byte == b'w')
        .expect("a writer");
    altered[2].payload[byte] ^= 1;
    let failure = damage(&altered).await;
    assert_eq!(failure.code(), 3);
    assert_eq!(
        failure.told(Language::English),
        "error: the books are damaged: segment 2, entry 2: the hash does not follow from the \
         entry before and the body\n\
         hint: nothing after it can be trusted: keep a copy, and compare with an earlier export",
    );
}

/// Also where what is left was numbered anew.
#[tokio::test]
async fn a_missing_segment_is_damage() {
    let mut short = segments();
    short.remove(1);
    let failure = damage(&short).await;
    assert_eq!(failure.code(), 3);
    let told = failure.told(Language::English);
    assert!(told.contains("segment 1, entry 1: "), "{told}");
}

#[tokio::test]
async fn a_damaged_record_keeps_what_came_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = journal_file(folder.path());
    let mut bytes = std::fs::read(&journal).expect("reads");
    bytes[100] ^= 1;
    std::fs::write(&journal, &bytes).expect("writes");
    let failure = verdict(&journal).await.expect_err("it is damaged");
    assert_eq!(failure.code(), 3);
    assert!(
        failure
            .told(Language::English)
            .contains("segment 0, entry 0: the record at byte 0")
    );
    let export = folder.path().join("export.jsonl");
    assert_eq!(
        exported_to(&export, &journal).await.map_err(|it| it.code()),
        Err(3)
    );
    assert_eq!(std::fs::read(&export).expect("reads"), b"");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_no_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    let failure = verdict(&folder.path().join("none"))
        .await
        .expect_err("it is not there");
    assert_eq!(failure.code(), 1);
    assert!(
        failure.told(Language::English).contains("can't be read"),
        "{}",
        failure.told(Language::English)
    );
}

#[test]
fn a_verdict_for_people() {
    let verdict = Verdict {
        book: "b".into(),
        segments: 4,
        entries: 9,
        head: "ab12".into(),
        from_entry: Some(3),
        torn_bytes: Some(4),
        ok: true,
    };
    assert_eq!(
        text(&verdict, ENGLISH),
        "BOOK   SEGMENTS   ENTRIES   HEAD\n\
         b      4          9         ab12\n\
         entries before 3 were proved before and not read again\n\
         4 bytes at the end were never acknowledged and don't count\n\
         ok: every hash and every result is as it was written\n",
    );
    let expected = "\
账本   段数   分录数   末项哈希
b      4      9        ab12
第 3 条之前的分录此前已校验，本次未读
末尾 4 字节从未被确认，不计入
正常：每个哈希、每个结果都与写入时一致
";
    assert_eq!(text(&verdict, CHINESE), expected);
    assert_eq!(
        text(&Verdict::default(), ENGLISH),
        "ok: there is no entry yet\n"
    );
}
