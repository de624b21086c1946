//! The life of a crew's leader: it works off commands, runs an update point, leads on for a while under whichever
//! generation won, and hands over.
//!
//! The clock decides which crew executes a block, which no result depends on.

use super::on_duty::Done;
use super::queue::{Panic, QueryTime};
use super::{Baton, Command, CommandQueue, Handover, Helpers, UpdatePoint};
use crate::block::job::Job;
use crate::executor::Executor;
use crate::limits::{LEAD_ON_BLOCKS_MAX, LEAD_ON_MAX, QUIET};
use crate::swap::quiesced::Quiesced;
use crossbeam_channel::{RecvTimeoutError, SendError, TryRecvError};
use std::time::Instant;

/// Leads with what was handed over, until there is a successor or the node ends.
pub(super) fn lead(handover: Handover, commands: &CommandQueue, helpers: &Helpers) {
    let mut leader = Some(Leader {
        executor: handover.executor,
        first: handover.command,
        commands,
        query_time: QueryTime::new(),
        helpers,
    });
    while let Some(mut leads) = leader {
        let Some(successor) = leads.lead() else {
            return;
        };
        leader = leads.lead_on(&successor);
    }
}

/// Answers for a leader that has panicked, whose engines are gone: its owner gets the panic, and every command gets
/// no outcome, until the crew is told to stop.
pub(super) fn turn_away(commands: &CommandQueue, panic: Panic) {
    commands.lose(panic);
    let mut query_time = QueryTime::new();
    while let Some(command) = commands.next(&mut query_time) {
        if matches!(command, Command::Stop) {
            return;
        }
    }
}

struct Leader<'a> {
    executor: Box<Executor>,
    /// The command to do before those that wait.
    first: Option<Command>,
    commands: &'a CommandQueue,
    query_time: QueryTime,
    helpers: &'a Helpers,
}

/// The leader's step after a command.
enum After {
    /// The next one.
    GoesOn,
    /// An update point was run; the crew behind the baton is to take over.
    Paused(Baton),
    /// Nothing: the node ends.
    Ends,
}

impl Leader<'_> {
    /// Works until an update point was run, and gives who is to take over after it; `None` when the node ends.
    fn lead(&mut self) -> Option<Baton> {
        loop {
            let command = self.first.take().or_else(|| self.next())?;
            match self.work(command) {
                After::GoesOn => {}
                After::Paused(successor) => return Some(successor),
                After::Ends => return None,
            }
        }
    }

    /// Works on the queue, and hands over when it is empty or after it has led on for long enough. Returns itself if
    /// there is no successor: then this crew stays on duty.
    fn lead_on(mut self, successor: &Baton) -> Option<Self> {
        let mut left = Left::new();
        loop {
            // A queued command must not wait until the successor is awake.
            let after = match self.commands.try_next(&mut self.query_time) {
                Ok(command) if left.has_room_for(&command) => self.work(command),
                Ok(command) => return self.hand_over(successor, Some(command)),
                Err(TryRecvError::Empty) => return self.hand_over(successor, None),
                Err(TryRecvError::Disconnected) => After::Ends,
            };
            if !matches!(after, After::GoesOn) {
                return None;
            }
        }
    }

    fn hand_over(self, successor: &Baton, command: Option<Command>) -> Option<Self> {
        let handover = Handover {
            executor: self.executor,
            command,
            left: Done::now(),
        };
        match successor.sender.send(handover) {
            Ok(()) => None,
            // The successor has ended before it took over.
            Err(SendError(Handover {
                executor, command, ..
            })) => Some(Self {
                executor,
                first: command,
                ..self
            }),
        }
    }

    /// Does what is asked.
    fn work(&mut self, command: Command) -> After {
        match command {
            Command::Block(block, outcome) => {
                let began = Instant::now();
                let _ = outcome.send(self.executor.execute(self.helpers, block));
                self.query_time.block(began);
            }
            Command::Query(query) => {
                let executor = &mut self.executor;
                let answer = executor.query(query.engine, query.codec, &query.query);
                (query.answer)(answer, executor.height(), executor.table().number());
            }
            Command::Call(call) => call(&mut self.executor),
            Command::Reserve(reserving, done) => {
                self.helpers.run(&Job::Reserve(reserving), false);
                let _ = done.send(());
            }
            Command::Upgrade(point, successor) => {
                self.pause(point);
                return After::Paused(successor);
            }
            Command::Stop => return After::Ends,
        }
        // One step even under constant load, so that the old code is dropped in bounded time.
        self.executor.sweep_step();
        After::GoesOn
    }

    /// Runs an update point.
    fn pause(&mut self, mut point: Box<dyn UpdatePoint>) {
        point.sweeping();
        // A pending sweep holds states that the next transition could not read. It is no pause: the watchdog of calls
        // looks at each of its calls, and the maker of the point bounds all of them together.
        while self.executor.is_sweeping() {
            if !point.sweeps_on() {
                return point.let_go(self.executor.height());
            }
            self.executor.sweep_step();
        }
        point.closing();
        // Only leaders close the gate, and there is one leader at a time.
        let Some(closed) = self.executor.shared.gate.close() else {
            return;
        };
        point.quiesced(&mut Quiesced::new(
            &mut self.executor,
            self.helpers,
            &closed,
        ));
        // The gate opens here.
        drop(closed);
        point.resumed();
    }

    /// The next command; sweeps while there is none, and gives memory back when none has come for a while.
    fn next(&mut self) -> Option<Command> {
        let (executor, commands) = (&mut self.executor, self.commands);
        let query_time = &mut self.query_time;
        while executor.is_sweeping() {
            match commands.try_next(query_time) {
                Ok(command) => return Some(command),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => executor.sweep_step(),
            }
        }
        if executor.may_have_spare() {
            match commands.next_within(query_time, QUIET) {
                Ok(command) => return Some(command),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        while executor.may_have_spare() {
            match commands.try_next(query_time) {
                Ok(command) => return Some(command),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => executor.give_back_step(),
            }
        }
        commands.next(query_time)
    }
}

/// The work that a leader still has after it has run an update point.
struct Left {
    blocks: usize,
    until: Instant,
}

impl Left {
    fn new() -> Self {
        Self {
            blocks: LEAD_ON_BLOCKS_MAX,
            until: Instant::now() + LEAD_ON_MAX,
        }
    }

    /// Whether it does this too.
    fn has_room_for(&mut self, command: &Command) -> bool {
        let has_room = match command {
            Command::Stop => return true,
            // A crew runs one pause: it has entered the code of two generations, and of no more.
            Command::Upgrade(..) => return false,
            // It is for the crew that runs the pause.
            Command::Reserve(..) => return false,
            Command::Block(..) => self.blocks > 0,
            Command::Query(_) | Command::Call(_) => true,
        };
        if matches!(command, Command::Block(..)) {
            self.blocks = self.blocks.saturating_sub(1);
        }
        has_room && Instant::now() < self.until
    }
}
