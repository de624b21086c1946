//! The driver and a real crew: without engines here, with one in [`heights`].

mod counting;
mod failing;
mod fixed;
mod halted;
mod heights;
mod keyed;
mod kinds;
mod rig;
mod states;

use super::*;
use crate::blocks::clock::SystemClock;
use crate::blocks::intake::{Answerer, WIRE_CODEC, Way};
use refit_abi::host::{Ingress, Share};
use refit_abi::{ClientId, EngineId, Height};
use refit_kernel::{Executor, GenerationTable};
use refit_ordering::{Solo, SoloConfig};
use refit_store::MemoryStore;
use tokio::sync::oneshot;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a driver may take to end.
const WAIT: Duration = Duration::from_secs(30);

fn message(place: OwnedSemaphorePermit) -> Intake {
    let (answer, _client_is_gone) = oneshot::channel();
    Intake::Message(Submission {
        ingress: Ingress {
            engine: EngineId::root("nobody").unwrap(),
            client: ClientId::of(""),
            share: Share::UNIX,
            sequence: None,
            codec: WIRE_CODEC,
            payload: b"1".to_vec(),
        },
        answer: Answerer {
            answer: Way::One(answer),
            _place: Some(place),
        },
    })
}

/// Runs a driver before which so many messages and then a stop wait; whether it ends.
fn ends_behind(messages: usize) -> bool {
    let executor = Executor::new(GenerationTable::first(Vec::new()));
    let duty = Arc::new(Duty::start("refit-test", 1, executor).unwrap());
    let (intake, outlet) = crate::blocks::intake::channel();
    let places = Arc::new(Semaphore::new(messages));
    for _ in 0..messages {
        let place = places.clone().try_acquire_owned().unwrap();
        assert!(intake.try_send(message(place)).is_ok());
    }
    assert!(intake.try_send(Intake::Stop).is_ok());
    let driver = Driver::new(DriverParts {
        source: Box::new(Solo::new(SoloConfig::default())),
        clock: Arc::new(SystemClock),
        ground: Ground::default(),
        standing: Arc::default(),
        released: Arc::new(Released::beginning(
            refit_admin::Moment {
                height: Height(0),
                generation: refit_abi::Generation(1),
            },
            false,
        )),
        checkpoints: crossbeam_channel::bounded(1).0,
        probation: Arc::default(),
        branches: Vec::new(),
        states: States::default(),
        one_by_one: refit_abi::Height(0),
        anew: refit_abi::Height(0),
        takes_back: false,
        alarms: crossbeam_channel::bounded(1).0,
        store: Arc::new(MemoryStore::default()),
        intake: outlet,
        duty: duty.clone(),
        latest: Arc::default(),
        metrics: Arc::new(Metrics::new()),
        events: crate::answers::events::log(refit_ordering::Branch::default(), Height(0)).writer,
    });
    let (done, ended) = crossbeam_channel::bounded(1);
    std::thread::spawn(move || {
        driver.run();
        let _ = done.send(());
    });
    let ends = ended.recv_timeout(WAIT).is_ok();
    if ends {
        duty.stop();
    }
    ends
}

#[test]
fn a_stop_is_heard_however_many_messages_wait_before_it() {
    for messages in [
        0,
        1,
        INTAKE_PER_TURN_MAX - 1,
        INTAKE_PER_TURN_MAX,
        INTAKE_PER_TURN_MAX + 1,
        2 * INTAKE_PER_TURN_MAX,
    ] {
        assert!(ends_behind(messages), "behind {messages} messages");
    }
}
