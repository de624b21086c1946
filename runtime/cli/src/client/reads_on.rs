//! A stream that is read to its end though nothing can be written to it any more: a node that ends a request says why
//! before it closes, while the client may still be sending.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Errors that mean that the other side reads no more.
const GONE: [ErrorKind; 4] = [
    ErrorKind::BrokenPipe,
    ErrorKind::ConnectionAborted,
    ErrorKind::ConnectionReset,
    ErrorKind::NotConnected,
];

/// The stream of one connection. Once the other side reads no more, what is written is thrown away.
#[derive(Debug)]
pub(super) struct ReadsOn<S> {
    stream: S,
    is_gone: bool,
}

impl<S> ReadsOn<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            is_gone: false,
        }
    }

    /// Notes the result of writing so many bytes.
    fn wrote(&mut self, bytes: usize, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Err(error)) if GONE.contains(&error.kind()) => {
                self.is_gone = true;
                Poll::Ready(Ok(bytes))
            }
            written => written,
        }
    }

    /// Notes the result of a call that writes nothing by itself.
    fn settled(&mut self, settled: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        self.wrote(0, settled.map_ok(|()| 0)).map_ok(|_| ())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadsOn<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadsOn<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_gone {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(bytes.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        if self.is_gone {
            return Poll::Ready(Ok(bytes));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(bytes, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.settled(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.settled(shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    #[tokio::test]
    async fn what_has_come_is_read_though_the_other_side_is_gone() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut ours = ReadsOn::new(ours);
        theirs.write_all(b"the reason").await.unwrap();
        drop(theirs);
        for _ in 0..3 {
            ours.write_all(&[0; 100_000]).await.unwrap();
            ours.flush().await.unwrap();
        }
        let mut said = String::new();
        ours.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "the reason");
        ours.shutdown().await.unwrap();
    }
}
