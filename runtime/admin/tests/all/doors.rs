//! The doors of a server: the socket's mode and owner, the token, `Host` and `Origin`; and how a server ends.

use crate::support::{Seen, Served, TOKEN, request};
use refit_admin::{Address, BATCH_CONTENT_TYPE, BindError, Limits, Listen, Server, Share, Token};
use refit_test_support::Double;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

async fn bind(path: &Path) -> Result<Server, BindError> {
    Server::bind(
        Listen::Unix(path.to_owned()),
        Arc::new(Double::default()),
        Limits::default(),
    )
    .await
}

#[tokio::test]
async fn the_socket_is_open_to_its_owner_alone() {
    let served = Served::unix().await;
    let Address::Unix(path) = &served.address else {
        panic!("no unix socket")
    };
    assert_eq!(
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        served.address.to_string(),
        format!("unix:{}", path.display())
    );
}

#[tokio::test]
async fn a_socket_for_a_group_is_open_to_its_members_and_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    // Of those that are there, one that this user may give a file to.
    let group = std::fs::metadata(folder.path()).unwrap().gid();
    let listen = Listen::UnixGroup {
        path: path.clone(),
        group,
    };
    let served = Served::start(Some(listen), Double::default(), Limits::default()).await;
    let socket = std::fs::metadata(&path).unwrap();
    assert_eq!(
        (socket.permissions().mode() & 0o777, socket.gid()),
        (0o660, group)
    );
    let lock = std::fs::metadata(folder.path().join("admin.sock.lock")).unwrap();
    assert_eq!(lock.permissions().mode() & 0o777, 0o600);
    assert_eq!(served.get("/livez").await.status, 200);
}

#[tokio::test]
async fn a_group_that_the_socket_does_not_get_is_refused_and_leaves_no_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    // This number means "leave it as it is" to the system, which says that all went well.
    let group = u32::MAX;
    let listen = Listen::UnixGroup {
        path: path.clone(),
        group,
    };
    let bound = Server::bind(listen, Arc::new(Double::default()), Limits::default()).await;
    let error = bound.map(drop).unwrap_err();
    assert!(matches!(error, BindError::OtherGroup { .. }), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_path_that_is_too_long_for_a_socket_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let error = bind(&folder.path().join("x".repeat(120)))
        .await
        .unwrap_err();
    assert!(matches!(error, BindError::Unix { .. }), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_second_node_is_refused_and_the_first_goes_on() {
    let served = Served::unix().await;
    let error = bind(&served.folder.path().join("admin.sock"))
        .await
        .unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }), "{error}");
    assert_eq!(served.get("/livez").await.status, 200);
}

#[tokio::test]
async fn a_listener_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(matches!(
        bind(&path).await.unwrap_err(),
        BindError::InUse { .. }
    ));
    assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
}

#[tokio::test]
async fn the_socket_of_a_dead_node_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    assert!(bind(&path).await.is_ok());
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    std::fs::write(&path, "precious").unwrap();
    assert!(matches!(
        bind(&path).await.unwrap_err(),
        BindError::NotASocket { .. }
    ));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_pipe_in_the_place_of_the_lock_is_named_and_not_waited_for() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let lock = folder.path().join("admin.sock.lock");
    mknodat(CWD, &lock, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let error = bind(&path).await.unwrap_err();
    assert!(matches!(error, BindError::NoLock { .. }), "{error}");
    // Also one that somebody reads.
    let reads = std::fs::File::options().read(true).write(true).open(&lock);
    let error = bind(&path).await.unwrap_err();
    assert!(matches!(error, BindError::NoLock { .. }), "{error}");
    drop(reads.unwrap());
}

#[tokio::test]
async fn a_shutdown_lets_go_of_the_path() {
    let served = Served::unix().await;
    let mut idle = served.connect().await;
    assert_eq!(idle.ask(request("GET", "/livez", "")).await.status, 200);
    served.shutdown.begin();
    tokio::time::timeout(Duration::from_secs(5), served.task)
        .await
        .unwrap()
        .unwrap();
    let path = served.folder.path().join("admin.sock");
    assert!(!path.exists());
    assert!(bind(&path).await.is_ok());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let limits = Limits {
        shutdown_wait: Duration::from_millis(100),
        ..Limits::default()
    };
    let served = Served::with(Double::default(), limits).await;
    let mut client = served.connect().await;
    let request = request("POST", "/v1/engines/slow/messages", "1");
    let asking = tokio::spawn(async move { client.ask(request).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    served.shutdown.begin();
    tokio::time::timeout(Duration::from_secs(5), served.task)
        .await
        .unwrap()
        .unwrap();
    assert!(asking.await.is_err(), "the request was cut");
}

#[tokio::test]
async fn tcp_asks_for_the_token_on_every_route() {
    let served = Served::tcp().await;
    let host = served.address.to_string().replace("http://", "");
    for (path, token) in [
        ("/v1/status", None),
        ("/livez", None),
        ("/metrics", Some("wrong")),
    ] {
        let mut request = request("GET", path, "");
        request.headers_mut().insert("host", host.parse().unwrap());
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        let seen = served.ask(request).await;
        seen.is_problem(401, "unauthorised");
        assert_eq!(seen.header("www-authenticate"), Some("Bearer"));
        assert!(!seen.text.contains(TOKEN));
    }
    assert_eq!(ask_tcp(&served, &host, None).await.status, 200);
}

#[tokio::test]
async fn tcp_refuses_a_name_that_is_not_its_own_even_with_the_token() {
    let served = Served::tcp().await;
    let host = served.address.to_string().replace("http://", "");
    let port = host.rsplit(':').next().unwrap();
    for name in [
        format!("evil.example:{port}"),
        "localhost".to_owned(),
        format!("[::1]:{port}"),
    ] {
        ask_tcp(&served, &name, None)
            .await
            .is_problem(403, "host-refused");
    }
    for origin in ["http://evil.example", "null", "https://localhost"] {
        ask_tcp(&served, &host, Some(origin))
            .await
            .is_problem(403, "origin-refused");
    }
    let named = format!("localhost:{port}");
    assert_eq!(
        ask_tcp(&served, &named, Some(&format!("http://{host}")))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn tcp_refuses_a_request_with_two_hosts_or_none() {
    let served = Served::tcp().await;
    let host = served.address.to_string().replace("http://", "");
    let mut none = request("GET", "/livez", "");
    none.headers_mut().remove("host");
    served.ask(none).await.is_problem(403, "host-refused");
    let mut two = request("GET", "/livez", "");
    two.headers_mut().insert("host", host.parse().unwrap());
    two.headers_mut()
        .append("host", "evil.example".parse().unwrap());
    served.ask(two).await.is_problem(400, "header-refused");
}

async fn ask_tcp(served: &Served, host: &str, origin: Option<&str>) -> Seen {
    let mut request = request("GET", "/livez", "");
    let headers = request.headers_mut();
    headers.insert("host", host.parse().unwrap());
    headers.insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
    if let Some(origin) = origin {
        headers.insert("origin", origin.parse().unwrap());
    }
    served.ask(request).await
}

async fn ask_as(served: &Served, path: &str, host: &str) -> Seen {
    let mut request = request("GET", path, "");
    request.headers_mut().insert("host", host.parse().unwrap());
    served.ask(request).await
}

#[tokio::test]
async fn probes_ask_for_health_and_metrics_without_a_token_and_for_nothing_else() {
    let listen = Listen::Probes {
        addr: "127.0.0.1:0".parse().unwrap(),
        hosts: vec!["node-7.internal".parse().unwrap()],
    };
    let served = Served::start(Some(listen), Double::default(), Limits::default()).await;
    let host = served.address.to_string().replace("probes http://", "");
    for path in ["/livez", "/readyz", "/metrics"] {
        for name in [host.as_str(), "node-7.internal"] {
            assert_eq!(ask_as(&served, path, name).await.status, 200, "{path}");
        }
        let seen = ask_as(&served, path, "evil.example").await;
        seen.is_problem(403, "host-refused");
    }
    for path in ["/v1/status", "/v1/upgrades", "/v1/engines/kv/state"] {
        let seen = ask_as(&served, path, &host).await;
        seen.is_problem(404, "unknown-route");
    }
}

#[tokio::test]
async fn a_message_and_an_order_say_by_which_way_they_came_in() {
    let by = async |listen: Option<Listen>| {
        let double = Arc::new(Double::default());
        let served = Served::serve(listen, double.clone(), Limits::default()).await;
        let message = r#"{"engine":"kv","message":1}"#;
        let json = "application/json";
        for (path, media, body) in [
            ("/v1/engines/kv/messages", json, message),
            ("/v1/engines/k%76/messages", json, message),
            ("/v1/messages", BATCH_CONTENT_TYPE, message),
            ("/v1/engines/kv/restart", json, ""),
            ("/v1/parameters", json, r#"{"set":{"block.messages":7}}"#),
            ("/v1/upgrades", json, r#"{"upgrade": 1}"#),
        ] {
            let mut request = request("POST", path, body);
            let headers = request.headers_mut();
            headers.insert("content-type", media.parse().unwrap());
            if let Address::Tcp(addr) = &served.address {
                headers.insert("host", addr.to_string().parse().unwrap());
            }
            let bearer = format!("Bearer {TOKEN}");
            headers.insert("authorization", bearer.parse().unwrap());
            let seen = served.connect().await.ask(request).await;
            assert!([200, 202].contains(&seen.status), "{seen:?}");
        }
        double.shares.lock().unwrap().clone()
    };
    assert_eq!(by(None).await, [Share::UNIX; 6]);
    let token = Token::new(TOKEN).unwrap();
    let share = token.share();
    let listen = Listen::Tcp {
        addr: "127.0.0.1:0".parse().unwrap(),
        token,
        hosts: Vec::new(),
    };
    assert_eq!(by(Some(listen)).await, [share; 6]);
}
