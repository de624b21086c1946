//! [`stand_in!`](crate::stand_in): an engine for a frozen state, so that an upgrade can start from it.

/// Makes a module `$name` whose `$name::module()` runs a published, frozen state in place of the old
/// engine, whose code is gone. Its configuration is the state itself; its messages and queries are the
/// new engine's, which it refuses. Write it beside the engine, in `#[cfg(test)]`:
///
/// ```
/// # use refit_abi::{Deserialize, Migrate, Serialize, State};
/// # mod v1 {
/// #     #[derive(refit_abi::State, serde::Serialize, serde::Deserialize)]
/// #     #[state(version = 1)]
/// #     pub struct Counter { pub count: u64 }
/// # }
/// # #[derive(State, Migrate, Serialize, Deserialize)]
/// # #[state(version = 2)]
/// # #[migrate(from = v1::Counter)]
/// # pub struct Counter { count: u64, #[migrate(default)] changes: u64 }
/// # refit_testkit::plain_engine!(Counter, "counter");
/// # refit_abi::export_engines!(Counter);
/// # use refit_testkit::Testkit;
/// refit_testkit::stand_in!(old: v1::Counter, as Counter);
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut kit = Testkit::new(old::module());
/// kit.start::<v1::Counter>("mine", &v1::Counter { count: 7 })?;
/// kit.upgrade(module())?;
/// # assert_eq!(kit.state::<Counter>("mine").count, 7);
/// # Ok(())
/// # }
/// ```
///
/// With `, where query = function`, a `fn(&v1::Counter, Query) -> Result<Answer, Fault>` answers what other
/// engines' migrations `read`. With `, where message = v1::Message`, the old engine takes messages of that
/// type.
#[macro_export]
macro_rules! stand_in {
    ($name:ident: $state:ty, as $engine:ty $(,)?) => {
        $crate::__stand_in!(
            $name,
            $state,
            $engine,
            <$engine as $crate::abi::Engine>::Message,
            $crate::stand_in_query::<$state, $engine>
        );
    };
    ($name:ident: $state:ty, as $engine:ty, where query = $query:path $(,)?) => {
        $crate::__stand_in!(
            $name,
            $state,
            $engine,
            <$engine as $crate::abi::Engine>::Message,
            $query
        );
    };
    ($name:ident: $state:ty, as $engine:ty, where message = $message:ty $(,)?) => {
        $crate::__stand_in!(
            $name,
            $state,
            $engine,
            $message,
            $crate::stand_in_query::<$state, $engine>
        );
    };
}

/// A stand-in's own answer to a query: none.
#[doc(hidden)]
pub fn stand_in_query<S, E: refit_abi::Engine>(
    _: &S,
    _: E::Query,
) -> Result<E::Answer, refit_abi::Fault> {
    Err(refit_abi::Fault::new(
        "stand-in",
        "a stand-in answers no queries; give it a function with `where query = …`",
    ))
}

/// The body of [`stand_in!`](crate::stand_in).
#[doc(hidden)]
#[macro_export]
macro_rules! __stand_in {
    ($name:ident, $state:ty, $engine:ty, $message:ty, $query:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the types may be named by any path")]
            use super::*;

            impl $crate::abi::Engine for $state {
                const KIND: &'static str = <$engine as $crate::abi::Engine>::KIND;
                type Config = $state;
                type Message = $message;
                type Reply = <$engine as $crate::abi::Engine>::Reply;
                type Query = <$engine as $crate::abi::Engine>::Query;
                type Answer = <$engine as $crate::abi::Engine>::Answer;

                fn init(
                    state: Self::Config,
                    _: &mut $crate::abi::Context<'_>,
                ) -> ::core::result::Result<Self, $crate::abi::Fault> {
                    ::core::result::Result::Ok(state)
                }

                fn handle(
                    &mut self,
                    _: &mut $crate::abi::Context<'_>,
                    _: $crate::abi::Sender,
                    _: Self::Message,
                ) -> ::core::result::Result<Self::Reply, $crate::abi::Fault> {
                    ::core::result::Result::Err($crate::abi::Fault::new(
                        "stand-in",
                        "a stand-in handles no messages",
                    ))
                }

                fn query(
                    &self,
                    query: Self::Query,
                ) -> ::core::result::Result<Self::Answer, $crate::abi::Fault> {
                    ($query)(self, query)
                }
            }

            $crate::abi::export_engines!($state);
        }
    };
}
