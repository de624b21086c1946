//! The promises of the upgrade bus, on real crews, with several kinds in one module.
//!
//! | file | what it is |
//! |---|---|
//! | `ops`, `kinds` | engines that do on the bus what a script says, in two versions |
//! | `posts` | a kind whose messages change |
//! | `world` | a node without a network, looked at from inside the pause |
//! | `asks` | `read` and `query`, the order of `AFTER` |
//! | `starts` | `spawn`, `spawn_named`, `retire`, what an `init` asks for |
//! | `letters` | upgrade messages: rounds, refusals, those that become ordinary ones |
//! | `aborts` | faults, budgets, cancellation: everything is as it was, and dropped once |
//! | `mail` | ordinary messages, timers and clients of older versions; `restart-engine` |
//! | `words` | types that stay while their JSON words change: what waits, what starts afresh |
//! | `back` | an older version comes back as the next generation |
//! | `chains` | steps run as one give what they give one by one |
//! | `scripts` | random scripts |
//! | `graphs` | random bus traffic, on 1, 2 and 4 workers, in chunks of 16, 64 and 128, and twice |
//! | `model`, `model_bus` | the node and the bus in the fewest words |
//! | `histories` | random histories of that model: blocks, upgrades, aborts |
//! | `machine` | the node does what the model does, step by step |
//!
//! `graphs` and `machine` are random: `PROPTEST_CASES` is how many cases there are, `REFIT_SEED` repeats
//! those of the seed that a run has printed. In full:
//!
//! ```text
//! PROPTEST_CASES=2000 cargo test -p refit-upgrade --test all -- --nocapture bus::graphs bus::machine
//! ```

mod aborts;
mod asks;
mod back;
mod chains;
mod copied;
mod graphs;
mod histories;
mod kinds;
mod letters;
mod machine;
mod mail;
mod model;
mod model_bus;
mod ops;
mod posts;
mod scripts;
mod starts;
mod words;
mod world;
