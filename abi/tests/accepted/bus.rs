//! All that an author may do on the upgrade bus, in one engine.

use refit_abi::{
    Capability, Context, Engine, EngineId, Fault, Migrate, MigrateBack, MigrateMessage, OnUpgrade,
    Sender, State, UpgradeBus,
};
use serde::{Deserialize, Serialize};

mod v1 {
    #[derive(refit_abi::State, serde::Serialize, serde::Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Sum {
        pub(crate) sum: u64,
    }

    #[derive(refit_abi::State, serde::Serialize, serde::Deserialize)]
    pub(crate) struct Message(pub(crate) u32);
}

#[derive(State, Migrate, Serialize, Deserialize)]
#[state(version = 2)]
#[migrate(from = v1::Sum)]
pub(crate) struct Sum {
    sum: u64,
    #[migrate(with = ask)]
    of_others: u64,
}

fn ask(_: &v1::Sum, bus: &mut UpgradeBus<'_>) -> Result<u64, Fault> {
    let other = EngineId::root("other")?;
    let (old, new): (u64, u64) = (bus.read(other, &())?, bus.query(other, &())?);
    let child = bus.spawn::<Sum>(&())?;
    bus.spawn_named::<Sum>("named", &())?;
    bus.send(child, &old)?;
    bus.retire(child)?;
    Ok(new)
}

impl MigrateBack for Sum {
    fn migrate_back(new: &Self, _: &mut UpgradeBus<'_>) -> Result<v1::Sum, Fault> {
        Ok(v1::Sum { sum: new.sum })
    }
}

#[derive(State, Serialize, Deserialize)]
pub(crate) struct Message(u64);

impl MigrateMessage for Message {
    type From = v1::Message;

    fn migrate(old: v1::Message) -> Result<Self, Fault> {
        Ok(Self(old.0.into()))
    }
}

impl Engine for Sum {
    const KIND: &'static str = "sum";
    const AFTER: &'static [&'static str] = &["other"];
    const NEEDS: &'static [Capability] = &[Capability::Read("other"), Capability::Spawn("sum")];
    type Config = ();
    type Message = Message;
    type Reply = u64;
    type Query = ();
    type Answer = u64;

    fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
        Ok(Self {
            sum: 0,
            of_others: 0,
        })
    }

    fn handle(&mut self, _: &mut Context<'_>, _: Sender, message: Message) -> Result<u64, Fault> {
        self.sum += message.0;
        Ok(self.sum)
    }

    fn query(&self, (): ()) -> Result<u64, Fault> {
        Ok(self.sum + self.of_others)
    }
}

impl OnUpgrade for Sum {
    type Upgrade = u64;

    fn on_upgrade(&mut self, _: &mut UpgradeBus<'_>, _: EngineId, sum: u64) -> Result<(), Fault> {
        self.sum = sum;
        Ok(())
    }
}
