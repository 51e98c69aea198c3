//! Destinations of Dial, and the start of their legs: each asks the gate first.

use std::sync::Arc;

use dialplan::apps::AppSpec;

use super::Failures;
use crate::call::Call;
use crate::gate::{self, Ask};
use crate::switch::{Cause, Contact, LegId};

/// One destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::apps) enum Target {
    /// A phone of the house.
    Phone(String),
    /// A number over a trunk.
    Trunk { name: String, number: String },
    /// A place in the plan.
    Local { exten: String, context: String },
    /// Nothing that this exchange can reach.
    Unknown(String),
}

impl Target {
    /// Reads `Technology/rest`. Which names are trunks is the configuration's word, not the text's.
    pub(in crate::apps) fn parse(call: &Call, text: &str) -> Self {
        let unknown = || Self::Unknown(text.to_owned());
        let Some((technology, rest)) = text.trim().split_once('/') else { return unknown() };
        let trunks = &call.snapshot.config.trunks;
        match technology.to_ascii_uppercase().as_str() {
            "PJSIP" | "SIP" => {
                if let Some((number, name)) = rest.rsplit_once('@') {
                    return Self::Trunk { name: name.to_owned(), number: number.to_owned() };
                }
                match rest.split_once('/') {
                    Some((name, number)) if trunks.contains_key(name) => {
                        let number = number.strip_prefix("sip:").unwrap_or(number);
                        Self::Trunk { name: name.to_owned(), number: number.to_owned() }
                    }
                    Some(_) => unknown(),
                    None => Self::Phone(rest.to_owned()),
                }
            }
            "LOCAL" => {
                let (exten, context) = rest.split_once('@').unwrap_or((rest, "default"));
                let context = context.split('/').next().unwrap_or_default();
                Self::Local { exten: exten.to_owned(), context: context.to_owned() }
            }
            _ => unknown(),
        }
    }
}

/// Starts what can be started of one destination; what cannot goes to `failures`.
pub(in crate::apps) async fn start(
    call: &mut Call,
    app: &'static AppSpec,
    target: &Target,
    legs: &mut Vec<LegId>,
    failures: &mut Failures,
) {
    let show = call.channel.presentation();
    match target {
        Target::Phone(user) => {
            let contacts = call.contacts(user);
            if contacts.is_empty() {
                failures.add(Cause::UNALLOCATED);
            }
            for contact in contacts {
                let asked = gate::Target::Phone(user);
                permitted(call, app, asked, &contact, legs, failures).await;
            }
        }
        Target::Trunk { name, number } => {
            let asked = gate::Target::Number { trunk: name, dialled: number };
            permitted(call, app, asked, &Contact::default(), legs, failures).await;
        }
        Target::Local { exten, context } => match call.start_local(exten, context, &show) {
            Ok(leg) => legs.push(leg),
            Err(cause) => failures.add(cause),
        },
        Target::Unknown(text) => {
            tracing::warn!(call = %call.tree.id, target = text, "Dial: this exchange has no such technology");
            failures.add(Cause::UNALLOCATED);
        }
    }
}

/// Rings every phone of an extension, sent there by extension `by`.
pub(crate) async fn phone(call: &mut Call, user: &str, by: Option<&str>) -> Vec<LegId> {
    let (mut legs, mut failures) = (Vec::new(), Failures::default());
    let Some(app) = dialplan::apps::lookup("Dial") else { return legs };
    let before = call.by.clone();
    if let Some(by) = by {
        call.by = Some(by.to_owned());
    }
    start(call, app, &Target::Phone(user.to_owned()), &mut legs, &mut failures).await;
    call.by = before;
    legs
}

async fn permitted(
    call: &mut Call,
    app: &'static AppSpec,
    target: gate::Target<'_>,
    contact: &Contact,
    legs: &mut Vec<LegId>,
    failures: &mut Failures,
) {
    let show = call.channel.presentation();
    let (origin, entry) = call.rights();
    let (tree, snapshot, exchange) = (Arc::clone(&call.tree), Arc::clone(&call.snapshot), Arc::clone(&call.exchange));
    let ask = Ask {
        origin: &origin,
        by: call.by.as_deref(),
        entry: &entry,
        app,
        snapshot: &snapshot,
        call: &tree.id,
        target,
        now: exchange.clock.now(),
    };
    match exchange.gate.ask(ask).await {
        Ok((permit, meter)) => match call.start(permit, meter, contact, &show) {
            Ok(leg) => legs.push(leg),
            Err(cause) => failures.add(cause),
        },
        Err(refusal) => {
            call.refused(target, &refusal);
            failures.add(refusal.cause());
        }
    }
}
