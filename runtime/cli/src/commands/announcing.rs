//! [`Announcer`]: says each step of a node on a descriptor that whoever started it left open, and waits there for one byte
//! before the node goes on. `refit chaos` ends the node between the two.
//!
//! A step is a line: what the store calls it, or `phase-` and the phase of an upgrade. One is said at a time. The phases
//! inside of a pause are not said, since nothing may wait there: `phase-resumed` follows them. Where nobody listens any
//! more, or nobody answers in time, the node goes on and says no more.

use refit_loader::sys::inherited;
use refit_node::{Step, Steps};
use refit_upgrade::{Phase, Watch, Withdrawn};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Longest wait for the byte.
const ANSWER_WAIT: Timespec = Timespec {
    tv_sec: 60,
    tv_nsec: 0,
};

/// Says the steps of one node.
#[derive(Clone, Debug)]
pub(crate) struct Announcer {
    /// As whoever started this process has left it open.
    descriptor: i32,
    /// Gone once nobody listens.
    listener: Arc<Mutex<Option<File>>>,
}

/// Why the steps cannot be said.
#[derive(Debug)]
pub(crate) struct NotOpen {
    descriptor: i32,
    source: io::Error,
}

/// The phases of upgrades, as steps.
#[derive(Debug)]
pub(crate) struct Phases(Announcer);

impl Announcer {
    /// On this descriptor, which no child of this process gets.
    pub(crate) fn on(descriptor: i32) -> Result<Self, NotOpen> {
        let taken = inherited::take(descriptor);
        let taken = taken.map_err(|source| NotOpen { descriptor, source })?;
        Ok(Self {
            descriptor,
            listener: Arc::new(Mutex::new(Some(File::from(taken)))),
        })
    }

    /// Says the phases of upgrades, too.
    pub(crate) fn phases(&self) -> Phases {
        Phases(self.clone())
    }

    /// The process goes on as another program, which says its steps to whoever listens to these: `why` is the last of this
    /// one.
    pub(crate) fn goes_on(&self, why: &str) {
        self.say(&why);
        // Not open any more: the next program says so.
        inherited::goes_along(self.descriptor);
    }

    fn say(&self, step: &dyn fmt::Display) {
        let listener = self.listener.lock();
        let mut listener = listener.unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &mut *listener
            && let Err(error) = said(file, step)
        {
            tracing::warn!("nobody listens to the steps of this node any more: {error}");
            *listener = None;
        }
    }
}

fn said(file: &mut File, step: &dyn fmt::Display) -> io::Result<()> {
    // In one write: a line is there whole or not at all.
    file.write_all(format!("{step}\n").as_bytes())?;
    let mut answers = [PollFd::new(file, PollFlags::IN)];
    loop {
        match poll(&mut answers, Some(&ANSWER_WAIT)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    file.read_exact(&mut [0])
}

impl Steps for Announcer {
    fn at(&self, step: Step<'_>) {
        self.say(&step);
    }
}

impl Watch for Phases {
    fn reached(&mut self, phase: Phase) -> Result<(), Withdrawn> {
        match phase {
            // The pause lasts: nothing may wait.
            Phase::Quiesced | Phase::Transitioned | Phase::Committed => {}
            phase => self.0.say(&format_args!("phase-{phase}")),
        }
        Ok(())
    }
}

impl fmt::Display for NotOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { descriptor, source } = self;
        write!(f, "nothing is open under descriptor {descriptor}: {source}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::{FdFlags, fcntl_setfd};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn each_phase_outside_of_the_pause_is_a_line_and_the_node_waits_for_an_answer() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        fcntl_setfd(&theirs, FdFlags::empty()).unwrap();
        let announcer = Announcer::on(theirs.as_raw_fd()).unwrap();
        drop(theirs);
        let mut phases = announcer.phases();
        let node = std::thread::spawn(move || {
            for phase in Phase::ALL {
                phases.reached(phase).unwrap();
            }
        });
        let mut heard = String::new();
        for said in ["staged", "probed", "rehearsed", "armed", "resumed"] {
            let line = format!("phase-{said}\n");
            let mut bytes = vec![0; line.len()];
            ours.read_exact(&mut bytes).unwrap();
            heard += &String::from_utf8(bytes).unwrap();
            assert!(heard.ends_with(&line), "{heard}");
            assert!(!node.is_finished());
            ours.write_all(b".").unwrap();
        }
        // It goes on where nobody listens.
        drop(ours);
        node.join().unwrap();
        assert!(announcer.listener.lock().unwrap().is_none());
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_said_to_be_so() {
        let error = Announcer::on(-1).unwrap_err();
        assert!(error.to_string().contains("descriptor -1"), "{error}");
    }
}
