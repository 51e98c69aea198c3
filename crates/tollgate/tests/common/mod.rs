//! A built exchange with a home of its own on loopback, for the tests beside this folder.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rustix::process::{Pid, Signal, kill_process};
use std::io::Read as _;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// Longest wait for anything; a loaded machine is slow, a broken exchange for ever.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A home below a folder that goes away with it.
pub struct Place {
    _dir: tempfile::TempDir,
    pub home: PathBuf,
    pub port: u16,
}

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port for UDP and TCP that is free at the moment, with four free above it.
pub fn free_port() -> u16 {
    let start = 20_000 + u16::try_from(std::process::id() % 4000).unwrap() * 8;
    for _ in 0..4000 {
        let port = start.wrapping_add(NEXT.fetch_add(8, Ordering::Relaxed)).max(2048);
        let free = (0..5).all(|above| {
            UdpSocket::bind(("127.0.0.1", port + above)).is_ok()
                && std::net::TcpListener::bind(("127.0.0.1", port + above)).is_ok()
        });
        if free {
            return port;
        }
    }
    panic!("no free port");
}

impl Place {
    /// Nothing there yet.
    pub fn nowhere() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        Self { _dir: dir, home, port: free_port() }
    }

    /// A home with a text that somebody wrote; sockets are added.
    pub fn written(text: &str) -> Self {
        let place = Self::nowhere();
        std::fs::create_dir(&place.home).unwrap();
        place.write(text);
        place
    }

    pub fn write(&self, text: &str) {
        std::fs::write(self.home.join("tollgate.toml"), format!("{}{text}", self.sockets())).unwrap();
    }

    /// The part of the text that names sockets; five lines.
    pub fn sockets(&self) -> String {
        let (port, metrics, rtp) = (self.port, self.port + 1, self.port + 2);
        format!(
            "sip = {{ udp = [\"127.0.0.1:{port}\"], tcp = [\"127.0.0.1:{port}\"] }}\n\
             portal = {{ listen = \"127.0.0.1:{metrics}\" }}\n\
             media = {{ address = \"127.0.0.1\", ports = \"{}-{}\" }}\n\n\n",
            rtp / 2 * 2,
            rtp / 2 * 2 + 1999
        )
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.args(args).arg("--home").arg(&self.home).stdin(Stdio::null());
        command.env_remove("TOLLGATE_LOG");
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        let child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        finish(child)
    }

    /// Runs a command that must work, and returns what it printed.
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let said = text(&output);
        assert!(output.status.success(), "{args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same, as JSON.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let mut all = args.to_vec();
        all.push("--json");
        serde_json::from_str(&self.ok(&all)).unwrap()
    }

    /// Runs a command that must fail, and returns all it said.
    pub fn fails(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let said = text(&output);
        assert!(!output.status.success(), "{args:?} did not fail: {said}");
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// Starts it and waits until it answers.
    pub fn start(&self) -> Running<'_> {
        self.start_with(&[])
    }

    pub fn start_with(&self, env: &[(&str, &str)]) -> Running<'_> {
        let log = self.home.parent().unwrap().join("log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut command = self.command(&["run"]);
        command.envs(env.iter().copied());
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let mut running = Running { child: command.spawn().unwrap(), place: self, log };
        let begun = Instant::now();
        while !self.answers() {
            if let Some(status) = running.child.try_wait().unwrap() {
                panic!("it ended with {status}: {}", running.said());
            }
            assert!(begun.elapsed() < PATIENCE, "no answer: {}", running.said());
        }
        running
    }

    /// Does it answer OPTIONS?
    pub fn answers(&self) -> bool {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let me: SocketAddr = socket.local_addr().unwrap();
        let port = self.port;
        let request = format!(
            "OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{0};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:probe@{me}>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {0}\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
            me.port()
        );
        let mut buffer = [0; 4096];
        socket.send_to(request.as_bytes(), ("127.0.0.1", port)).is_ok()
            && socket.recv(&mut buffer).is_ok_and(|length| buffer[..length].starts_with(b"SIP/2.0 200"))
    }

    pub fn mode(&self, name: &str) -> u32 {
        let path = if name.is_empty() { self.home.clone() } else { self.home.join(name) };
        std::fs::metadata(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).permissions().mode() & 0o777
    }

    pub fn names(&self) -> Vec<String> {
        names(&self.home)
    }
}

pub fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut all: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    all.sort();
    all
}

/// Waits for a child within [`PATIENCE`].
pub fn finish(mut child: Child) -> Output {
    let begun = Instant::now();
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let reader = std::thread::spawn(move || {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        let _ = out.as_mut().map(|out| out.read_to_end(&mut a));
        let _ = err.as_mut().map(|err| err.read_to_end(&mut b));
        (a, b)
    });
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("a command does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let (stdout, stderr) = reader.join().unwrap();
    Output { status, stdout, stderr }
}

pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A running exchange; ends with this value.
pub struct Running<'a> {
    child: Child,
    place: &'a Place,
    log: PathBuf,
}

impl Running<'_> {
    /// All that it and its logs said, in this run and earlier ones.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has said so.
    pub fn wait_for(&self, what: &str) {
        let begun = Instant::now();
        while !self.said().contains(what) {
            assert!(begun.elapsed() < PATIENCE, "never said {what:?}: {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Ends it with SIGTERM; its exit code.
    pub fn stop(mut self) -> i32 {
        self.signal(Signal::TERM);
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(begun.elapsed() < PATIENCE, "does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            assert!(!self.said().contains("panicked"), "{}", self.said());
        }
    }
}
