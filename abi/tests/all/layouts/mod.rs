//! Equal layout hash, equal layout: random state types, spelled in several ways, whose layouts are asked from
//! the compiler itself.
//!
//! A definition is made at random: a struct or an enum of the closed list's types, nested, recursive, with
//! names of which there are few, so that strangers have equal descriptions too. It is then spelled several
//! times with one description: plain, generic over its fields or over what is in them, over an associated
//! type, out of a macro and through aliases. The compiler dumps the whole layout of each (offsets, tags,
//! niches); a program that derives `State` for the same sources prints the hashes.
//!
//! `REFIT_LAYOUT_TYPES` is how many types are compared, `REFIT_LAYOUT_SEED` what they are made from. At full
//! size (some minutes):
//!
//! ```sh
//! REFIT_LAYOUT_TYPES=10000 cargo test -p refit-abi --test all -- --nocapture layouts
//! ```

mod ask;
mod definition;
mod random;
mod source;

use ask::Layout;
use definition::Definition;
use random::Random;
use source::{Batch, Purpose, SPELLINGS};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Types that are compared if nothing else is said.
const TYPES: usize = 250;

/// Definitions that are compiled as one program.
const DEFINITIONS_PER_BATCH: usize = 250;

/// The facts about one spelled type.
struct Known {
    what: String,
    hash: String,
    layout: String,
}

#[test]
fn types_of_one_layout_hash_have_one_layout() {
    let number = |name: &str, default: u64| match std::env::var(name) {
        Ok(text) => text.parse().unwrap(),
        Err(_) => default,
    };
    let types = number("REFIT_LAYOUT_TYPES", TYPES as u64) as usize;
    let seed = number("REFIT_LAYOUT_SEED", 2026);
    println!("REFIT_LAYOUT_SEED={seed} REFIT_LAYOUT_TYPES={types}");
    let mut random = Random::new(seed);
    let mut left = types.div_ceil(SPELLINGS.len());
    let mut known = Vec::new();
    while left > 0 {
        let count = left.min(DEFINITIONS_PER_BATCH);
        let definitions = Definition::several(count, &mut random);
        known.extend(learn(&Batch::new(&definitions, &mut random), known.len()));
        left -= count;
    }
    assert!(known.len() >= types);
    println!("{}", compare(&known));
}

/// Hash and layout of each type of a batch.
fn learn(batch: &Batch, start: usize) -> Vec<Known> {
    let layouts = ask::layouts(&batch.source(Purpose::Dump), start);
    let hashes = ask::hashes(&batch.source(Purpose::Hash), start);
    assert_eq!(layouts.len(), batch.len(), "a layout for each type");
    assert_eq!(hashes.len(), batch.len(), "a hash for each type");
    let both = layouts.into_iter().zip(hashes).enumerate();
    both.map(|(index, (Layout { text, size }, (hash, derived_size)))| {
        let what = batch.describe(index);
        assert_eq!(size, derived_size, "one source, compiled twice: {what}");
        let layout = text;
        Known { what, hash, layout }
    })
    .collect()
}

/// Fails at the first two types of one hash and two layouts; else says what was compared.
fn compare(known: &[Known]) -> String {
    let mut by_hash: BTreeMap<&str, Vec<&Known>> = BTreeMap::new();
    for one in known {
        by_hash.entry(&one.hash).or_default().push(one);
    }
    for group in by_hash.values() {
        for other in &group[1..] {
            let Known { what, layout, .. } = group[0];
            assert!(
                other.layout == *layout,
                "one hash, two layouts:\n{what}\n{layout}\n{}\n{}",
                other.what,
                other.layout
            );
        }
    }
    // A hash that is one for all, or another for each type, would make the comparison empty.
    let shared: usize = by_hash.values().map(Vec::len).filter(|n| *n > 1).sum();
    let layouts: BTreeSet<_> = known.iter().map(|one| &one.layout).collect();
    assert!(shared * 2 > known.len(), "{shared} types share a hash");
    assert!(
        by_hash.len() * 10 > layouts.len(),
        "{} hashes",
        by_hash.len()
    );
    let most = by_hash.values().map(Vec::len).max().unwrap_or(0);
    format!(
        "{} types, {} layouts, {} layout hashes; {shared} types share a hash with another (at most {most} one), all \
         of them its layout",
        known.len(),
        layouts.len(),
        by_hash.len()
    )
}

/// The compiler says what no program can ask for: this is what a `?Sized` parameter changed, with each offset,
/// size and alignment as it was.
#[test]
fn the_dumped_layouts_tell_apart_what_only_the_niche_tells() {
    let source = "
        pub struct Fixed<T> { x: u32, a: bool, b: T }
        pub struct Open<T: ?Sized> { x: u32, a: bool, b: T }
        dump! { 0 Option<Fixed<bool>> }
        dump! { 1 Option<Open<bool>> }
        dump! { 2 Option<Fixed<bool>> }
    ";
    let source = format!("{}{source}", source::DUMP_HEAD);
    fs::create_dir_all(ask::folder()).unwrap();
    let layouts = ask::layouts(&source, usize::MAX);
    assert_eq!(layouts[0].size, layouts[1].size);
    assert_ne!(layouts[0].text, layouts[1].text);
    assert_eq!(layouts[0].text, layouts[2].text);
}
