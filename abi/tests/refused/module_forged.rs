//! A root that is put together from two genuine ones is no module that a node links in.
#![forbid(unsafe_code)]
use refit_abi::export::{EngineModuleRef, LinkedModule};

fn passed_off(root: EngineModuleRef) -> LinkedModule {
    root
}

fn wrapped(root: EngineModuleRef) -> LinkedModule {
    LinkedModule(root)
}

fn vouched_for(root: EngineModuleRef) -> LinkedModule {
    LinkedModule::new(root)
}

fn main() {}
