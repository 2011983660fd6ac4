//! Hands libFuzzer's bytes to the target of this name.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    edugrid_fuzz_targets::run("trace", data);
});
