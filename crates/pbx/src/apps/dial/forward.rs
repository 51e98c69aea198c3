//! A called phone answers with a redirection (302): it goes nowhere, unless the extension was granted to forward. Then the call
//! goes where both its caller and that extension may call; nobody gains a right by it.

use std::collections::BTreeMap;

use super::Failures;
use crate::call::Call;
use crate::switch::{Cause, LegId};

/// Redirections that one Dial follows: two phones that send calls to each other end here.
const MOST: usize = 3;

/// Whose phones ring, and how often they sent the call on.
pub(super) struct Forwards {
    phones: BTreeMap<LegId, String>,
    followed: usize,
}

impl Forwards {
    pub(super) fn of(call: &Call, legs: &[LegId]) -> Self {
        let phone = |leg: &LegId| Some((*leg, call.leg(*leg)?.phone()?.to_owned()));
        Self { phones: legs.iter().filter_map(phone).collect(), followed: 0 }
    }

    /// The phone of `leg`, which is gone, sent the call to `to`.
    pub(super) async fn follow(
        &mut self,
        call: &mut Call,
        leg: LegId,
        to: &str,
        legs: &mut Vec<LegId>,
        failures: &mut Failures,
    ) {
        let granted = self
            .phones
            .get(&leg)
            .cloned()
            .filter(|phone| call.snapshot.config.extensions.get(phone).is_some_and(|extension| extension.forwards));
        let Some(phone) = granted.filter(|_| self.followed < MOST) else {
            tracing::info!(call = %call.tree.id, "a redirection by a phone is not followed");
            return failures.add(Cause::INTERWORKING);
        };
        self.followed += 1;
        tracing::info!(call = %call.tree.id, extension = phone, "the phone forwards the call");
        let new = call.reach(&phone, to).await;
        if new.is_empty() {
            failures.add(Cause::UNALLOCATED);
        }
        for leg in new {
            if let Some(next) = call.leg(leg).and_then(|leg| leg.phone()) {
                self.phones.insert(leg, next.to_owned());
            }
            legs.push(leg);
        }
    }
}
