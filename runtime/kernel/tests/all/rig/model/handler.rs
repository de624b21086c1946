//! One handler's run in the model: its script, and what it wishes for.

use super::*;

/// A handler at work.
pub(super) struct Run<'a> {
    pub(super) id: EngineId,
    pub(super) frame: BlockFrame,
    pub(super) memory: &'a mut Memory,
    pub(super) counters: &'a mut Counters,
    pub(super) own: &'a mut Wishes,
}

impl Run<'_> {
    pub(super) fn letter(&mut self, letter: &Letter) -> End {
        match (&letter.content, letter.sender) {
            (Content::Message(message), sender) => {
                self.memory.log.push(Seen {
                    from: sender.into(),
                    tag: message.tag,
                    code: 1,
                });
                self.ops(&message.ops)
            }
            (Content::Notice(_), _) if self.memory.brittle => End::Panic,
            (Content::Notice(reason), Sender::Engine(about)) => {
                self.memory.notices.push((about, format!("{reason:?}")));
                End::Done
            }
            (Content::Notice(_), _) => End::Done,
        }
    }

    pub(super) fn ops(&mut self, ops: &[Op]) -> End {
        for op in ops {
            match op {
                Op::Fail => return End::Fault(planned_fault()),
                Op::Panic => return End::Panic,
                other => self.op(other),
            }
        }
        End::Done
    }

    pub(super) fn op(&mut self, op: &Op) {
        match op {
            Op::Send(to, message) => self.send(to.of(self.id), message.clone()),
            Op::Flood { to, count, bytes } => {
                for _ in 0..*count {
                    if self.own.sends.len() == SENDS_PER_MESSAGE_MAX {
                        return self.refused("Budget");
                    }
                    self.send(to.of(self.id), Message::padded(*bytes));
                }
            }
            Op::Spawn(config) => self.spawn(config.clone()),
            Op::SpawnMany(count) => {
                for _ in 0..*count {
                    if self.own.spawns.len() == SPAWNS_PER_MESSAGE_MAX {
                        return self.refused("Budget");
                    }
                    self.spawn(Config::default());
                }
            }
            Op::SpawnGhost => self.refused("Unknown"),
            Op::SpawnMistaken => self.refused("Schema"),
            Op::Stop(engine) => self.own.stops.push((self.id, engine.of(self.id))),
            Op::AfterBlocks(0, _) | Op::AfterTime(0, _) => self.refused("Past"),
            Op::AfterBlocks(blocks, message) => {
                self.timer(Due::Height(Height(self.frame.height.0 + blocks)), message);
            }
            Op::AfterTime(millis, message) => {
                self.timer(Due::Time(BlockTime(self.frame.time.0 + millis)), message);
            }
            Op::Emit(bytes) => {
                let payload = serde_json::to_vec(&"7".repeat(*bytes as usize)).unwrap();
                let topic = "topic".to_owned();
                self.own.outcome.events.push(Emitted {
                    engine: self.id,
                    topic,
                    payload,
                });
            }
            Op::Log { lines, bytes } => {
                let line = LogLine {
                    engine: self.id,
                    level: refit_abi::Level::Info,
                    line: "x".repeat(*bytes as usize),
                };
                (0..*lines).for_each(|_| self.own.outcome.log(line.clone()));
            }
            Op::Carry(_) => {}
            Op::PanicOnNotice => self.memory.brittle = true,
            Op::CancelTimer(nth) => {
                if let Some(id) = self.memory.timers.get(*nth as usize).copied() {
                    match self.counters.waiting.remove(&id) {
                        true => self.own.cancelled.push((self.id, id)),
                        false => self.refused("Unknown"),
                    }
                }
            }
            Op::TimerInTongues => self.refused("Schema"),
            // Loops over the node's answers, chance, and ways to end: `ops` has the two that the model knows.
            Op::Bytes(..)
            | Op::Again(..)
            | Op::Breed(_)
            | Op::AgainAfter(_)
            | Op::TimerMany(_)
            | Op::Budget
            | Op::Say(_)
            | Op::Draw
            | Op::Nothing
            | Op::OnlyFrom(_)
            | Op::Fail
            | Op::FailHalfDone
            | Op::Panic => {
                unreachable!("no part of the model's scripts")
            }
        }
    }

    pub(super) fn send(&mut self, to: EngineId, message: Message) {
        self.own.sends.push((self.id, to, message));
    }

    pub(super) fn spawn(&mut self, config: Config) {
        let id = self.id.child(self.counters.spawned);
        self.counters.spawned += 1;
        self.memory.children.push(id);
        self.own.spawns.push((self.id, id, config));
    }

    pub(super) fn timer(&mut self, due: Due, message: &Message) {
        let id = TimerId(self.counters.timers);
        self.counters.timers += 1;
        self.counters.waiting.insert(id);
        self.memory.timers.push(id);
        let timer = Timer {
            due,
            id,
            actor: self.id,
            message: message.clone(),
        };
        self.own.timers.push(timer);
    }

    pub(super) fn refused(&mut self, error: &str) {
        self.memory.refused.push(error.to_owned());
    }
}
