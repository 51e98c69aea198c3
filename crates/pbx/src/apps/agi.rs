//! `AGI(script[,arguments])`: a script steers the call; `agi://host[:port][/name]` is a FastAGI server.
//!
//! Programs come from the one folder that `[programs]` names, servers from its list. `AGISTATUS` is `SUCCESS`, `FAILURE`,
//! `NOTFOUND` or `HANGUP`. The portal's `directory` script of old plans is Directory
//! when the plan loads.

use super::{Outcome, arg};
use crate::agi::{End, Session};
use crate::call::{Call, Next};
use crate::programs::{NotRun, Script};
use crate::switch::Cause;

/// Port of FastAGI.
const PORT: u16 = 4573;
/// Where old plans say that scripts are.
const FOLDERS: [&str; 2] = ["/var/lib/asterisk/agi-bin/", "/usr/share/asterisk/agi-bin/"];

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let asked = arg(args, 0).to_owned();
    let rest: Vec<String> = args.iter().skip(1).map(|text| text.trim().to_owned()).collect();
    let script = match asked.strip_prefix("agi://") {
        Some(server) => address(server).map(|(host, port)| Script::Server { host, port }),
        None => {
            let name = FOLDERS.iter().find_map(|folder| asked.strip_prefix(folder)).unwrap_or(&asked);
            (!name.is_empty()).then(|| Script::Program { name: name.to_owned(), args: rest.clone() })
        }
    };
    let Some(script) = script else {
        tracing::warn!(call = %call.tree.id, "AGI needs the name of a script");
        return done(call, "NOTFOUND");
    };
    let running = match call.exchange.programs.script(script).await {
        Ok(running) => running,
        Err(NotRun::Closed(why)) => {
            tracing::warn!(call = %call.tree.id, why, "AGI: not run");
            return done(call, "NOTFOUND");
        }
        Err(NotRun::Failed(why)) => {
            tracing::warn!(call = %call.tree.id, why, "AGI: failed");
            return done(call, "FAILURE");
        }
    };
    let mut session = Session::new(running);
    match session.run(call, &asked, &rest).await {
        Ok(End::Done) if session.moved => {
            call.machine.set("AGISTATUS", "SUCCESS");
            Ok(Next::Jumped)
        }
        Ok(End::Done) => done(call, "SUCCESS"),
        Ok(End::TooMuch) => done(call, "FAILURE"),
        Ok(End::HangUp) => {
            call.machine.set("AGISTATUS", "HANGUP");
            Ok(Next::HangUp(Cause::NORMAL))
        }
        Err(stop) => {
            call.machine.set("AGISTATUS", "HANGUP");
            Err(stop)
        }
    }
}

fn done(call: &mut Call, status: &str) -> Outcome {
    call.machine.set("AGISTATUS", status);
    Ok(Next::Line)
}

/// `host[:port][/name]`, an IPv6 address in brackets.
fn address(text: &str) -> Option<(String, u16)> {
    let place = text.split('/').next()?;
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => PORT,
    };
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_by_host_and_port() {
        assert_eq!(address("127.0.0.1/hello?x=1"), Some(("127.0.0.1".to_owned(), 4573)));
        assert_eq!(address("agi.example.net:9000"), Some(("agi.example.net".to_owned(), 9000)));
        assert_eq!(address("[::1]:9000/x"), Some(("::1".to_owned(), 9000)));
        for wrong in ["", "/x", "host:port", "[::1", ":9"] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }
}
