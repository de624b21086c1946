//! [`Node`]: an executor on a real crew, with update points and nothing else of a node.

use crossbeam_channel::{Receiver, Sender, bounded};
use refit_kernel::crew::UpdatePoint;
use refit_kernel::{BlockInput, BlockOutcome, Duty, Executor, GenerationTable, Quiesced, Silence};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for the crew, in seconds: an engine or a migration that runs longer does not end.
const CREW_WAIT_SECONDS_MAX: u64 = 120;

/// The same.
const CREW_WAIT_MAX: Duration = Duration::from_secs(CREW_WAIT_SECONDS_MAX);

/// The name of the crew's threads.
const CREW_NAME: &str = "testkit";

/// An executor on its crew.
#[derive(Debug)]
pub(crate) struct Node {
    duty: Duty,
}

/// Something to do while no handler runs.
type AtPoint<R> = dyn FnOnce(&mut Quiesced<'_>) -> R + Send;

/// The work at one update point.
struct Point<R> {
    run: Option<Box<AtPoint<R>>>,
    result: Option<R>,
    done: Sender<R>,
}

impl Node {
    pub(crate) fn start(table: Arc<GenerationTable>, workers: usize) -> Self {
        let duty = Duty::start(CREW_NAME, workers, Executor::new(table));
        Self {
            duty: started(duty),
        }
    }

    /// Does something with the executor, between two blocks.
    #[track_caller]
    pub(crate) fn call<R: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Executor) -> R + Send + 'static,
    ) -> R {
        match self.duty.ask(call, CREW_WAIT_MAX) {
            Ok(result) => result,
            Err(silence) => gave_nothing(&silence),
        }
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
        match self.duty.execute(input) {
            Ok(outcome) => wait(&outcome),
            Err(silence) => gave_nothing(&silence),
        }
    }

    /// Closes the gate, does something, and lets a fresh crew go on.
    #[track_caller]
    pub(crate) fn at_update_point<R: Send + 'static>(
        &mut self,
        run: impl FnOnce(&mut Quiesced<'_>) -> R + Send + 'static,
    ) -> R {
        let next = started(self.duty.next(CREW_NAME));
        let (done, result) = bounded(1);
        let point = Point {
            run: Some(Box::new(run)),
            result: None,
            done,
        };
        let old = match self.duty.hand_over(Box::new(point), next) {
            Ok(old) => old,
            Err(silence) => gave_nothing(&silence),
        };
        let result = wait(&result);
        if let Some(crew) = old {
            crew.join();
        }
        result
    }
}

#[track_caller]
fn started<T>(crew: std::io::Result<T>) -> T {
    match crew {
        Ok(crew) => crew,
        Err(error) => panic!("no thread can be started for the crew: {error}"),
    }
}

#[track_caller]
fn wait<R>(result: &Receiver<R>) -> R {
    match result.recv_timeout(CREW_WAIT_MAX) {
        Ok(result) => result,
        Err(error) => gave_nothing(&error.into()),
    }
}

#[track_caller]
fn gave_nothing(silence: &Silence) -> ! {
    panic!(
        "the crew gave nothing in {CREW_WAIT_SECONDS_MAX} s ({silence}): a handler, query or migration does not end"
    )
}

impl Drop for Node {
    fn drop(&mut self) {
        // If a test has failed the crew may hang in an engine: then it is left behind.
        match std::thread::panicking() {
            true => self.duty.end(),
            false => self.duty.stop(),
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
