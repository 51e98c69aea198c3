//! What plans may run outside the exchange: scripts that steer a call (AGI), named programs, servers. The shell implements
//! it with processes and sockets; where it does not, everything is closed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;

/// A future of the shell.
pub type Wait<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a script may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// A program of the scripts folder, by its name, with arguments. Never a path, never a shell line.
    Program {
        /// Name of its file.
        name: String,
        /// Its arguments.
        args: Vec<String>,
    },
    /// A FastAGI server.
    Server {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

/// A script that runs. Dropping it ends the script.
pub struct Running {
    /// Lines that the script says, without their ends; bounded by the shell. Closed: it is over.
    pub said: mpsc::Receiver<String>,
    /// What the script is told, with line ends. Closed: it hears no more.
    pub tell: mpsc::Sender<String>,
    /// Whatever must live as long as the script.
    pub guard: Box<dyn Send + Sync>,
}

/// Why nothing was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotRun {
    /// The configuration does not allow it, or there is no such program.
    Closed(String),
    /// It should run and does not.
    Failed(String),
}

/// The way to the world outside, for plans.
pub trait Programs: Send + Sync {
    /// Starts a script.
    fn script(&self, script: Script) -> Wait<Result<Running, NotRun>>;

    /// Runs a named program to its end, within the time allowed; its exit code.
    fn run(&self, name: String, args: Vec<String>) -> Wait<Result<i32, NotRun>>;
}

/// Nothing may run.
#[derive(Debug, Default, Clone, Copy)]
pub struct Closed;

impl Programs for Closed {
    fn script(&self, _: Script) -> Wait<Result<Running, NotRun>> {
        Box::pin(async { Err(NotRun::Closed("no programs run here".to_owned())) })
    }

    fn run(&self, _: String, _: Vec<String>) -> Wait<Result<i32, NotRun>> {
        Box::pin(async { Err(NotRun::Closed("no programs run here".to_owned())) })
    }
}

/// The usual value of everything outside.
#[must_use]
pub fn closed() -> Arc<dyn Programs> {
    Arc::new(Closed)
}
