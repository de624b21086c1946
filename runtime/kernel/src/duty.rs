//! [`Duty`]: a node's crews behind one handle: it runs work between two blocks, and brings in the next crew.
//!
//! Life. [`Duty::park`] starts a first crew that waits; [`Duty::begin`] hands it the [`Executor`]. From then on one
//! crew is on duty: it executes, answers and settles in the order of its queues ([`crew`](crate::crew)). An upgrade
//! starts the next one ([`Duty::next`]), which takes over after a pause ([`Duty::pause`]); the upgrade puts it in the
//! place of the one before ([`Duty::relieve`]) and joins that. [`Duty::stop`] is the end.
//!
//! Invariants. The caller that got a dismissed or relieved crew joins it: nobody else can. No call here waits without
//! a bound but where a queue of [`COMMANDS_MAX`](crate::limits::COMMANDS_MAX) blocks is full.

use crate::block::input::BlockInput;
use crate::crew::{
    Baton, Command, CommandQueue, Commands, Crew, Panic, Query, Records, Reserve, UpdatePoint,
    commands,
};
use crate::executor::Executor;
use crate::outcome::BlockOutcome;
use crossbeam_channel::{
    Receiver, RecvTimeoutError, SendError, SendTimeoutError, TrySendError, bounded,
};
use parking_lot::Mutex;
use std::io;
use std::time::Duration;

/// The crew that works for a node, and the queues in which it is asked.
#[derive(Debug)]
pub struct Duty {
    commands: Commands,
    /// For crews that are still to come.
    queue: CommandQueue,
    /// Threads of each crew.
    workers: usize,
    /// The crew that was brought last. Absent once it is dismissed.
    crew: Mutex<Option<Crew>>,
}

/// Why a crew does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// Its queue is full, or it did not answer in time.
    #[error(
        "the crew did not answer in time: it is busy with a block, a state copy or a pause; ask again"
    )]
    Busy,
    /// There is none any more.
    #[error("the crew has ended; nothing is executed until the node is started again")]
    Ended,
}

impl Duty {
    /// Starts the threads of a first crew of `workers`, named after `name`, and parks them until [`Duty::begin`].
    ///
    /// # Errors
    /// When the system starts no more threads; none is left running then.
    pub fn park(name: &str, workers: usize) -> io::Result<Self> {
        let (commands, queue) = commands();
        let crew = Crew::spawn(name, workers, queue.clone())?;
        Ok(Self {
            commands,
            queue,
            workers,
            crew: Mutex::new(Some(crew)),
        })
    }

    /// As [`Duty::park`], with the executor at once.
    ///
    /// # Errors
    /// As [`Duty::park`].
    pub fn start(name: &str, workers: usize, executor: Executor) -> io::Result<Self> {
        let duty = Self::park(name, workers)?;
        duty.begin(executor);
        Ok(duty)
    }

    /// Hands the executor to the first crew. Nothing happens if there is none.
    pub fn begin(&self, executor: Executor) {
        if let Some(crew) = &*self.crew.lock() {
            crew.baton().start(executor);
        }
    }

    /// Threads of each crew.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The records of the crew's threads; `None` if it was dismissed.
    pub fn records(&self) -> Option<Records> {
        self.crew.lock().as_ref().map(Crew::records)
    }

    /// Has a block executed; waits while the queue is full. Where the outcome comes.
    ///
    /// # Errors
    /// [`Silence::Ended`].
    pub fn execute(&self, block: BlockInput) -> Result<Receiver<BlockOutcome>, Silence> {
        let (done, outcome) = bounded(1);
        self.commands.send(Command::Block(block, done))?;
        Ok(outcome)
    }

    /// Asks an engine, unless more is asked already than the crew keeps. The answer goes where the query says.
    ///
    /// # Errors
    /// [`Silence`].
    pub fn query(&self, query: Query) -> Result<(), Silence> {
        Ok(self.commands.try_send(Command::Query(query))?)
    }

    /// Has something done with the executor between two blocks, and waits for it as long as `wait` twice: for room in
    /// the queue, and for the answer.
    ///
    /// # Errors
    /// [`Silence`]: it may still be done after [`Silence::Busy`].
    pub fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Executor) -> T + Send + 'static,
        wait: Duration,
    ) -> Result<T, Silence> {
        let (answer, answered) = bounded(1);
        let call = move |executor: &mut Executor| {
            // The asker may have given up.
            let _ = answer.send(ask(executor));
        };
        self.call_within(call, wait)?;
        self.answer(&answered, wait)
    }

    /// Has something done with the executor between two blocks; waits while the queue is full, and not until it is
    /// done.
    ///
    /// # Errors
    /// [`Silence::Ended`].
    pub fn call(&self, call: impl FnOnce(&mut Executor) + Send + 'static) -> Result<(), Silence> {
        Ok(self.commands.send(Command::Call(Box::new(call)))?)
    }

    /// As [`Duty::call`]; waits for room in the queue as long as `wait`.
    ///
    /// # Errors
    /// [`Silence`]; it is not done then.
    pub fn call_within(
        &self,
        call: impl FnOnce(&mut Executor) + Send + 'static,
        wait: Duration,
    ) -> Result<(), Silence> {
        let call = Command::Call(Box::new(call));
        Ok(self.commands.send_timeout(call, wait)?)
    }

    /// Waits as long as `wait` for what a call brings, and no longer than there is a crew.
    ///
    /// # Errors
    /// [`Silence`].
    pub fn answer<T>(&self, answered: &Receiver<T>, wait: Duration) -> Result<T, Silence> {
        Ok(self.commands.answer(answered, wait)?)
    }

    /// Has the crew take about so many bytes of memory for a pause that is to come; gives up when a step of that takes
    /// longer than `wait`.
    pub fn reserve(&self, bytes: u64, wait: Duration) -> Reserve {
        Reserve::take(&self.commands, bytes, self.workers, wait)
    }

    /// Receives, once, the panic of a leader: the engines are gone with it, and no command is done any more. Ends
    /// when there is no crew any more.
    pub fn lost(&self) -> &Receiver<Panic> {
        self.commands.lost()
    }

    /// Starts the threads of a crew that waits for its turn.
    ///
    /// # Errors
    /// When the system starts no more threads; none is left running then.
    pub fn next(&self, name: &str) -> io::Result<Crew> {
        Crew::spawn(name, self.workers, self.queue.clone())
    }

    /// Has an update point run after what was asked before it; the crew behind the baton takes over soon after.
    ///
    /// # Errors
    /// [`Silence::Ended`].
    pub fn pause(&self, point: Box<dyn UpdatePoint>, next: Baton) -> Result<(), Silence> {
        Ok(self.commands.send(Command::Upgrade(point, next))?)
    }

    /// As [`Duty::pause`], and puts the next crew in the place of the one that runs it: gives that, to be joined.
    ///
    /// # Errors
    /// [`Silence::Ended`].
    pub fn hand_over(
        &self,
        point: Box<dyn UpdatePoint>,
        next: Crew,
    ) -> Result<Option<Crew>, Silence> {
        self.pause(point, next.baton())?;
        Ok(self.relieve(next))
    }

    /// Puts a crew that takes over in the place of the one before: gives that, to be joined.
    pub fn relieve(&self, by: Crew) -> Option<Crew> {
        self.crew.lock().replace(by)
    }

    /// Returns the crew that was brought last, to be joined once it was told to end.
    pub fn dismiss(&self) -> Option<Crew> {
        self.crew.lock().take()
    }

    /// Tells the crew on duty to end behind what was asked before.
    pub fn end(&self) {
        // If there is none it has ended already.
        let _ = self.commands.send(Command::Stop);
    }

    /// Tells the crew on duty to end, and waits until the one that was brought last has.
    pub fn stop(&self) {
        self.end();
        if let Some(crew) = self.dismiss() {
            crew.join();
        }
    }
}

impl From<SendError<Command>> for Silence {
    fn from(SendError(_): SendError<Command>) -> Self {
        Self::Ended
    }
}

impl From<TrySendError<Command>> for Silence {
    fn from(error: TrySendError<Command>) -> Self {
        match error {
            TrySendError::Full(_) => Self::Busy,
            TrySendError::Disconnected(_) => Self::Ended,
        }
    }
}

impl From<SendTimeoutError<Command>> for Silence {
    fn from(error: SendTimeoutError<Command>) -> Self {
        match error {
            SendTimeoutError::Timeout(_) => Self::Busy,
            SendTimeoutError::Disconnected(_) => Self::Ended,
        }
    }
}

impl From<RecvTimeoutError> for Silence {
    fn from(error: RecvTimeoutError) -> Self {
        match error {
            RecvTimeoutError::Timeout => Self::Busy,
            RecvTimeoutError::Disconnected => Self::Ended,
        }
    }
}
