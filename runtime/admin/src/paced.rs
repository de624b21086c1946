//! A connection's stream with a least rate: a client that does not take what it asked for is cut off.
//!
//! A *spell* begins when the system takes no more bytes, and ends when all that was to be written is written. In each
//! [`WriteRate::window`] of a spell the client has to take some bytes, else the stream fails with `TimedOut`. Once the
//! listener ends, a client that takes nothing for [`WriteRate::stop_wait`] is given up.

use crate::limits::{LINGER_BYTES_MAX, LINGER_WAIT};
use crate::seat::Seat;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Bytes that are read at once, and thrown away, from a client that is not served any more.
const LINGER_CHUNK_BYTES: usize = 4 << 10;

/// The rate at which a client has to take an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteRate {
    /// The time that is looked at.
    pub(crate) window: Duration,
    /// Bytes that it takes in that time, at the least.
    pub(crate) bytes_min: usize,
    /// The time in which it has to take something at all, once the listener ends.
    pub(crate) stop_wait: Duration,
}

/// The stream of one connection.
#[derive(Debug)]
pub(crate) struct Paced<S> {
    stream: S,
    seat: Arc<Seat>,
    rate: WriteRate,
    spell: Option<Spell>,
    is_shut: bool,
    linger: Option<Linger>,
}

#[derive(Debug)]
struct Spell {
    window_ends: Pin<Box<Sleep>>,
    bytes: usize,
    /// It is counted by the rule of a listener that ends.
    is_last: bool,
}

#[derive(Debug)]
struct Linger {
    ends: Pin<Box<Sleep>>,
    bytes: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Paced<S> {
    pub(crate) fn new(stream: S, seat: Arc<Seat>, rate: WriteRate) -> Self {
        Self {
            stream,
            seat,
            rate,
            spell: None,
            is_shut: false,
            linger: None,
        }
    }

    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.seat.moved();
                if let Some(spell) = &mut self.spell {
                    spell.bytes += bytes;
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                ready!(self.poll_spell(cx));
                let detail = "the client does not read what it asked for";
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, detail)))
            }
        }
    }

    /// Ready when the client has taken too little.
    fn poll_spell(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_last = self.seat.is_ending();
        let (window, bytes_min) = match is_last {
            true => (self.rate.stop_wait, 1),
            false => (self.rate.window, self.rate.bytes_min),
        };
        let spell = self.spell.get_or_insert_with(|| Spell {
            window_ends: Box::pin(sleep(window)),
            bytes: 0,
            is_last,
        });
        if is_last && !std::mem::replace(&mut spell.is_last, true) {
            spell.bytes = 0;
            spell.window_ends.as_mut().reset(Instant::now() + window);
        }
        loop {
            ready!(spell.window_ends.as_mut().poll(cx));
            if spell.bytes < bytes_min {
                return Poll::Ready(());
            }
            spell.bytes = 0;
            spell.window_ends.as_mut().reset(Instant::now() + window);
        }
    }

    /// Reads what the client still sends, and throws it away, for a bounded time.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Linger {
            ends: Box::pin(sleep(LINGER_WAIT)),
            bytes: 0,
        });
        while linger.ends.as_mut().poll(cx).is_pending() && linger.bytes < LINGER_BYTES_MAX {
            let mut chunk = [0; LINGER_CHUNK_BYTES];
            let mut chunk = ReadBuf::new(&mut chunk);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut chunk)) {
                Ok(()) if !chunk.filled().is_empty() => linger.bytes += chunk.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        if into.filled().len() > before {
            self.seat.moved();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.spell = None;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.is_shut = true;
        }
        if self.seat.lingers() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}
