//! Tells the supervisor of a node's process how far the node is: systemd with `Type=notify`, or whoever else has set
//! `NOTIFY_SOCKET`.
//!
//! Each word is one datagram. A supervisor that is gone, or does not read for a second, is no failure of the node.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The variable that names the supervisor's socket.
const SOCKET: &str = "NOTIFY_SOCKET";

/// How often a word is sent whose socket has a full queue.
const TRIES_MAX: u32 = 20;

/// Time between two such tries.
const TRY_INTERVAL: Duration = Duration::from_millis(50);

/// The node serves.
pub(super) async fn ready() {
    tell("READY=1").await;
}

/// The node ends.
pub(super) async fn stopping() {
    tell("STOPPING=1").await;
}

async fn tell(word: &str) {
    let name = socket();
    if !name.is_empty()
        && let Err(error) = send_in_time(&name, word).await
    {
        let socket = name.display();
        tracing::warn!(%error, %socket, "cannot tell the supervisor that {word}");
    }
}

/// A path need not be text.
fn socket() -> OsString {
    std::env::var_os(SOCKET).unwrap_or_default()
}

/// Sends one word; again, for a second, where many words wait to be read: a supervisor that never hears that the node
/// serves would end it.
async fn send_in_time(name: &OsStr, word: &str) -> io::Result<()> {
    for _ in 1..TRIES_MAX {
        match send(name, word) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(TRY_INTERVAL).await;
            }
            sent => return sent,
        }
    }
    send(name, word)
}

/// Sends one word to the socket of this name, which is not in the file system if it begins with `@`.
fn send(name: &OsStr, word: &str) -> io::Result<()> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    // The thread has others to serve meanwhile.
    socket.set_nonblocking(true)?;
    socket.send_to_addr(word.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_word_comes_to_a_socket_with_a_path_and_to_one_without() {
        let folder = tempfile::tempdir().unwrap();
        // No text in UTF-8.
        let path = folder.path().join(OsStr::from_bytes(b"notify-\xff.sock"));
        let name = format!("refit-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        for (listener, name) in [
            (UnixDatagram::bind(&path), path.into_os_string()),
            (UnixDatagram::bind_addr(&address), format!("@{name}").into()),
        ] {
            send(&name, "READY=1").unwrap();
            assert_eq!(heard(&listener.unwrap()), b"READY=1");
        }
        let nobody = folder.path().join("nobody.sock");
        assert!(send(nobody.as_os_str(), "READY=1").is_err());
    }

    fn heard(listener: &UnixDatagram) -> Vec<u8> {
        let mut heard = [0; 16];
        let length = listener.recv(&mut heard).unwrap();
        heard[..length].to_vec()
    }

    #[tokio::test]
    async fn a_word_waits_for_room_and_for_no_more_than_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify.sock");
        let listener = UnixDatagram::bind(&path).unwrap();
        while send(path.as_os_str(), "STATUS=busy").is_ok() {}
        let begun = Instant::now();
        let error = send_in_time(path.as_os_str(), "READY=1").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(begun.elapsed() >= TRY_INTERVAL * (TRIES_MAX - 1));
        let reads = async {
            tokio::time::sleep(TRY_INTERVAL * 3).await;
            assert_eq!(heard(&listener), b"STATUS=busy");
        };
        let (sent, ()) = tokio::join!(send_in_time(path.as_os_str(), "READY=1"), reads);
        sent.unwrap();
    }
}
