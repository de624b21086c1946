//! [`plain_engine!`](crate::plain_engine): an engine with no behaviour, where only its state matters.

/// An `impl Engine` with no behaviour, for examples and for tests in which only the state matters. Its
/// configuration is the state; its messages, queries and their answers are `()`.
///
/// ```
/// use refit_abi::{Deserialize, Serialize, State};
///
/// #[derive(State, Serialize, Deserialize)]
/// struct Lamp { lit: bool }
/// refit_testkit::plain_engine!(Lamp, "lamp");
/// refit_abi::export_engines!(Lamp);
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut kit = refit_testkit::Testkit::new(module());
/// kit.start::<Lamp>("lamp", &Lamp { lit: true })?;
/// assert!(kit.state::<Lamp>("lamp").lit);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! plain_engine {
    ($state:ty, $kind:literal) => {
        impl $crate::abi::Engine for $state {
            const KIND: &'static str = $kind;
            type Config = $state;
            type Message = ();
            type Reply = ();
            type Query = ();
            type Answer = ();

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
                (): (),
            ) -> ::core::result::Result<(), $crate::abi::Fault> {
                ::core::result::Result::Ok(())
            }

            fn query(&self, (): ()) -> ::core::result::Result<(), $crate::abi::Fault> {
                ::core::result::Result::Ok(())
            }
        }
    };
}
