//! Parameters of a running node.

use super::OutputArgs;
use clap::{Args, Subcommand};
use refit_abi::descriptor::{Ability, CapabilityDescriptor};
use refit_admin::RequestId;
use std::str::FromStr;

#[derive(Debug, Subcommand)]
pub(crate) enum ParametersCommand {
    /// Shows all parameters, with their bounds.
    Show(OutputArgs),
    /// Sets some of them, with an entry in a block: they hold for the block after it.
    Set(SetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// A parameter and its value, such as block.messages=100000. The names are those that `show` lists.
    #[arg(value_name = "NAME=VALUE", required_unless_present = "grant")]
    pub(crate) values: Vec<Setting>,
    /// All that engines of a kind may do to others, such as kv=message:index,spawn:index; kv=none grants nothing, and
    /// kv=declared what its code declares.
    #[arg(long, value_name = "KIND=GRANTS")]
    pub(crate) grant: Vec<GrantSetting>,
    /// Key, CLIENT/SEQUENCE: it is set once, however often it is sent; another order under it is refused.
    #[arg(long, value_name = "CLIENT/SEQUENCE")]
    pub(crate) key: Option<RequestId>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `NAME=VALUE`: a parameter and a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: u64,
}

/// `KIND=GRANTS`: all that a kind may do; `None`: what it declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GrantSetting {
    pub(crate) kind: String,
    pub(crate) granted: Option<Vec<CapabilityDescriptor>>,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || "write NAME=VALUE, such as block.messages=100000".to_owned();
        let (name, value) = text.split_once('=').ok_or_else(malformed)?;
        let number = value.parse();
        let value = number.map_err(|_| format!("`{value}` is no whole number"))?;
        let name = name.to_owned();
        Ok(Self { name, value })
    }
}

impl FromStr for GrantSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || "write KIND=GRANTS, such as kv=message:index,spawn:index".to_owned();
        let (kind, grants) = text.split_once('=').ok_or_else(malformed)?;
        let granted = match grants {
            "declared" => None,
            "none" => Some(Vec::new()),
            listed => Some(listed.split(',').map(grant).collect::<Result<_, _>>()?),
        };
        let kind = kind.to_owned();
        Ok(Self { kind, granted })
    }
}

fn grant(text: &str) -> Result<CapabilityDescriptor, String> {
    let malformed = || format!("`{text}` is no grant: write message:KIND, spawn:KIND or read:KIND");
    let (ability, kind) = text.split_once(':').ok_or_else(malformed)?;
    let ability = match ability {
        "message" => Ability::Message,
        "spawn" => Ability::Spawn,
        "read" => Ability::Read,
        _ => return Err(malformed()),
    };
    if kind.is_empty() {
        return Err(malformed());
    }
    let kind = kind.to_owned();
    Ok(CapabilityDescriptor { ability, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_a_list_or_nothing_or_what_is_declared() {
        let read = |text: &str| text.parse::<GrantSetting>().map(|it| it.granted);
        let index = |ability| CapabilityDescriptor {
            ability,
            kind: "index".to_owned(),
        };
        let both = vec![index(Ability::Message), index(Ability::Read)];
        assert_eq!(read("kv=message:index,read:index"), Ok(Some(both)));
        assert_eq!(read("kv=none"), Ok(Some(Vec::new())));
        assert_eq!(read("kv=declared"), Ok(None));
        for wrong in ["kv", "kv=", "kv=write:index", "kv=message", "kv=message:"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_setting_is_a_name_and_a_whole_number() {
        let expected = Setting {
            name: "block.messages".to_owned(),
            value: 7,
        };
        assert_eq!("block.messages=7".parse(), Ok(expected));
        for wrong in ["block.messages", "block.messages=-1", "block.messages="] {
            assert!(wrong.parse::<Setting>().is_err(), "{wrong}");
        }
    }
}
