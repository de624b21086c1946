//! The engines as the metrics show them.

use super::WAIT;
use super::kinds::Message;
use super::rig::{Rig, Set};
use std::time::Instant;

impl Rig {
    /// Turns the driver until the metrics show so many engines; no client sends anything meanwhile.
    fn shows(&mut self, engines: u64) {
        let line = format!("refit_engines{{kind=\"clock\"}} {engines}\n");
        let began = Instant::now();
        loop {
            let text = self.driver.as_ref().unwrap().parts.metrics.encode();
            if text.contains(&line) {
                return;
            }
            assert!(began.elapsed() < WAIT, "not {engines}: {text}");
            self.turn();
        }
    }
}

#[test]
fn engines_that_start_and_stop_are_counted_though_no_block_comes_after() {
    let mut rig = Rig::new(Set::default());
    let _ticked = rig.send(&Message::Tick);
    rig.block();
    rig.shows(1);
    for (message, engines) in [(Message::Start, 2), (Message::Start, 3), (Message::Stop, 2)] {
        let answered = rig.send(&message);
        rig.block();
        assert!(rig.waits(answered).unwrap().is_ok());
        rig.shows(engines);
    }
}
