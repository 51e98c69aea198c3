//! `System(program[,arguments])`, `TrySystem(…)`: a named program of the scripts folder, never a shell line.
//!
//! Closed unless `[programs] system` names the program. `SYSTEMSTATUS` is `SUCCESS`, `APPERROR` (it ended with an error) or
//! `FAILURE` (it did not run). Old plans go on at n+101 after `APPERROR`.

use super::{Outcome, arg, old_jump};
use crate::call::{Call, Next};
use crate::programs::NotRun;

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let name = arg(args, 0).to_owned();
    let rest = args.iter().skip(1).map(|text| text.trim().to_owned()).collect();
    let status = if name.is_empty() {
        "FAILURE"
    } else {
        match call.exchange.programs.run(name, rest).await {
            Ok(0) => "SUCCESS",
            Ok(_) => "APPERROR",
            Err(NotRun::Closed(why) | NotRun::Failed(why)) => {
                tracing::warn!(call = %call.tree.id, why, "System: not run");
                "FAILURE"
            }
        }
    };
    call.machine.set("SYSTEMSTATUS", status);
    if status == "APPERROR" { old_jump(call, "System", "") } else { Ok(Next::Line) }
}
