//! The few wrappers over the operating system: everything unsafe that is not a call into a module.
//!
//! [`interposers`] stand in front of a few functions of the C library, so that the loader knows
//! which library made which thread, which thread-local key, and which code knows which library's signal handler;
//! [`threads`], [`keys`] and [`signals`] hold what they note. [`maps`] reads what is mapped,
//! [`memfd`] makes sealed files in memory, [`nameless`](mod@nameless) files on a disk that nothing is left of, [`address`] names the library that an address belongs to,
//! [`fence`] makes memory unreachable and reports a touch of it, [`ask`] asks a thread which message it
//! handles, [`limits`] bounds a child process, [`voice`] keeps its standard output for its report.
//! [`fork`] makes a copy of this process that writes down what it finds.
//! [`inherited`] closes in time what the program before left open, [`outputs`] diverts this process's outputs into pipes,
//! [`again`] puts this program in its own place once more, [`deaf`] keeps a supervisor's signals from a process, and
//! [`crash`] names the code that a fatal signal came to.

pub mod address;
pub mod again;
pub mod ask;
pub mod crash;
pub mod deaf;
pub mod fence;
pub mod fork;
pub mod inherited;
pub mod interposers;
pub mod keys;
pub mod limits;
pub mod maps;
pub mod memfd;
pub mod nameless;
pub mod outputs;
pub mod signals;
pub mod threads;
pub mod voice;
