//! Crews: the threads that run engine code, one set for each generation.
//!
//! A crew is a leader, which executes blocks and answers queries, and helpers, which it calls in for
//! rounds with much work. A crew waits, parked, until it is handed the [`Executor`]; it works until
//! an [`UpdatePoint`] comes, runs it with the gate closed, opens the gate and leads on. Between two later
//! commands it hands the executor to its successor and ends: as soon as nothing waits, at the latest after
//! [`LEAD_ON_BLOCKS_MAX`](crate::limits::LEAD_ON_BLOCKS_MAX) blocks or
//! [`LEAD_ON_MAX`](crate::limits::LEAD_ON_MAX), and before the next gate closes. So no pause waits for
//! another thread to wake. A crew that ran a pause has entered both codes; once [`Crew::join`] has returned no
//! thread is left that ever entered the code of that crew's time.

mod leader;
mod on_duty;
mod queue;
mod reserve;

use crate::block::input::BlockInput;
pub use crate::block::job::Helpers;
use crate::block::job::{Job, Reserving};
use crate::executor::Executor;
use crate::limits::{ENGINE_STACK_BYTES, ENGINE_STACK_TOUCHED_BYTES, WORKERS_MAX};
use crate::outcome::{BlockOutcome, QueryError};
use crate::swap::quiesced::Quiesced;
use crossbeam_channel::{Sender, bounded};
use parking_lot::Mutex;
use refit_abi::host::running;
use refit_abi::raw::Codec;
use refit_abi::{EngineId, Generation, Height};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use on_duty::Done;
pub use on_duty::{OnDuty, TookOver};
pub use queue::Panic;
pub(crate) use queue::{CommandQueue, Commands, commands};
pub use reserve::Reserve;

/// A command to the crew on duty. Blocks and upgrades go before queries, which have a share of the time between two
/// of them.
pub(crate) enum Command {
    /// Execute a block; the outcome goes to the sender.
    Block(BlockInput, Sender<BlockOutcome>),
    /// Answer a query between two blocks.
    Query(Query),
    /// Do something with the executor between two blocks: start engines, read states.
    Call(Box<dyn FnOnce(&mut Executor) + Send>),
    /// Take memory for a pause that is to come, on all workers. Made by [`Reserve::take`].
    Reserve(Arc<Reserving>, Sender<()>),
    /// Close the gate, run the update point, open the gate; hand over to the crew behind the baton soon after.
    Upgrade(Box<dyn UpdatePoint>, Baton),
    /// End.
    Stop,
}

/// A question to an engine.
pub struct Query {
    /// The receiver.
    pub engine: EngineId,
    /// How it is written.
    pub codec: Codec,
    /// The question.
    pub query: Vec<u8>,
    /// Gets the answer, and the height and generation it was read at.
    pub answer: Box<AnswerTo>,
}

/// Takes the answer to a query.
pub type AnswerTo = dyn FnOnce(Result<Vec<u8>, QueryError>, Height, Generation) + Send;

/// The steps of an update point, called by the leader that runs it.
pub trait UpdatePoint: Send {
    /// The block before is executed. What the upgrade before has left unsettled is settled now, so that the next
    /// transition can read it: no block runs from here on.
    fn sweeping(&mut self) {}
    /// Asked before each step of that: false lets the upgrade go, because the settling takes too long. Blocks run again
    /// then, and the rest is settled between them.
    fn sweeps_on(&mut self) -> bool {
        true
    }
    /// Called instead of the rest if it is let go after the block of this height: the gate does not close.
    fn let_go(self: Box<Self>, height: Height) {
        let _ = height;
    }
    /// The gate closes now.
    fn closing(&mut self);
    /// No handler runs.
    fn quiesced(&mut self, quiesced: &mut Quiesced<'_>);
    /// The gate is open again, and the same leader goes on.
    fn resumed(self: Box<Self>);
}

/// The right to start a crew that waits.
#[derive(Clone, Debug)]
pub struct Baton {
    sender: Sender<Handover>,
}

/// The things that one leader hands to the next.
struct Handover {
    executor: Box<Executor>,
    /// The command to do first.
    command: Option<Command>,
    /// The time at which the leader before was done.
    left: Done,
}

/// The threads of one crew.
#[derive(Debug)]
pub struct Crew {
    name: String,
    baton: Baton,
    threads: Vec<JoinHandle<()>>,
    records: Records,
    on_duty: Option<OnDuty>,
}

/// Which records of [`refit_abi::host::running`] the threads of a crew have.
pub type Records = Arc<Mutex<Vec<usize>>>;

impl Crew {
    /// Starts the threads of a crew of `workers` (at least one, at most [`WORKERS_MAX`]) and parks
    /// them until the baton comes.
    ///
    /// # Errors
    /// When the system starts no more threads; none is left running then.
    pub(crate) fn spawn(
        name: &str,
        workers: usize,
        commands: CommandQueue,
    ) -> std::io::Result<Self> {
        let (sender, handover) = bounded::<Handover>(1);
        let (finished, done) = bounded(WORKERS_MAX);
        let mut helpers = Helpers {
            jobs: Vec::new(),
            done: Some(done),
        };
        let mut threads = Vec::new();
        let records = Records::default();
        for number in 1..workers.clamp(1, WORKERS_MAX) {
            let (job_sender, jobs) = bounded::<Job>(1);
            let finished = finished.clone();
            let records = records.clone();
            let help = move || {
                records.lock().extend(running::record());
                touch_stack();
                for job in jobs {
                    let worked = catch_unwind(AssertUnwindSafe(|| job.work()));
                    // The leader takes the round back once all have finished: no helper may still hold it then.
                    drop(job);
                    if finished.send(worked.is_ok()).is_err() || worked.is_err() {
                        break;
                    }
                }
            };
            threads.push(thread(name, number).spawn(help)?);
            helpers.jobs.push(job_sender);
        }
        let of_leader = records.clone();
        let (comes, on_duty) = on_duty::pair();
        let leader = move || {
            of_leader.lock().extend(running::record());
            touch_stack();
            let led = catch_unwind(AssertUnwindSafe(|| {
                let Ok(handover) = handover.recv() else {
                    return;
                };
                comes.now(handover.left);
                leader::lead(handover, &commands, &helpers);
            }));
            if let Err(panic) = led {
                leader::turn_away(&commands, panic);
            }
        };
        threads.push(thread(name, 0).spawn(leader)?);
        Ok(Self {
            name: name.to_owned(),
            baton: Baton { sender },
            threads,
            records,
            on_duty: Some(on_duty),
        })
    }

    /// The time at which this crew comes on duty, for the one receiver that waits for it; `None` the second time.
    pub fn on_duty(&mut self) -> Option<OnDuty> {
        self.on_duty.take()
    }

    /// The beginning of its threads' names.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The records of its threads; each thread adds its own when it starts.
    pub fn records(&self) -> Records {
        self.records.clone()
    }

    /// The right to start this crew.
    pub fn baton(&self) -> Baton {
        self.baton.clone()
    }

    /// Waits until all threads have ended. Without a hand-over the crew ends when all batons are
    /// dropped.
    pub fn join(self) {
        drop(self.baton);
        for thread in self.threads {
            // A panicked worker has already said so; the others still end.
            let _ = thread.join();
        }
    }
}

impl Baton {
    /// Starts the crew with an executor, at no update point: the node's first crew.
    pub fn start(self, executor: Executor) {
        let _ = self.sender.send(Handover {
            executor: Box::new(executor),
            command: None,
            left: Done::now(),
        });
    }
}

fn thread(crew: &str, number: usize) -> std::thread::Builder {
    let builder = std::thread::Builder::new().name(format!("{crew}-{number}"));
    builder.stack_size(ENGINE_STACK_BYTES)
}

/// Takes the memory of the stack's first pages before there is a pause in which it would be taken.
#[inline(never)]
fn touch_stack() {
    std::hint::black_box([0_u8; ENGINE_STACK_TOUCHED_BYTES]);
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Command::Block(..) => "Block",
            Command::Query(_) => "Query",
            Command::Call(_) => "Call",
            Command::Reserve(..) => "Reserve",
            Command::Upgrade(..) => "Upgrade",
            Command::Stop => "Stop",
        })
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}
