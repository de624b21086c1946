//! Tests what an author reads when a derive refuses: one case for each refused type and attribute, and
//! the sentence it must give. After a wanted change of a sentence: `TRYBUILD=overwrite cargo test`.

#[test]
fn every_refusal_says_what_to_use_instead() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/fail/*.rs");
    cases.pass("tests/ui/pass/*.rs");
}
