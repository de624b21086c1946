//! One handler's run in the model: its script, and what it wishes for.

use super::*;

/// A handler at work.
pub(super) struct Run<'a> {
    pub(super) id: EngineId,
    pub(super) frame: BlockFrame,
    pub(super) core: &'a mut Core,
    pub(super) counters: &'a mut Counters,
    pub(super) own: &'a mut Wishes,
}

impl Run<'_> {
    pub(super) fn letter(&mut self, letter: &Letter) -> End {
        match (&letter.content, letter.sender) {
            (Content::Message(message), sender) => {
                self.core.log.push(Seen {
                    from: sender.into(),
                    tag: message.tag,
                    code: 1,
                });
                self.ops(&message.ops)
            }
            (Content::Notice(_), _) if self.core.brittle => End::Panic,
            (Content::Notice(reason), Sender::Engine(about)) => {
                self.core.notices.push((about, format!("{reason:?}")));
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
            Op::Send { to, message } => self.send(*to, message.clone()),
            Op::Flood { to, count, bytes } => {
                for _ in 0..*count {
                    if self.own.sends.len() == SENDS_PER_MESSAGE_MAX {
                        return self.refused("Budget");
                    }
                    self.send(*to, padded(*bytes));
                }
            }
            Op::Spawn { config } => self.spawn(config.clone()),
            Op::SpawnMany { count } => {
                for _ in 0..*count {
                    if self.own.spawns.len() == SPAWNS_PER_MESSAGE_MAX {
                        return self.refused("Budget");
                    }
                    self.spawn(Config::default());
                }
            }
            Op::SpawnGhost => self.refused("Unknown"),
            Op::SpawnMistaken => self.refused("Schema"),
            Op::SendChild { nth, message } => {
                if let Some(child) = self.core.children.get(*nth as usize) {
                    self.send(*child, message.clone());
                }
            }
            Op::Stop { engine } => self.own.stops.push((self.id, *engine)),
            Op::StopChild { nth } => {
                if let Some(child) = self.core.children.get(*nth as usize) {
                    self.own.stops.push((self.id, *child));
                }
            }
            Op::TimerAfterBlocks { blocks: 0, .. } | Op::TimerAfterTime { millis: 0, .. } => {
                self.refused("Past");
            }
            Op::TimerAfterBlocks { blocks, message } => {
                self.timer(Due::Height(Height(self.frame.height.0 + blocks)), message);
            }
            Op::TimerAfterTime { millis, message } => {
                self.timer(Due::Time(BlockTime(self.frame.time.0 + millis)), message);
            }
            Op::Emit { bytes } => {
                let payload = serde_json::to_vec(&"7".repeat(*bytes as usize)).unwrap();
                let topic = "topic".to_owned();
                self.own.outcome.events.push(Emitted {
                    engine: self.id,
                    topic,
                    payload,
                });
            }
            Op::Log { text } => {
                let line = LogLine {
                    engine: self.id,
                    level: 3,
                    line: text.clone(),
                };
                self.own.outcome.log(line);
            }
            Op::PanicOnNotice => self.core.brittle = true,
            Op::CancelTimer { nth } => {
                if let Some(id) = self.core.timers.get(*nth as usize).copied() {
                    match self.counters.waiting.remove(&id) {
                        true => self.own.cancelled.push((self.id, id)),
                        false => self.refused("Unknown"),
                    }
                }
            }
            Op::TimerInTongues => self.refused("Schema"),
            Op::TimerMany { .. }
            | Op::FailHalfDone
            | Op::Budget
            | Op::Random
            | Op::Fail
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
        self.core.children.push(id);
        self.own.spawns.push((self.id, id, config));
    }

    pub(super) fn timer(&mut self, due: Due, message: &Message) {
        let id = TimerId(self.counters.timers);
        self.counters.timers += 1;
        self.counters.waiting.insert(id);
        self.core.timers.push(id);
        let timer = Timer {
            due,
            id,
            actor: self.id,
            message: message.clone(),
        };
        self.own.timers.push(timer);
    }

    pub(super) fn refused(&mut self, error: &str) {
        self.core.refused.push(error.to_owned());
    }
}
