//! Engines to be tested: a bank that keeps a sum, in two versions, and an auditor that the second one
//! starts.

use refit_abi::{
    Capability, Context, Deserialize, Engine, EngineId, Fault, Height, Level, Migrate, MigrateBack,
    OnUpgrade, Sender, Serialize, State, TimerAt, UpgradeBus,
};
use std::collections::BTreeMap;

/// A balance on which the step to version 2 fails.
pub(crate) const UNLUCKY: u64 = 13;

#[derive(Clone, Debug, PartialEq, State, Serialize, Deserialize)]
pub(crate) enum Message {
    Deposit {
        to: String,
        amount: u64,
    },
    Move {
        from: String,
        to: String,
        amount: u64,
    },
    /// Takes, then looks: the mistake.
    Careless {
        from: String,
        amount: u64,
    },
    /// Loses an amount, which no check of one account finds.
    Lose {
        from: String,
        amount: u64,
    },
    Tell {
        whom: EngineId,
        amount: u64,
    },
    InterestAt(Height),
    Interest,
    Draw,
    Panic,
}

#[derive(Clone, Debug, PartialEq, State, Serialize, Deserialize)]
pub(crate) struct Moved {
    pub(crate) amount: u64,
}

fn fault(code: &str) -> Fault {
    Fault::new(code, format!("refused: {code}"))
}

/// The behaviour, the same in both versions.
fn handle(
    accounts: &mut BTreeMap<String, u64>,
    ctx: &mut Context<'_>,
    message: Message,
) -> Result<u64, Fault> {
    match message {
        Message::Deposit { to, amount } => {
            let balance = accounts.entry(to).or_default();
            *balance += amount;
            Ok(*balance)
        }
        Message::Move { from, to, amount } => {
            let held = accounts.get(&from).copied().unwrap_or_default();
            let left = held
                .checked_sub(amount)
                .ok_or_else(|| fault("too-little"))?;
            accounts.insert(from, left);
            *accounts.entry(to).or_default() += amount;
            ctx.emit("moved", &Moved { amount })?;
            ctx.log(Level::Info, "moved");
            Ok(left)
        }
        Message::Careless { from, amount } => {
            let held = accounts.remove(&from).unwrap_or_default();
            let left = held
                .checked_sub(amount)
                .ok_or_else(|| fault("too-little"))?;
            accounts.insert(from, left);
            Ok(left)
        }
        Message::Lose { from, amount } => {
            let balance = accounts.entry(from).or_default();
            *balance = balance.saturating_sub(amount);
            Ok(*balance)
        }
        Message::Tell { whom, amount } => {
            ctx.send(
                whom,
                &Message::Deposit {
                    to: "told".to_owned(),
                    amount,
                },
            )?;
            Ok(amount)
        }
        Message::InterestAt(height) => {
            ctx.set_timer(TimerAt::Height(height), &Message::Interest)?;
            Ok(height.0)
        }
        Message::Interest => {
            for balance in accounts.values_mut() {
                *balance += 1;
            }
            Ok(ctx.block_time().0)
        }
        Message::Draw => Ok(ctx.random_u64()),
        Message::Panic => panic!("this message panics"),
    }
}

macro_rules! bank {
    ($($more:tt)*) => {
        impl Engine for Bank {
            const KIND: &'static str = "bank";
            $($more)*
            type Config = ();
            type Message = Message;
            type Reply = u64;
            type Query = String;
            type Answer = u64;

            fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
                Ok(Self::default())
            }

            fn handle(&mut self, ctx: &mut Context<'_>, _: Sender, m: Message) -> Result<u64, Fault> {
                handle(&mut self.accounts, ctx, m)
            }

            fn query(&self, account: String) -> Result<u64, Fault> {
                let balance = self.accounts.get(&account).copied();
                balance.ok_or_else(|| fault("no-such-account"))
            }

            fn check(&self) -> Result<(), Fault> {
                match self.accounts.contains_key("") {
                    true => Err(fault("account-without-name")),
                    false => Ok(()),
                }
            }
        }

        refit_abi::export_engines!(Bank);
    };
}

pub(crate) mod v1 {
    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, State, Serialize, Deserialize)]
    #[state(version = 1)]
    pub(crate) struct Bank {
        pub(crate) accounts: BTreeMap<String, u64>,
    }

    bank!();
}

pub(crate) mod v2 {
    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, State, Migrate, Serialize, Deserialize)]
    #[state(version = 2)]
    #[migrate(from = v1::Bank)]
    pub(crate) struct Bank {
        pub(crate) accounts: BTreeMap<String, u64>,
        #[migrate(with = sum)]
        pub(crate) sum: u64,
    }

    fn sum(old: &v1::Bank, bus: &mut UpgradeBus<'_>) -> Result<u64, Fault> {
        if old.accounts.get("unlucky") == Some(&UNLUCKY) {
            return Err(fault("unlucky"));
        }
        let sum = old.accounts.values().sum();
        let auditor = bus.spawn_named::<super::auditor::Auditor>("auditor", &7)?;
        bus.send(auditor, &sum)?;
        bus.log("counted");
        Ok(sum)
    }

    impl MigrateBack for Bank {
        fn migrate_back(new: &Self, _: &mut UpgradeBus<'_>) -> Result<v1::Bank, Fault> {
            let accounts = new.accounts.clone();
            Ok(v1::Bank { accounts })
        }
    }

    bank!(
        const NEEDS: &'static [Capability] =
            &[Capability::Spawn("auditor"), Capability::Message("auditor")];
    );
}

/// Writes down what it is told while an upgrade runs.
pub(crate) mod auditor {
    use super::*;

    #[derive(Clone, Debug, PartialEq, State, Serialize, Deserialize)]
    pub(crate) struct Auditor {
        pub(crate) office: u64,
        pub(crate) told: Vec<(EngineId, u64)>,
    }

    impl Engine for Auditor {
        const KIND: &'static str = "auditor";
        type Config = u64;
        type Message = ();
        type Reply = ();
        type Query = ();
        type Answer = u64;

        fn init(office: u64, _: &mut Context<'_>) -> Result<Self, Fault> {
            let told = Vec::new();
            Ok(Self { office, told })
        }

        fn handle(&mut self, _: &mut Context<'_>, _: Sender, (): ()) -> Result<(), Fault> {
            Ok(())
        }

        fn query(&self, (): ()) -> Result<u64, Fault> {
            Ok(self.office)
        }
    }

    impl OnUpgrade for Auditor {
        type Upgrade = u64;

        fn on_upgrade(
            &mut self,
            bus: &mut UpgradeBus<'_>,
            sender: EngineId,
            sum: u64,
        ) -> Result<(), Fault> {
            if sum == 0 {
                return Err(fault("nothing-to-audit"));
            }
            bus.log("noted");
            self.told.push((sender, sum));
            Ok(())
        }
    }

    refit_abi::export_engines!(Auditor);
}
