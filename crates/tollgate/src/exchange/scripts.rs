//! Programs that plans may run, as processes and connections: AGI scripts, FastAGI servers, named programs of `System`.
//!
//! Only files of one folder, by their names; arguments as they are, without a shell; a clean environment; bounded lines,
//! time and number. A process is ended with all that it started.

use crate::limits::{SCRIPT_LINE, SCRIPTS};
use pbx::config::Programs as Allowed;
use pbx::exchange::Exchange;
use pbx::programs::{NotRun, Programs, Running, Script, Wait};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// How long a server may take to be reached.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a program of `System` may take: its caller waits.
const RUN: Duration = Duration::from_secs(30);
/// Lines that may wait on either side.
const LINES: usize = 16;

/// The programs of one home.
pub(crate) struct Scripts {
    home: PathBuf,
    /// Whose configuration counts; set when there is an exchange.
    exchange: OnceLock<Weak<Exchange>>,
    room: Arc<Semaphore>,
}

impl Scripts {
    pub(crate) fn new(home: &Path) -> Self {
        Self { home: home.to_owned(), exchange: OnceLock::new(), room: Arc::new(Semaphore::new(SCRIPTS)) }
    }

    /// Asks this exchange what is allowed.
    pub(crate) fn of(&self, exchange: &Arc<Exchange>) {
        let _ = self.exchange.set(Arc::downgrade(exchange));
    }

    fn allowed(&self) -> Allowed {
        let exchange = self.exchange.get().and_then(Weak::upgrade);
        exchange.map(|exchange| exchange.snapshot.load().config.programs.clone()).unwrap_or_default()
    }

    fn room(&self) -> Result<OwnedSemaphorePermit, NotRun> {
        let room = Arc::clone(&self.room).try_acquire_owned();
        room.map_err(|_| NotRun::Failed(format!("{SCRIPTS} programs run already")))
    }

    /// The file of a program, if the folder has one that may run.
    fn file(&self, allowed: &Allowed, name: &str) -> Result<(PathBuf, PathBuf), NotRun> {
        let closed = |why: String| Err(NotRun::Closed(why));
        let Some(folder) = &allowed.folder else { return closed("[programs] names no folder".to_owned()) };
        let good = !name.is_empty()
            && name.len() <= 200
            && !name.starts_with('.')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !good {
            return closed("a program is named by its file name alone".to_owned());
        }
        let Ok(folder) = self.home.join(folder).canonicalize() else {
            return closed("the folder of [programs] is not there".to_owned());
        };
        // A link may not lead out of the folder.
        let Ok(file) = folder.join(name).canonicalize() else { return closed(format!("there is no program {name}")) };
        if file.parent() != Some(&folder) {
            return closed(format!("{name} leads out of the folder of programs"));
        }
        let Ok(meta) = std::fs::metadata(&file) else { return closed(format!("there is no program {name}")) };
        let mode = meta.permissions().mode();
        if !meta.is_file() || mode & 0o111 == 0 {
            return closed(format!("{name} is no program: it may not be executed"));
        }
        if mode & 0o002 != 0 {
            return closed(format!("{name} may be written by everybody: refused"));
        }
        Ok((folder, file))
    }

    fn command(&self, name: &str, args: &[String]) -> Result<Command, NotRun> {
        let (folder, file) = self.file(&self.allowed(), name)?;
        let mut command = Command::new(file);
        command
            .args(args)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("AST_AGI_DIR", &folder)
            .current_dir(&folder)
            .kill_on_drop(true)
            .process_group(0);
        Ok(command)
    }
}

/// Ends a process with all that it started.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let pid = self.0.take().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

impl Programs for Scripts {
    fn script(&self, script: Script) -> Wait<Result<Running, NotRun>> {
        let room = match self.room() {
            Ok(room) => room,
            Err(no) => return Box::pin(async { Err(no) }),
        };
        match script {
            Script::Program { name, args } => {
                let started = self.command(&name, &args).and_then(|command| start(command, &name, room));
                Box::pin(async { started })
            }
            Script::Server { host, port } => {
                let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
                if !self.allowed().fastagi.contains(&place) {
                    return Box::pin(async move { Err(NotRun::Closed(format!("[programs] fastagi has no {place}"))) });
                }
                Box::pin(connect(place, room))
            }
        }
    }

    fn run(&self, name: String, args: Vec<String>) -> Wait<Result<i32, NotRun>> {
        if !self.allowed().system.contains(&name) {
            return Box::pin(async move { Err(NotRun::Closed(format!("[programs] system has no {name}"))) });
        }
        let ready = self.room().and_then(|room| Ok((self.command(&name, &args)?, room)));
        Box::pin(async move {
            let (mut command, _room) = ready?;
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().map_err(|error| NotRun::Failed(error.to_string()))?;
            let _group = Group(child.id());
            match tokio::time::timeout(RUN, child.wait()).await {
                Ok(Ok(status)) => Ok(status.code().unwrap_or(-1)),
                Ok(Err(error)) => Err(NotRun::Failed(error.to_string())),
                Err(_) => Err(NotRun::Failed(format!("{name} took longer than {} seconds", RUN.as_secs()))),
            }
        })
    }
}

/// What lives as long as a script.
struct Guard {
    _child: Option<Child>,
    _group: Group,
    _room: OwnedSemaphorePermit,
    tasks: Vec<tokio::task::AbortHandle>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

fn start(mut command: Command, name: &str, room: OwnedSemaphorePermit) -> Result<Running, NotRun> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| NotRun::Failed(error.to_string()))?;
    let group = Group(child.id());
    let (Some(input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(NotRun::Failed("a program without its pipes".to_owned()));
    };
    let mut running = pump(output, input);
    let name = name.to_owned();
    let complaints = tokio::spawn(async move {
        let mut lines = BufReader::new(errors);
        while let Some(line) = line(&mut lines).await {
            tracing::debug!(program = name, line, "a script complains");
        }
    });
    running.1.push(complaints.abort_handle());
    let guard = Guard { _child: Some(child), _group: group, _room: room, tasks: running.1 };
    Ok(Running { guard: Box::new(guard), ..running.0 })
}

async fn connect(place: String, room: OwnedSemaphorePermit) -> Result<Running, NotRun> {
    let stream = tokio::time::timeout(CONNECT, tokio::net::TcpStream::connect(&place)).await;
    let stream = stream
        .map_err(|_| NotRun::Failed(format!("{place} does not answer")))?
        .map_err(|error| NotRun::Failed(format!("{place}: {error}")))?;
    let (output, input) = stream.into_split();
    let (running, tasks) = pump(output, input);
    let guard = Guard { _child: None, _group: Group(None), _room: room, tasks };
    Ok(Running { guard: Box::new(guard), ..running })
}

/// Lines from one side and to the other, each in a task.
fn pump(
    output: impl AsyncRead + Unpin + Send + 'static,
    mut input: impl AsyncWrite + Unpin + Send + 'static,
) -> (Running, Vec<tokio::task::AbortHandle>) {
    let (say, said) = mpsc::channel(LINES);
    let (tell, mut told) = mpsc::channel::<String>(LINES);
    let reader = tokio::spawn(async move {
        let mut lines = BufReader::new(output);
        while let Some(line) = line(&mut lines).await {
            if say.send(line).await.is_err() {
                return;
            }
        }
    });
    let writer = tokio::spawn(async move {
        while let Some(text) = told.recv().await {
            if input.write_all(text.as_bytes()).await.is_err() || input.flush().await.is_err() {
                return;
            }
        }
    });
    (Running { said, tell, guard: Box::new(()) }, vec![reader.abort_handle(), writer.abort_handle()])
}

/// One line without its end; none at the end, or when a line is longer than any command.
async fn line(from: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(SCRIPT_LINE).unwrap_or(u64::MAX);
    let read = (&mut *from).take(limit).read_until(b'\n', &mut bytes).await.ok()?;
    if read == 0 {
        return None;
    }
    if bytes.last() != Some(&b'\n') && read >= SCRIPT_LINE {
        tracing::warn!("a script says more in one line than it may");
        return None;
    }
    let text = String::from_utf8_lossy(&bytes);
    Some(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn scripts(dir: &Path) -> (Scripts, Allowed) {
        fs::create_dir_all(dir.join("scripts/below")).unwrap();
        let put = |name: &str, mode: u32| {
            let path = dir.join(name);
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        put("scripts/good.sh", 0o750);
        put("scripts/text.txt", 0o640);
        put("scripts/open.sh", 0o777);
        put("scripts/below/deep.sh", 0o750);
        put("outside.sh", 0o750);
        std::os::unix::fs::symlink(dir.join("outside.sh"), dir.join("scripts/link.sh")).unwrap();
        let allowed = Allowed { folder: Some("scripts".to_owned()), ..Allowed::default() };
        (Scripts::new(dir), allowed)
    }

    #[test]
    fn only_programs_of_the_one_folder_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let (scripts, allowed) = scripts(dir.path());
        assert!(scripts.file(&allowed, "good.sh").is_ok());
        let deep = "below/deep.sh";
        for name in [
            "",
            "../outside.sh",
            "/bin/sh",
            "link.sh",
            "text.txt",
            "open.sh",
            deep,
            ".",
            "..",
            "good.sh;id",
            "good.sh\n",
        ] {
            assert!(matches!(scripts.file(&allowed, name), Err(NotRun::Closed(_))), "{name:?}");
        }
        assert!(matches!(scripts.file(&Allowed::default(), "good.sh"), Err(NotRun::Closed(_))));
    }

    #[tokio::test]
    async fn lines_are_bounded() {
        let long = "x".repeat(SCRIPT_LINE + 1);
        let mut text = BufReader::new(std::io::Cursor::new(format!("ANSWER\r\nNOOP\n{long}\nNOOP\n").into_bytes()));
        assert_eq!(line(&mut text).await.as_deref(), Some("ANSWER"));
        assert_eq!(line(&mut text).await.as_deref(), Some("NOOP"));
        assert_eq!(line(&mut text).await, None);
    }
}
