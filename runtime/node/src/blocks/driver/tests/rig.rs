//! A driver with a real crew and one engine, turned by hand or by its own thread.

use super::kinds::{Config, Message, v1, v2};
use super::*;
use crate::blocks::clock::SystemClock;
use crate::blocks::intake::{Door, Way};
use crate::pause::waiting::Becomes;
use crate::pause::{LetGo, Point, Recall, Resumed, Waiting, Watches};
use crossbeam_channel::Sender;
use refit_abi::EngineId;
use refit_abi::host::{BlockFrame, Module};
use refit_admin::Replied;
use refit_kernel::crew::Crew;
use refit_kernel::{Configuration, Executor, GenerationTable};
use refit_ordering::{Entry, Solo, SoloConfig, Tip};
use refit_store::MemoryStore;
use refit_upgrade::{Armed, Directives, Plan, Unwatched};
use std::thread::JoinHandle;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// The options of a test's node.
pub(super) struct Set {
    pub(super) config: Config,
    pub(super) tip: Tip,
    pub(super) block_interval_millis: u64,
    pub(super) idle_interval_millis: u64,
    /// Solo ordering if absent.
    pub(super) source: Option<Box<dyn BlockSource>>,
    pub(super) states: States,
}

impl Default for Set {
    fn default() -> Self {
        Self {
            config: Vec::new(),
            tip: Tip::default(),
            block_interval_millis: 2,
            idle_interval_millis: 1_000,
            source: None,
            states: States::default(),
        }
    }
}

pub(super) struct Rig {
    /// Until it is given to a thread of its own.
    pub(super) driver: Option<Driver>,
    pub(super) intake: Sender<Intake>,
    pub(super) latest: Arc<Mutex<Latest>>,
    pub(super) standing: Arc<Standing>,
    thread: Option<JoinHandle<()>>,
    duty: Arc<Duty>,
    door: Door,
    runtime: Runtime,
}

/// An armed upgrade on its way, as its own thread sees it.
pub(super) struct Armament {
    pub(super) resumed: Receiver<Resumed>,
    pub(super) why: Receiver<LetGo>,
    pub(super) recall: Arc<Recall>,
    crew: Crew,
}

/// The reply to a message, once it is there.
pub(super) type Answered = oneshot::Receiver<Result<Replied, Refusal>>;

impl Rig {
    pub(super) fn new(set: Set) -> Self {
        let module = Module::linked(v1::module()).unwrap();
        let mut executor = Executor::new(GenerationTable::first(module.kinds().collect()));
        let config = serde_json::to_vec(&set.config).unwrap();
        let config = Configuration::json(config.as_slice());
        let frame = BlockFrame {
            height: set.tip.height,
            time: set.tip.time,
            ..BlockFrame::default()
        };
        executor.start(id(), "clock", config, frame).unwrap();
        let awaited = Awaited {
            height: set.tip.height,
            ..executor.awaited()
        };
        let duty = Arc::new(Duty::start("rig", 1, executor).unwrap());
        let (intake, outlet) = crate::blocks::intake::channel();
        let (latest, standing) = (Arc::default(), Arc::default());
        let solo = SoloConfig {
            block_interval_millis: set.block_interval_millis,
            idle_interval_millis: set.idle_interval_millis,
            ..SoloConfig::default()
        };
        let driver = Driver::new(DriverParts {
            source: set.source.unwrap_or_else(|| Box::new(Solo::new(solo))),
            clock: Arc::new(SystemClock),
            ground: Ground {
                tip: set.tip,
                ..Ground::default()
            },
            standing: Arc::clone(&standing),
            released: Arc::new(Released::beginning(
                refit_admin::Moment {
                    height: set.tip.height,
                    generation: refit_abi::Generation(1),
                },
                false,
            )),
            checkpoints: crossbeam_channel::bounded(1).0,
            probation: Arc::default(),
            branches: Vec::new(),
            states: set.states,
            one_by_one: refit_abi::Height(0),
            anew: refit_abi::Height(0),
            takes_back: false,
            alarms: crossbeam_channel::bounded(1).0,
            store: Arc::new(MemoryStore::after(set.tip.height)),
            intake: outlet,
            duty: duty.clone(),
            latest: Arc::clone(&latest),
            metrics: Arc::new(Metrics::new()),
            events: crate::answers::events::log(refit_ordering::Branch::default(), set.tip.height)
                .writer,
        });
        let sent = intake.try_send(Intake::Started(awaited));
        assert!(sent.is_ok());
        Self {
            driver: Some(driver),
            intake,
            latest,
            standing,
            thread: None,
            duty,
            door: Door::new(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap(),
        }
    }

    /// Lets the driver run on a thread of its own.
    pub(super) fn run(&mut self) {
        let driver = self.driver.take().unwrap();
        self.thread = Some(std::thread::spawn(move || driver.run()));
    }

    pub(super) fn height(&self) -> Height {
        match &self.driver {
            Some(driver) => driver.ground.tip.height,
            None => self.latest.lock().height,
        }
    }

    /// Messages that were handled.
    pub(super) fn handled(&self) -> u64 {
        self.latest.lock().counts.blocks.messages
    }

    pub(super) fn send(&self, message: &Message) -> Answered {
        self.send_under(None, message)
    }

    /// Sends under a number of the rig's own, if it is given one.
    pub(super) fn send_under(&self, sequence: Option<u64>, message: &Message) -> Answered {
        let place = self.runtime.block_on(self.door.enter()).unwrap();
        let (answer, answered) = oneshot::channel();
        let submission = Submission {
            ingress: ingress(sequence, message),
            answer: Answerer {
                answer: Way::One(answer),
                _place: Some(place),
            },
        };
        assert!(self.intake.send(Intake::Message(submission)).is_ok());
        answered
    }

    /// The answer to a message; none if nobody gives one any more.
    pub(super) fn waits(&self, answered: Answered) -> Option<Result<Replied, Refusal>> {
        self.runtime.block_on(answered).ok()
    }

    /// Has the crew panic, between two blocks, once what this gives is dropped.
    pub(super) fn breaks_crew(&self, said: &'static str) -> Sender<()> {
        let (when, waits) = crossbeam_channel::bounded(1);
        let broken = move |_: &mut Executor| {
            let _ = waits.recv();
            panic!("{said}")
        };
        self.duty.call(broken).unwrap();
        when
    }

    /// Has the crew wait, before the next block, until what this gives is dropped.
    pub(super) fn holds_crew(&self) -> Sender<()> {
        let (when, waits) = crossbeam_channel::bounded(1);
        let held = move |_: &mut Executor| {
            let _ = waits.recv();
        };
        self.duty.call(held).unwrap();
        when
    }

    /// Turns the driver until a block more is made, and its effects have left.
    pub(super) fn block(&mut self) {
        self.makes_block();
        self.let_out();
    }

    /// The effects of the newest block leave the node.
    pub(super) fn let_out(&mut self) {
        self.driver.as_mut().unwrap().let_out();
    }

    /// Turns the driver until a block more is made.
    pub(super) fn makes_block(&mut self) {
        let before = self.height();
        while self.height() == before {
            self.turn();
        }
    }

    pub(super) fn turn(&mut self) {
        assert!(self.driver.as_mut().unwrap().turn().is_ok());
    }

    /// Sends the driver an upgrade to version 2.
    pub(super) fn arm(&self, at_height: Option<Height>) -> Armament {
        let table = self.duty.ask(|it| it.table(), WAIT).unwrap();
        let new = [Module::linked(v2::module()).unwrap()];
        let plan = Plan::at_hand(&table, &new, &Directives::default()).unwrap();
        let armed = Armed::new(&plan, &table, &new).unwrap();
        let (to_driver, for_driver) = crossbeam_channel::bounded(1);
        let (to_us, resumed) = crossbeam_channel::bounded(1);
        let (let_go, why) = crossbeam_channel::bounded(1);
        let watches = Watches {
            watch: Arc::new(Mutex::new(Unwatched)),
            watched: Arc::default(),
        };
        let recall = Arc::new(Recall::default());
        let (next_block, _) = crossbeam_channel::bounded(1);
        let crew = self.duty.next("next").unwrap();
        let waiting = Waiting {
            point: Box::new(Point::new(Arc::new(armed), watches, vec![to_driver, to_us])),
            baton: crew.baton(),
            at_height,
            becomes: Becomes::default(),
            entry: None,
            resumed: for_driver,
            next_block,
            let_go,
            recall: recall.clone(),
        };
        let sent = self.intake.send(Intake::Upgrade(Box::new(waiting)));
        assert!(sent.is_ok());
        Armament {
            resumed,
            why,
            recall,
            crew,
        }
    }

    /// Puts the crew that an upgrade came with in the place of the one that ran it.
    pub(super) fn changes_crews(&mut self, armament: Armament) {
        self.duty.relieve(armament.crew).unwrap().join();
    }
}

impl Armament {
    /// Ends the crew of an upgrade that did not happen.
    pub(super) fn ends(self) {
        self.crew.join();
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.intake.send(Intake::Stop);
        drop(self.driver.take());
        let _ = self.thread.take().map(JoinHandle::join);
        self.duty.stop();
    }
}

fn id() -> EngineId {
    EngineId::root("clock").unwrap()
}

/// A message of the rig's own client.
fn ingress(sequence: Option<u64>, message: &Message) -> Ingress {
    Ingress {
        engine: id(),
        client: ClientId::of("rig"),
        share: Share::UNIX,
        sequence,
        codec: WIRE_CODEC,
        payload: serde_json::to_vec(message).unwrap(),
    }
}

/// The entry of a message without a key.
pub(super) fn entry(message: &Message) -> Entry {
    Entry::Message(refit_ordering::Message {
        ingress: ingress(None, message),
        authenticator: Vec::new(),
    })
}
