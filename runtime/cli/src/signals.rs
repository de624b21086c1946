//! [`Signals`]: the signals that end a command which runs until then.
//!
//! SIGINT, SIGTERM and SIGHUP mean the same. SIGHUP stays ignored if the parent process ignored it, as `nohup` does
//! for one that is to outlive its terminal.

use refit_loader::sys::signals::Signal as Number;
use std::future::pending;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals, which do not end the process by themselves any more.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// None if it is ignored.
    hangup: Option<Signal>,
}

impl Signals {
    /// Takes them over. Called inside a runtime.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn take() -> io::Result<Self> {
        let hangup = match Number::HANGUP.is_ignored() {
            true => None,
            false => Some(signal(SignalKind::hangup())?),
        };
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup,
        })
    }

    /// Until one of them comes; `None` if none can come any more.
    pub(crate) async fn next(&mut self) -> Option<()> {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            told = self.terminate.recv() => told,
            told = self.interrupt.recv() => told,
            told = hangup => told,
        }
    }
}
