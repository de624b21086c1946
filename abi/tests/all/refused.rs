//! Tests what an author reads when a derive refuses: one case for each refused type and attribute, and
//! the sentence it must give. After a wanted change of a sentence: `TRYBUILD=overwrite cargo test`.
//!
//! What a derive must take stands in `tests/accepted`: cargo gets all cases side by side here only if none of them passes.

#[test]
fn every_refusal_says_what_to_use_instead() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
