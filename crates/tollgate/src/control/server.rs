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
use tokio::sync::{Semaphore, mpsc};

/// Carries requests out. A request answers once, or, for [`Request::Follow`], as often as it likes.
pub(crate) trait Serve: Send + Sync + 'static {
    /// Carries `request` out and sends what there is to tell to `answers`.
    fn serve(
        self: Arc<Self>,
        request: Request,
        answers: mpsc::Sender<Answer>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>;
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
        let (answers, mut heard) = mpsc::channel(16);
        let mut work = tokio::spawn(Arc::clone(&serve).serve(request, answers));
        loop {
            let mut ignored = [0; 1];
            tokio::select! {
                answer = heard.recv() => match answer {
                    Some(answer) => say(&mut writer, &answer).await?,
                    None => break,
                },
                // Whoever hangs up no longer wants to follow; whoever speaks out of turn is not heard.
                _ = reader.read(&mut ignored) => {
                    work.abort();
                    return Ok(());
                }
            }
        }
        let _ = (&mut work).await;
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
