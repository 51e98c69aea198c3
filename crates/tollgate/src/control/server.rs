//! The answering side of the control socket: bounded connections, bounded lines, one request at a time on each.

use super::{Answer, Request};
use crate::fault::{Doing as _, Outcome};
use crate::home::Home;
use crate::limits::{CONTROL_CONNECTIONS, CONTROL_IDLE, CONTROL_LINE};
use std::future::Future;
use std::os::unix::fs::PermissionsExt as _;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// Carries requests out.
pub(crate) trait Serve: Send + Sync + 'static {
    /// Carries `request` out and says what came of it.
    fn serve(self: Arc<Self>, request: Request) -> Pin<Box<dyn Future<Output = Answer> + Send>>;
}

/// The listening socket; its file goes with it.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: UnixListener,
    path: std::path::PathBuf,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Opens the socket. The home's lock is ours, so a file that stands there is left from a crash.
pub(crate) fn listen(home: &Home) -> Outcome<Listening> {
    let path = home.control();
    if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error).doing(|| format!("clear {}", path.display()));
    }
    let listener = UnixListener::bind(&path).doing(|| format!("open the control socket {}", path.display()))?;
    let listening = Listening { listener, path };
    std::fs::set_permissions(&listening.path, std::fs::Permissions::from_mode(0o600))
        .doing(|| format!("close {} to others", listening.path.display()))?;
    Ok(listening)
}

/// Answers until the task is dropped.
pub(crate) async fn run(listening: Listening, serve: Arc<impl Serve>) {
    let room = Arc::new(Semaphore::new(CONTROL_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        match listening.listener.accept().await {
            Ok((stream, _)) => {
                let serve = Arc::clone(&serve);
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, serve).await {
                        tracing::debug!(%error, "a control connection ended");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a control connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, serve: Arc<impl Serve>) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut reader).take(CONTROL_LINE as u64);
        let length = match tokio::time::timeout(CONTROL_IDLE, bounded.read_until(b'\n', &mut line)).await {
            Err(_) => return Ok(()),
            Ok(length) => length?,
        };
        if length == 0 {
            return Ok(());
        }
        let whole = line.last() == Some(&b'\n');
        let request: Request = match serde_json::from_slice(&line) {
            Ok(request) if whole => request,
            Ok(_) => return Ok(()),
            Err(error) => {
                let answer = Answer::Error { message: format!("this is not a request: {error}"), repair: None };
                say(&mut writer, &answer).await?;
                return Ok(());
            }
        };
        // Done to its end, even if whoever asked has gone.
        let answer = Arc::clone(&serve).serve(request).await;
        say(&mut writer, &answer).await?;
    }
}

async fn say(writer: &mut tokio::net::unix::OwnedWriteHalf, answer: &Answer) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(answer).unwrap_or_default();
    line.push(b'\n');
    match tokio::time::timeout(CONTROL_IDLE, writer.write_all(&line)).await {
        Ok(written) => written,
        Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    struct Echo;

    impl Serve for Echo {
        fn serve(self: Arc<Self>, request: Request) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
            Box::pin(async move {
                match request {
                    Request::Status => Answer::Ok(serde_json::json!("well")),
                    _ => Answer::Error { message: "no".to_owned(), repair: None },
                }
            })
        }
    }

    async fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::locate(Some(dir.path())).unwrap();
        tokio::spawn(run(listen(&home).unwrap(), Arc::new(Echo)));
        (dir, home)
    }

    async fn say(home: &Home, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(home.control()).await.unwrap();
        // What is too long is cut off while it is still being written.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut said = Vec::new();
        let all = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut said)).await.unwrap();
        drop(all);
        String::from_utf8(said).unwrap()
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused_and_what_is_too_long_is_not_read() {
        let (_dir, home) = home().await;
        assert!(say(&home, b"hello\n").await.contains("not a request"));
        assert!(say(&home, b"{\"do\":\"format-the-disk\"}\n").await.contains("not a request"));
        let long = format!("{{\"do\":\"rotate\",\"user\":\"{}\"}}\n", "2".repeat(CONTROL_LINE));
        assert!(!say(&home, long.as_bytes()).await.contains("well"));
        assert_eq!(say(&home, b"{\"do\":\"status\"}").await, "", "half a line is no request");
        assert!(say(&home, b"{\"do\":\"status\"}\n").await.contains("well"));
    }

    #[tokio::test]
    async fn the_socket_is_private_and_connections_are_bounded() {
        let (_dir, home) = home().await;
        let mode = std::fs::metadata(home.control()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut held = Vec::new();
        for _ in 0..CONTROL_CONNECTIONS {
            let mut stream = UnixStream::connect(home.control()).await.unwrap();
            stream.write_all(b"{\"do\":\"status\"}\n").await.unwrap();
            let mut buffer = [0; 12];
            stream.read_exact(&mut buffer).await.unwrap();
            assert_eq!(&buffer, b"{\"ok\":\"well\"");
            held.push(stream);
        }
        let mut one_more = UnixStream::connect(home.control()).await.unwrap();
        one_more.write_all(b"{\"do\":\"status\"}\n").await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_millis(200), one_more.read_u8()).await;
        assert!(waiting.is_err(), "it waits for its turn");
        held.clear();
        let turn = tokio::time::timeout(Duration::from_secs(10), one_more.read_u8()).await.unwrap();
        assert_eq!(turn.unwrap(), b'{');
    }
}
