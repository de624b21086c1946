//! Tests that the derives take what they must take: each file is the code of an author, with names and shapes that the
//! generated code could trip over. A file that is refused, or that gives a warning under its own lints, does not compile.
//!
//! A program of its own, since an engine library is: it forbids unsafe code, and exports engines with their allocator.
#![forbid(unsafe_code)]

mod bus;
mod generic;
mod harmless_attributes;
mod migrate;
mod own_type_of_a_refused_name;
mod shapes;

refit_abi::export_engines!(bus::Sum, shapes::Kv);

#[test]
fn code_that_forbids_unsafe_exports_engines() {
    let _ = module();
}
