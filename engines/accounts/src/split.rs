//! The step from version 1: every account's holds go to an engine of their own, which is started and
//! filled over the upgrade bus. When each of them ends is read from the old state of the store, whose
//! notes are then removed.

use crate::holds::{self, Hold, Holds};
use crate::{Account, kv, v1};
use refit_abi::{BusError, EngineId, Fault, Height, UpgradeBus};
use std::collections::BTreeMap;

/// Most holds in one upgrade message.
const FILL_HOLDS_MAX: usize = 1_000;

/// Most notes that are removed from the store: as many messages wait for it after the upgrade, and a
/// mailbox has an end. Nobody reads those that stay.
const NOTES_REMOVED_MAX: usize = 10_000;

/// The accounts with the sum of their holds in the holds' place.
pub(crate) fn without_holds(
    old: &v1::Accounts,
    _: &mut UpgradeBus<'_>,
) -> Result<BTreeMap<String, Account>, Fault> {
    let mut sum = 0_u128;
    let mut accounts = BTreeMap::new();
    for (name, account) in &old.accounts {
        let held: u128 = account.holds.values().map(|it| u128::from(it.amount)).sum();
        sum += u128::from(account.balance) + held;
        let held = u64::try_from(held).map_err(|_| too_much(name))?;
        let balance = account.balance;
        accounts.insert(name.clone(), Account { balance, held });
    }
    if sum != u128::from(old.minted) {
        let reason = format!("the accounts have {sum}, {} was minted", old.minted);
        return Err(Fault::new("sum-changed", reason));
    }
    Ok(accounts)
}

fn too_much(account: &str) -> Fault {
    Fault::new("sum-changed", "more is set apart than there can be").at(account)
}

/// Starts the engine that has the holds from now on, and gives it all of them.
pub(crate) fn start_holds(old: &v1::Accounts, bus: &mut UpgradeBus<'_>) -> Result<EngineId, Fault> {
    let accounts = bus.id();
    let config = holds::Config { accounts };
    let named = holds_name(accounts).map(|name| bus.spawn_named::<Holds>(&name, &config));
    let engine = match named {
        // Clients of one without a name get its id by `Query::Holds`.
        None | Some(Err(BusError::Taken { .. })) => bus.spawn::<Holds>(&config)?,
        Some(engine) => engine?,
    };
    let all = complete(old, bus)?;
    let amount = all.iter().map(|(_, hold)| hold.amount).sum();
    for holds in all.chunks(FILL_HOLDS_MAX) {
        let holds = holds.to_vec();
        bus.send(engine, &holds::Upgrade::Fill { holds })?;
    }
    let count = all.len() as u64;
    bus.send(engine, &holds::Upgrade::Filled { count, amount })?;
    for (id, _) in all.iter().take(NOTES_REMOVED_MAX) {
        // The store handles no upgrade messages: this one is the first it finds in its mailbox.
        bus.send(old.store, &kv::Message::Delete { key: key(*id) })?;
    }
    Ok(engine)
}

/// Every hold with its account and its end.
fn complete(old: &v1::Accounts, bus: &mut UpgradeBus<'_>) -> Result<Vec<(u64, Hold)>, Fault> {
    let mut all = Vec::new();
    for (account, holds) in old.accounts.iter().map(|(name, it)| (name, &it.holds)) {
        for (&id, hold) in holds {
            let hold = Hold {
                account: account.clone(),
                to: hold.to.clone(),
                amount: hold.amount,
                until: end(bus, old.store, id).map_err(|fault| fault.at(account))?,
            };
            all.push((id, hold));
        }
    }
    Ok(all)
}

/// When a hold ends, as version 1 has noted it in the store.
fn end(bus: &mut UpgradeBus<'_>, store: EngineId, id: u64) -> Result<Height, Fault> {
    let note = note(bus, store, key(id)).map_err(|error| {
        let reason = format!("when hold {id} ends is noted in `{store}`: {error}");
        Fault::new("store-not-read", reason)
    })?;
    let Some(note) = note else {
        let reason = format!("`{store}` has no `{}`, the end of that hold", key(id));
        return Err(Fault::new("hold-without-end", reason));
    };
    note.parse().map(Height).map_err(|_| {
        let reason = format!("`{}` in `{store}` is `{note}`, no height", key(id));
        Fault::new("hold-end-unreadable", reason)
    })
}

/// A value in the store, whichever version of it is live.
fn note(
    bus: &mut UpgradeBus<'_>,
    store: EngineId,
    key: String,
) -> Result<Option<String>, BusError> {
    let query = kv::Query::Get { key: key.clone() };
    let entry = match bus.read(store, &query) {
        Ok(kv::Answer::Value { entry }) => entry,
        Ok(_) => None,
        Err(BusError::Schema { .. }) => match bus.read(store, &kv::v3::Query::Get { key })? {
            kv::v3::Answer::Value { entry } => entry,
            _ => None,
        },
        Err(error) => return Err(error),
    };
    Ok(entry.map(|entry| entry.value))
}

fn key(id: u64) -> String {
    format!("hold/{id}")
}

/// The name by which clients reach the holds: `holds` for the engine called `accounts`, else
/// `NAME-holds`. `None` where that is no name: they then have a child's id.
fn holds_name(accounts: EngineId) -> Option<String> {
    let name = match accounts.name()? {
        "accounts" => "holds".to_owned(),
        name => format!("{name}-holds"),
    };
    EngineId::root(&name).is_ok().then_some(name)
}
