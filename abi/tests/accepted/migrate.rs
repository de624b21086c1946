//! Every kind of field, with names that the generated code must not trip over.
#![deny(warnings, unreachable_pub)]
use refit_abi::{Deserialize, Fault, Migrate, Serialize, State, UpgradeBus};

#[derive(State, Serialize, Deserialize)]
pub(crate) struct Old {
    pub(crate) entries: Vec<String>,
    pub(crate) r#type: u8,
    pub(crate) old: u8,
    pub(crate) bus: u8,
    pub(crate) fresh: u8,
    pub(crate) gone: u8,
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = Old, drop(gone))]
pub(crate) struct Kv {
    pub(crate) entries: Vec<String>,
    #[migrate(rename = "type")]
    pub(crate) kind: u8,
    pub(crate) old: u8,
    pub(crate) bus: u8,
    pub(crate) fresh: u8,
    #[migrate(default)]
    pub(crate) copy: u64,
    #[migrate(default = LIMIT + 1)]
    pub(crate) limit: u64,
    #[migrate(with = from_gone)]
    pub(crate) r#match: u64,
}

const LIMIT: u64 = 64;

fn from_gone(old: &Old, _: &mut UpgradeBus<'_>) -> Result<u64, Fault> {
    Ok(u64::from(old.gone))
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = Kv, drop(entries, kind, old, bus, fresh, copy, limit, r#match))]
pub(crate) struct Nothing;

#[test]
fn compiles_and_gives_what_the_host_asks_for() {
    let _ = (<Kv as Migrate>::step(), <Nothing as Migrate>::step());
}
