//! The command line as a user sees it: the real binary, against a node that is none.
#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod audit;
mod authoring;
mod bench_durability;
mod bench_serve;
mod builds;
mod chaos;
mod configuration;
mod cut_short;
mod demo;
mod destination;
mod dev;
mod doctor;
mod documents;
mod ended_batch;
mod endless;
mod errors;
mod following;
mod golden;
mod guide;
mod guide_run;
mod json;
mod kept;
mod large_answers;
mod node;
mod offline;
mod outputs;
mod parting;
mod plan_flags;
mod rehearsal;
mod releases;
mod served;
mod snapshot;
mod taken_back;
mod tcp;
mod transcripts;
