//! [`Node`]: an executor on a real crew, with update points and nothing else of a node.

use crossbeam_channel::{Receiver, Sender, bounded};
use refit_kernel::crew::{Command, CommandQueue, Commands, Crew, UpdatePoint, commands};
use refit_kernel::{BlockInput, BlockOutcome, Executor, GenerationTable, Quiesced};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for the crew, in seconds: an engine or a migration that runs longer does not end.
const CREW_WAIT_SECONDS_MAX: u64 = 120;

/// An executor on its crew.
pub(crate) struct Node {
    sender: Commands,
    receiver: CommandQueue,
    crew: Option<Crew>,
    workers: usize,
}

/// Something to do while no handler runs.
type AtPoint<R> = dyn FnOnce(&mut Quiesced<'_>) -> R + Send;

/// What is done at one update point.
struct Point<R> {
    run: Option<Box<AtPoint<R>>>,
    result: Option<R>,
    done: Sender<R>,
}

impl Node {
    pub(crate) fn start(table: Arc<GenerationTable>, workers: usize) -> Self {
        let (sender, receiver) = commands();
        let crew = crew(workers, &receiver);
        crew.baton().start(Executor::new(table));
        Self {
            sender,
            receiver,
            crew: Some(crew),
            workers,
        }
    }

    /// Does something with the executor, between two blocks.
    #[track_caller]
    pub(crate) fn call<R: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Executor) -> R + Send + 'static,
    ) -> R {
        let (done, result) = bounded(1);
        let call = move |executor: &mut Executor| drop(done.send(call(executor)));
        self.send(Command::Call(Box::new(call)));
        wait(&result)
    }

    /// From the next block on, so many messages are handled in each.
    #[track_caller]
    pub(crate) fn handle_at_most(&self, messages: u64) {
        self.call(move |executor| {
            if executor.parameters().block.messages != messages {
                let mut parameters = (**executor.parameters()).clone();
                parameters.block.messages = messages;
                executor.set_parameters(parameters);
            }
        });
    }

    /// Executes a block.
    #[track_caller]
    pub(crate) fn block(&self, input: BlockInput) -> BlockOutcome {
        let (done, outcome) = bounded(1);
        self.send(Command::Block(input, done));
        wait(&outcome)
    }

    /// Closes the gate, does something, and lets a fresh crew go on.
    #[track_caller]
    pub(crate) fn at_update_point<R: Send + 'static>(
        &mut self,
        run: impl FnOnce(&mut Quiesced<'_>) -> R + Send + 'static,
    ) -> R {
        let next = crew(self.workers, &self.receiver);
        let (done, result) = bounded(1);
        let point = Point {
            run: Some(Box::new(run)),
            result: None,
            done,
        };
        self.send(Command::Upgrade(Box::new(point), next.baton()));
        let old = self.crew.replace(next);
        let result = wait(&result);
        if let Some(crew) = old {
            crew.join();
        }
        result
    }

    #[track_caller]
    fn send(&self, command: Command) {
        assert!(self.sender.send(command).is_ok(), "the crew has ended");
    }
}

#[track_caller]
fn crew(workers: usize, commands: &CommandQueue) -> Crew {
    match Crew::spawn("testkit", workers, commands.clone()) {
        Ok(crew) => crew,
        Err(error) => panic!("no thread can be started for the crew: {error}"),
    }
}

#[track_caller]
fn wait<R>(result: &Receiver<R>) -> R {
    match result.recv_timeout(Duration::from_secs(CREW_WAIT_SECONDS_MAX)) {
        Ok(result) => result,
        Err(error) => panic!(
            "the crew gave nothing in {CREW_WAIT_SECONDS_MAX} s ({error}): a handler, query or migration does not end"
        ),
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // If a test has failed the crew may hang in an engine: then it is left behind.
        let _ = self.sender.send(Command::Stop);
        if let Some(crew) = self.crew.take().filter(|_| !std::thread::panicking()) {
            crew.join();
        }
    }
}

impl<R: Send> UpdatePoint for Point<R> {
    fn closing(&mut self) {}

    fn quiesced(&mut self, quiesced: &mut Quiesced<'_>) {
        self.result = self.run.take().map(|run| run(quiesced));
    }

    fn resumed(mut self: Box<Self>) {
        if let Some(result) = self.result.take() {
            let _ = self.done.send(result);
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}
