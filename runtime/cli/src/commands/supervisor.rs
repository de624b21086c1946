//! Tells the supervisor of a node's process how far the node is: systemd with `Type=notify`, or whoever else has set
//! `NOTIFY_SOCKET`.
//!
//! Each word is one datagram. A supervisor that is gone, or does not read, is no failure of the node.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The variable that names the supervisor's socket.
const SOCKET: &str = "NOTIFY_SOCKET";

/// The node serves.
pub(super) fn ready() {
    tell("READY=1");
}

/// The node ends.
pub(super) fn stopping() {
    tell("STOPPING=1");
}

fn tell(word: &str) {
    let name = std::env::var(SOCKET).unwrap_or_default();
    if !name.is_empty()
        && let Err(error) = send(&name, word)
    {
        tracing::warn!(%error, socket = name, "cannot tell the supervisor that {word}");
    }
}

/// Sends one word to the socket of this name, which is not in the file system if it begins with `@`.
fn send(name: &str, word: &str) -> io::Result<()> {
    let address = match name.strip_prefix('@') {
        Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    // A full queue is no reason to wait.
    socket.set_nonblocking(true)?;
    socket.send_to_addr(word.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_comes_to_a_socket_with_a_path_and_to_one_without() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify.sock");
        let name = format!("refit-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        for (listener, name) in [
            (UnixDatagram::bind(&path), path.display().to_string()),
            (UnixDatagram::bind_addr(&address), format!("@{name}")),
        ] {
            send(&name, "READY=1").unwrap();
            let mut heard = [0; 16];
            let length = listener.unwrap().recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], b"READY=1");
        }
        let nobody = folder.path().join("nobody.sock");
        assert!(send(nobody.to_str().unwrap(), "READY=1").is_err());
    }
}
