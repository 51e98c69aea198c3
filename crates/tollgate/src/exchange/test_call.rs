//! The last step of `tollgate trunk test`: a real call, and what it shows.

use crate::exchange::serve::Running;
use crate::exchange::trunk_test::Steps;
use pbx::trunks::trial;
use std::sync::Arc;

/// Places a call over the trunk for an extension, and says what came of it.
pub(crate) async fn run(running: &Arc<Running>, trunk: &str, number: &str, user: &str, steps: &mut Steps) {
    let trial = trial::call(&running.exchange, &running.wires, trunk, number, user).await;
    if let Some(why) = trial.failed {
        steps.add("call out", false, why);
        return;
    }
    let codec = trial.codec.unwrap_or_else(|| "an unknown codec".to_owned());
    let sound =
        if trial.heard { "sound arrived" } else { "but no sound arrived: a firewall, or a wrong public_address" };
    steps.add("call out", trial.heard, format!("answered with {codec}; {sound}"));
    let own = running.exchange.snapshot.load().config.dids.contains_key(number);
    match trial.came_back {
        Some(dialled) => {
            steps.add("call in", true, format!("the trunk brought a call for {dialled}"));
        }
        None if own => {
            steps.add("call in", false, "the number is ours, but the call did not come back over this trunk");
        }
        None => {
            steps.add("call in", true, "not tried: call one of your own numbers on this trunk to see both ways");
        }
    }
}
