//! The commands that wait for a crew, in two queues: blocks and upgrades, and behind them queries and looks.
//!
//! Between two blocks that wait, queries have a share of the time: one at least, and more until they have taken as
//! long as the block before. So a block waits for no more than one query beyond that, whatever clients ask, and
//! blocks do not shut queries out. The clock decides when a query is answered, which no result depends on: an answer
//! says at which height it was read.

use super::Command;
use crate::limits::COMMANDS_MAX;
use crossbeam_channel::{
    Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError, bounded, select,
};
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The panic of a crew's leader.
pub type Panic = Box<dyn Any + Send>;

/// Leaders whose panics are kept until they are read: there is one leader, and none comes after it.
const LOST_MAX: usize = 1;

/// How often a waiting asker looks whether there is still a crew that may answer.
const END_LOOK: Duration = Duration::from_millis(20);

/// The sending end: for those who ask.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    blocks: Sender<Command>,
    looks: Sender<Command>,
    lost: Receiver<Panic>,
    has_ended: Arc<AtomicBool>,
}

/// The receiving end, for the crews, one of which is on duty.
#[derive(Clone, Debug)]
pub(crate) struct CommandQueue {
    blocks: Receiver<Command>,
    looks: Receiver<Command>,
    lost: Sender<Panic>,
    has_ended: Arc<AtomicBool>,
}

/// Two queues for a node's crews, each of [`COMMANDS_MAX`] commands: their two ends.
pub(crate) fn commands() -> (Commands, CommandQueue) {
    let (blocks, next_blocks) = bounded(COMMANDS_MAX);
    let (looks, next_looks) = bounded(COMMANDS_MAX);
    let (tell, lost) = bounded(LOST_MAX);
    let has_ended = Arc::new(AtomicBool::new(false));
    let queue = CommandQueue {
        blocks: next_blocks,
        looks: next_looks,
        lost: tell,
        has_ended: has_ended.clone(),
    };
    let commands = Commands {
        blocks,
        looks,
        lost,
        has_ended,
    };
    (commands, queue)
}

#[expect(
    clippy::result_large_err,
    reason = "what is not taken comes back as it was; a box would cost every block an allocation"
)]
impl Commands {
    /// Asks; waits while the queue is full. What is asked in one queue happens in the order in which it was asked.
    ///
    /// # Errors
    /// With the command, when there is no crew any more.
    pub(crate) fn send(&self, command: Command) -> Result<(), SendError<Command>> {
        self.queue(&command).send(command)
    }

    /// Asks, unless the queue is full.
    ///
    /// # Errors
    /// With the command, when the queue is full or there is no crew any more.
    pub(crate) fn try_send(&self, command: Command) -> Result<(), TrySendError<Command>> {
        self.queue(&command).try_send(command)
    }

    /// Asks; waits as long as `wait` while the queue is full.
    ///
    /// # Errors
    /// With the command, when the queue is still full or there is no crew any more.
    pub(crate) fn send_timeout(
        &self,
        command: Command,
        wait: Duration,
    ) -> Result<(), SendTimeoutError<Command>> {
        self.queue(&command).send_timeout(command, wait)
    }

    /// Waits as long as `wait` for a command's answer, and no longer than there is a crew: once a crew was told to
    /// stop, nobody takes the commands behind that, and nobody drops them as long as there may be another crew.
    ///
    /// # Errors
    /// If it has not come in time; [`RecvTimeoutError::Disconnected`] if it will not.
    pub(crate) fn answer<T>(
        &self,
        answered: &Receiver<T>,
        wait: Duration,
    ) -> Result<T, RecvTimeoutError> {
        let began = Instant::now();
        loop {
            let has_ended = self.has_ended.load(Ordering::Acquire);
            let left = wait.saturating_sub(began.elapsed());
            let look = if has_ended {
                Duration::ZERO
            } else {
                left.min(END_LOOK)
            };
            match answered.recv_timeout(look) {
                Err(RecvTimeoutError::Timeout) if has_ended => {
                    return Err(RecvTimeoutError::Disconnected);
                }
                Err(RecvTimeoutError::Timeout) if look < left => {}
                answer => return answer,
            }
        }
    }

    /// Receives, once, the panic of a leader: the engines are gone with it, and no command is done any more. Ends
    /// when there is no crew any more.
    pub(crate) fn lost(&self) -> &Receiver<Panic> {
        &self.lost
    }

    fn queue(&self, command: &Command) -> &Sender<Command> {
        match command {
            Command::Block(..) | Command::Upgrade(..) => &self.blocks,
            // The end comes behind what was asked before it.
            Command::Query(_) | Command::Call(_) | Command::Reserve(..) | Command::Stop => {
                &self.looks
            }
        }
    }
}

impl CommandQueue {
    /// A leader has panicked.
    pub(super) fn lose(&self, panic: Panic) {
        // Of two, the first is the reason.
        let _ = self.lost.try_send(panic);
    }

    /// The next command, if one waits.
    pub(super) fn try_next(&self, query_time: &mut QueryTime) -> Result<Command, TryRecvError> {
        self.next_of_both(query_time)
            .map(|command| self.noted(command))
    }

    /// A command behind the end gets no answer, so its asker must not wait.
    fn noted(&self, command: Command) -> Command {
        if matches!(command, Command::Stop) {
            self.has_ended.store(true, Ordering::Release);
        }
        command
    }

    fn next_of_both(&self, query_time: &mut QueryTime) -> Result<Command, TryRecvError> {
        let blocks_wait = !self.blocks.is_empty();
        if !blocks_wait || query_time.is_left() {
            match self.looks.try_recv() {
                Ok(command) => return Ok(query_time.taken(command)),
                Err(TryRecvError::Disconnected) if !blocks_wait => {
                    return Err(TryRecvError::Disconnected);
                }
                Err(_) => {}
            }
        }
        self.blocks.try_recv()
    }

    /// The next command; waits for it as long as `wait`.
    pub(super) fn next_within(
        &self,
        query_time: &mut QueryTime,
        wait: Duration,
    ) -> Result<Command, RecvTimeoutError> {
        match self.try_next(query_time) {
            Ok(command) => return Ok(command),
            Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) => {}
        }
        // Nothing waited: whatever comes first is next.
        let next = select! {
            recv(self.blocks) -> next => next,
            recv(self.looks) -> next => next,
            default(wait) => return Err(RecvTimeoutError::Timeout),
        };
        let next = next.map_err(|RecvError| RecvTimeoutError::Disconnected)?;
        Ok(self.noted(next))
    }

    /// The next command; waits for it. `None` when nobody can ask any more.
    pub(super) fn next(&self, query_time: &mut QueryTime) -> Option<Command> {
        match self.try_next(query_time) {
            Ok(command) => return Some(command),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => {}
        }
        let next = select! {
            recv(self.blocks) -> next => next,
            recv(self.looks) -> next => next,
        };
        next.ok().map(|command| self.noted(command))
    }
}

/// The time that queries may still take before a block that waits.
#[derive(Debug)]
pub(super) struct QueryTime {
    /// When the block before had ended, and how long it had taken.
    block: Option<(Instant, Duration)>,
    answered: bool,
}

impl QueryTime {
    pub(super) fn new() -> Self {
        Self {
            block: None,
            answered: false,
        }
    }

    /// A block has been executed, which began then.
    pub(super) fn block(&mut self, began: Instant) {
        let now = Instant::now();
        self.block = Some((now, now.saturating_duration_since(began)));
        self.answered = false;
    }

    fn taken(&mut self, command: Command) -> Command {
        self.answered = true;
        command
    }

    fn is_left(&self) -> bool {
        match self.block {
            Some((ended, took)) => !self.answered || ended.elapsed() < took,
            None => !self.answered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::input::BlockInput;

    fn block() -> Command {
        Command::Block(BlockInput::default(), bounded(1).0)
    }

    fn look() -> Command {
        Command::Call(Box::new(|_| {}))
    }

    /// The order in which so many of each come, if each block takes no time and each query too; a letter for each.
    fn order(blocks: usize, looks: usize) -> String {
        let (commands, queue) = commands();
        for _ in 0..looks {
            commands.send(look()).unwrap();
        }
        for _ in 0..blocks {
            commands.send(block()).unwrap();
        }
        let mut query_time = QueryTime::new();
        let mut order = String::new();
        while let Ok(command) = queue.try_next(&mut query_time) {
            let is_block = matches!(command, Command::Block(..));
            order.push(if is_block { 'b' } else { 'q' });
            if is_block {
                query_time.block = Some((Instant::now(), Duration::ZERO));
                query_time.answered = false;
            }
        }
        order
    }

    #[test]
    fn between_blocks_that_wait_one_query_is_answered_and_without_them_all_are() {
        assert_eq!(order(3, 10), "qbqbqbqqqqqqq");
        assert_eq!(order(3, 0), "bbb");
        assert_eq!(order(0, 3), "qqq");
    }

    #[test]
    fn queries_may_take_as_long_as_the_block_before() {
        let (commands, queue) = commands();
        let mut query_time = QueryTime::new();
        query_time.block = Some((Instant::now(), Duration::from_secs(3_600)));
        for _ in 0..100 {
            commands.send(look()).unwrap();
        }
        commands.send(block()).unwrap();
        for _ in 0..100 {
            assert!(matches!(
                queue.try_next(&mut query_time),
                Ok(Command::Call(_))
            ));
        }
        assert!(matches!(
            queue.try_next(&mut query_time),
            Ok(Command::Block(..))
        ));
    }

    #[test]
    fn whoever_asks_behind_the_end_does_not_wait_though_the_queue_is_kept_for_another_crew() {
        let (commands, queue) = commands();
        let (wait, short) = (Duration::from_secs(3_600), Duration::from_millis(50));
        let ask = || {
            let (answer, answered) = bounded(1);
            let call = move |_: &mut crate::Executor| answer.send(()).unwrap();
            commands.send(Command::Call(Box::new(call))).unwrap();
            answered
        };
        let before = ask();
        let early = commands.answer(&before, short);
        assert_eq!(early, Err(RecvTimeoutError::Timeout));
        commands.send(Command::Stop).unwrap();
        let behind = ask();
        let mut query_time = QueryTime::new();
        assert!(matches!(
            queue.next(&mut query_time),
            Some(Command::Call(_))
        ));
        assert!(matches!(queue.next(&mut query_time), Some(Command::Stop)));
        let answer = commands.answer(&behind, wait);
        assert_eq!(answer, Err(RecvTimeoutError::Disconnected));
        drop(queue);
    }

    #[test]
    fn a_full_queue_of_queries_takes_no_place_from_blocks() {
        let (commands, queue) = commands();
        while commands.try_send(look()).is_ok() {}
        assert!(commands.try_send(block()).is_ok());
        let waits = queue.looks.len();
        assert_eq!((waits, queue.blocks.len()), (COMMANDS_MAX, 1));
    }

    #[test]
    fn who_waits_hears_that_nobody_can_ask_any_more() {
        let (commands, queue) = commands();
        commands.send(look()).unwrap();
        drop(commands);
        let mut query_time = QueryTime::new();
        assert!(queue.next(&mut query_time).is_some());
        assert!(queue.next(&mut query_time).is_none());
        let ended = queue.next_within(&mut query_time, Duration::from_secs(60));
        assert!(matches!(ended, Err(RecvTimeoutError::Disconnected)));
    }
}
