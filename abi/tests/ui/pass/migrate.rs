//! Every kind of field, with names that the generated code must not trip over.
#![deny(warnings, unreachable_pub)]
use refit_abi::{Deserialize, Fault, Migrate, Serialize, State, UpgradeBus};

#[derive(State, Serialize, Deserialize)]
pub struct Old {
    pub entries: Vec<String>,
    pub r#type: u8,
    pub old: u8,
    pub bus: u8,
    pub fresh: u8,
    pub gone: u8,
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = Old, drop(gone))]
pub struct Kv {
    pub entries: Vec<String>,
    #[migrate(rename = "type")]
    pub kind: u8,
    pub old: u8,
    pub bus: u8,
    pub fresh: u8,
    #[migrate(default)]
    pub copy: u64,
    #[migrate(default = LIMIT + 1)]
    pub limit: u64,
    #[migrate(with = from_gone)]
    pub r#match: u64,
}

const LIMIT: u64 = 64;

fn from_gone(old: &Old, _: &mut UpgradeBus<'_>) -> Result<u64, Fault> {
    Ok(u64::from(old.gone))
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[migrate(from = Kv, drop(entries, kind, old, bus, fresh, copy, limit, r#match))]
pub struct Nothing;

fn main() {
    let _ = (<Kv as Migrate>::step(), <Nothing as Migrate>::step());
}
