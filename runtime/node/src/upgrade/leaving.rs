//! The end of a crew. After its pause it leads on until its successor takes over. As its threads end they drop what
//! engines keep in thread-local values: code of engines, which may not return. So a crew is joined on a thread of its
//! own and waited for within a bound; as long as it lingers, nothing that it may have entered is unmapped.

use super::Upgrades;
use super::refused::{UpgradeRefused, refused};
use crate::limits::{CREW_END_MAX, LINGERING_CREWS_MAX};
use crossbeam_channel::bounded;
use refit_abi::codes;
use refit_admin::api;
use refit_kernel::crew::{Crew, OnDuty, TookOver};

/// A crew that is to end.
pub(super) struct Leaving {
    pub(super) crew: Option<Crew>,
    /// The time at which its successor comes on duty, if it has one.
    pub(super) takes_over: Option<OnDuty>,
}

impl Leaving {
    /// Joins the crew, and returns when its successor has taken over. A crew that does not end in time is logged, and
    /// keeps all code mapped until it ends.
    pub(super) fn join(self, upgrades: &Upgrades) -> Option<TookOver> {
        let crew = self.crew?;
        // It executes blocks until then, and the watchdog of calls looks at it. If none takes over the node ends.
        let took_over = self.takes_over.and_then(OnDuty::wait);
        upgrades.watched.off_duty(&crew.records());
        join(upgrades, crew);
        took_over
    }
}

fn join(upgrades: &Upgrades, crew: Crew) {
    let name = crew.name().to_owned();
    // Before the thread that waits exists: no module may go in between.
    let hold = upgrades.loader.hold();
    let (tell, joined) = bounded(1);
    let waits = move || {
        crew.join();
        hold.release();
        // Nobody receives it for a crew that has lingered.
        let _ = tell.send(());
    };
    let thread = std::thread::Builder::new().name("refit-join".to_owned());
    let thread = match thread.spawn(waits) {
        Ok(thread) => thread,
        Err(error) => {
            tracing::error!(crew = name, %error, "cannot start a thread to join the crew: its code stays mapped");
            return;
        }
    };
    match joined.recv_timeout(CREW_END_MAX) {
        Ok(()) => {
            // It has said its last: nothing of an engine runs on it.
            let _ = thread.join();
        }
        Err(_) => {
            let libraries = upgrades.state.lock().libraries.names().join(", ");
            tracing::error!(
                crew = name,
                libraries,
                "a thread of the crew does not end: a destructor of a thread-local value of an engine does not \
                 return after {} s; no code is unmapped until it does",
                CREW_END_MAX.as_secs()
            );
        }
    }
}

/// Whether so few crews linger that a further one may be started.
pub(super) fn has_room(upgrades: &Upgrades) -> Result<(), UpgradeRefused> {
    let lingering = upgrades.loader.holds();
    if lingering < LINGERING_CREWS_MAX {
        return Ok(());
    }
    Err(refused(
        api::Phase::Armed,
        codes::CREWS_LINGER,
        &format!("the threads of {lingering} crews of earlier generations do not end"),
        "restart the node, with engines whose thread-local values have destructors that return",
    ))
}
