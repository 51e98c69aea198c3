//! The asking side of the control socket.

use super::{Answer, Request};
use crate::fault::{Doing as _, Fault, Outcome};
use crate::home::Home;
use crate::limits::CONTROL_ANSWER;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;

/// A running exchange that listens.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Reaches the exchange of this home, or nothing if none is running.
    pub(crate) fn reach(home: &Home) -> Option<Self> {
        let stream = UnixStream::connect(home.control()).ok()?;
        stream.set_read_timeout(Some(CONTROL_ANSWER)).ok()?;
        stream.set_write_timeout(Some(CONTROL_ANSWER)).ok()?;
        Some(Self { stream: BufReader::new(stream) })
    }

    /// Waits this long for the next answers.
    pub(crate) fn patience(&mut self, time: std::time::Duration) {
        let _ = self.stream.get_mut().set_read_timeout(Some(time));
    }

    /// Asks and waits for the answer.
    pub(crate) fn ask(&mut self, request: &Request) -> Outcome<serde_json::Value> {
        let mut line = serde_json::to_string(request).doing(|| "write the request".to_owned())?;
        line.push('\n');
        self.stream.get_mut().write_all(line.as_bytes()).doing(|| "reach the running exchange".to_owned())?;
        self.next()?.ok_or_else(|| Fault::failed("the running exchange went away without an answer"))
    }

    /// The next answer; nothing when the exchange has ended.
    pub(crate) fn next(&mut self) -> Outcome<Option<serde_json::Value>> {
        let mut line = String::new();
        let length = self.stream.read_line(&mut line).doing(|| "hear from the running exchange".to_owned())?;
        if length == 0 {
            return Ok(None);
        }
        match serde_json::from_str(&line).doing(|| "understand the running exchange".to_owned())? {
            Answer::Ok(value) => Ok(Some(value)),
            Answer::Error { message, repair } => Err(Fault { message, repair, exit: 1 }),
        }
    }
}
