//! The server answers two questions on loopback, refuses foreign hosts and methods, and outlives those who hold on to it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use web::{Metric, Source, limits};

struct Fake(AtomicBool);

impl Source for Fake {
    fn metrics(&self) -> Vec<Metric> {
        vec![Metric::gauge("tollgate_calls", "Calls that are on.", 3.0)]
    }
    fn healthy(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Server {
    address: SocketAddr,
    source: Arc<Fake>,
    end: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

async fn server(life: Duration) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let source = Arc::new(Fake(AtomicBool::new(true)));
    let (end, ended) = oneshot::channel::<()>();
    let task = tokio::spawn(web::serve_for(listener, source.clone(), None, life, async {
        let _ = ended.await;
    }));
    Server { address, source, end: Some(end), task }
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.replace("HOST", &address.to_string()).as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await.expect("an answer").unwrap();
    answer
}

#[tokio::test]
async fn answers() {
    let mut server = server(limits::LIFE).await;
    let check = async |request: &str, status: &str, contains: &str| {
        let answer = ask(server.address, request).await;
        assert!(answer.get(8..).is_some_and(|rest| rest.starts_with(&format!(" {status}"))), "{request}: {answer}");
        assert!(answer.contains(contains), "{request}: {answer}");
        assert!(answer.contains("cache-control: no-store") && answer.contains("nosniff"), "{answer}");
    };
    check("GET /metrics HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", "200", "\ntollgate_calls 3\n").await;
    check("HEAD /metrics HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", "200", "version=0.0.4").await;
    check("GET /healthz HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", "200", "ok\n").await;
    check("GET / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", "404", "").await;
    check("GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "421", "").await;
    check("GET /metrics HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\nConnection: close\r\n\r\n", "421", "").await;
    check("GET /metrics HTTP/1.0\r\n\r\n", "421", "").await;
    check("POST /metrics HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "405", "").await;
    server.source.0.store(false, Ordering::Relaxed);
    check("GET /healthz HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", "503", "unhealthy").await;
    server.end.take().unwrap().send(()).unwrap();
    timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn silent_connections_end_and_give_room() {
    let server = server(Duration::from_millis(300)).await;
    let mut silent = Vec::new();
    for _ in 0..limits::CONNECTIONS * 2 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /metrics HT").await.unwrap();
        silent.push(stream);
    }
    let answer = timeout(
        Duration::from_secs(10),
        ask(server.address, "GET /healthz HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"),
    );
    assert!(answer.await.expect("room comes back").starts_with("HTTP/1.1 200"));
    let mut rest = Vec::new();
    let first = silent.first_mut().unwrap();
    timeout(Duration::from_secs(5), first.read_to_end(&mut rest)).await.expect("the silent one was hung up on").ok();
}

#[tokio::test]
async fn no_listener_but_loopback() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let source = Arc::new(Fake(AtomicBool::new(true)));
    let error = web::serve(listener, source, None, std::future::pending()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
}
