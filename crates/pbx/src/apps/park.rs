//! `Park`, `ParkAndAnnounce`, `ParkedCall`: a caller waits in a numbered slot until a phone of the house fetches him.
//!
//! He keeps his task, his plan and his origin while he waits; fetching joins two calls ([`crate::call::link`]). Who is told
//! of him, and who is called back when nobody came, is asked of the gate with the parked caller's own rights.

use std::time::Duration;

use dialplan::apps::is_destination;
use media::tone::Kind;
use tokio::time::Instant;

use super::dial::Failures;
use super::dial::target::{self, Target};
use super::{Outcome, arg, letters, seconds};
use crate::call::bridge::Limit;
use crate::call::codes::Codes;
use crate::call::{Call, Event, Next, Stop};
use crate::config::Lot;
use crate::limits;
use crate::parking::{Space, may_fetch};
use crate::plan;
use crate::switch::{Cause, LegEvent, LegId};

/// What the arguments ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    lot: String,
    ring: bool,
    by_chance: bool,
    silent: bool,
    seconds: Option<Duration>,
    /// Where the call goes on when nobody fetches it.
    back: Option<String>,
    /// Sounds joined by colons, with `PARKED` for the slot, and who hears them.
    announce: Option<(String, String)>,
}

impl Wish {
    fn options(&mut self, text: &str) {
        for (letter, value) in letters(text) {
            match letter {
                'r' => self.ring = true,
                'R' => self.by_chance = true,
                's' => self.silent = true,
                't' => self.seconds = seconds(&value),
                'c' => self.back = label(&value),
                _ => {}
            }
        }
    }

    /// `Park([lot][,options])`, and as 1.4 had it `Park(milliseconds,context,extension,priority,options)`.
    fn park(args: &[String]) -> Self {
        let mut wish = Self::default();
        match arg(args, 0).parse::<u64>() {
            Ok(ms) => {
                wish.seconds = Some(Duration::from_millis(ms)).filter(|time| !time.is_zero());
                let rest = [arg(args, 1), arg(args, 2)].join(",").replace('|', ",");
                let mut parts = rest.splitn(4, ',').map(str::trim);
                let mut next = || parts.next().filter(|part| !part.is_empty());
                if let (Some(context), Some(exten)) = (next(), next()) {
                    wish.back = Some(format!("{context},{exten},{}", next().unwrap_or("1")));
                }
                wish.options(next().unwrap_or_default());
            }
            Err(_) => {
                arg(args, 0).clone_into(&mut wish.lot);
                wish.options(arg(args, 1));
            }
        }
        wish
    }

    /// `ParkAndAnnounce([lot],[options],announcement,destination)`, and as it was
    /// `ParkAndAnnounce(announcement,seconds,destination[,label])`.
    fn announce(args: &[String]) -> Self {
        let mut wish = Self { silent: true, ..Self::default() };
        if is_destination(arg(args, 2)) {
            wish.seconds = seconds(arg(args, 1));
            wish.back = label(arg(args, 3));
            wish.announce = Some((arg(args, 0).to_owned(), arg(args, 2).to_owned()));
        } else {
            arg(args, 0).clone_into(&mut wish.lot);
            wish.options(arg(args, 1));
            wish.silent = true;
            wish.announce = Some((arg(args, 2).to_owned(), arg(args, 3).to_owned()));
        }
        wish
    }
}

fn label(text: &str) -> Option<String> {
    let text = text.trim().replace(['|', '^'], ",");
    (!text.is_empty()).then_some(text)
}

pub(super) async fn park(call: &mut Call, invocation: &dialplan::Invocation) -> Outcome {
    wait(call, invocation, Wish::park(&invocation.args)).await
}

pub(super) async fn announce(call: &mut Call, invocation: &dialplan::Invocation) -> Outcome {
    let wish = Wish::announce(&invocation.args);
    if wish.announce.as_ref().is_none_or(|(_, to)| !is_destination(to)) {
        tracing::warn!(call = %call.tree.id, "ParkAndAnnounce needs an announcement and a destination");
    }
    wait(call, invocation, wish).await
}

/// The parked call: in its slot, then with whoever fetched it, or back in the plan.
async fn wait(call: &mut Call, invocation: &dialplan::Invocation, wish: Wish) -> Outcome {
    let name = if wish.lot.is_empty() { "default" } else { wish.lot.as_str() };
    let Some(lot) = call.snapshot.config.parking.get(name).cloned() else {
        tracing::warn!(call = %call.tree.id, lot = name, "there is no such parking lot");
        return refused(call).await;
    };
    call.wait_alive().await?;
    call.answer();
    let first = if wish.by_chance { by_chance(call, &lot) } else { *lot.slots.start() };
    let room = call.tree.take_parking();
    let space = if room { call.exchange.parking.park(name, &lot.slots, first, &call.postbox) } else { None };
    let Some(space) = space else {
        tracing::info!(call = %call.tree.id, lot = name, "no slot is free: the call is not parked");
        return refused(call).await;
    };
    let slot = space.slot().to_string();
    for variable in ["PARKEDAT", "PARKING_SPACE"] {
        call.machine.set(variable, &slot);
    }
    call.machine.set("PARKINGLOT", name);
    call.await_link(true);
    let stay = wish.seconds.unwrap_or(Duration::from_secs(lot.seconds.into())).min(limits::PARKED);
    let until = Instant::now() + stay;
    let fetched = stay_in(call, invocation, &wish, &lot, &space, until).await;
    call.await_link(false);
    drop(space);
    if let Some(leg) = fetched? {
        return talk(call, leg).await;
    }
    if let Some(leg) = call_back(call, invocation, &lot).await? {
        return talk(call, leg).await;
    }
    call.quiet();
    come_back(call, wish.back, name)
}

/// Where a parked call goes on that nobody fetched.
fn come_back(call: &mut Call, label: Option<String>, lot: &str) -> Outcome {
    let usual = |call: &mut Call| {
        let there = call.machine.exists(Some(plan::PARKED_BACK), lot, &mut call.channel);
        there.then(|| format!("{},{lot},1", plan::PARKED_BACK))
    };
    let Some(label) = label.or_else(|| usual(call)) else { return Ok(Next::Line) };
    match call.machine.goto(&label, &mut call.channel) {
        Ok(()) => Ok(Next::Jumped),
        Err(fault) => {
            tracing::warn!(call = %call.tree.id, label, %fault, "parking: there is no such place to come back to");
            Ok(Next::HangUp(Cause::NORMAL))
        }
    }
}

async fn refused(call: &mut Call) -> Outcome {
    call.machine.set("PARKEDAT", "");
    call.say(&["pbx-parkingfailed"], "").await?;
    Ok(Next::Line)
}

fn by_chance(call: &Call, lot: &Lot) -> u32 {
    let size = u64::from(lot.slots.end() - lot.slots.start()) + 1;
    lot.slots.start() + u32::try_from(call.exchange.random() % size).unwrap_or(0)
}

async fn talk(call: &mut Call, leg: LegId) -> Outcome {
    call.bridge(leg, Limit::default(), Codes::default()).await?;
    Ok(Next::HangUp(Cause::NORMAL))
}

/// What the parked caller hears.
fn music(call: &mut Call, ring: bool, lot: &Lot) {
    if ring {
        let tone = call.country_tone(Kind::Ringback);
        call.tone(tone);
        return;
    }
    if let Some(class) = &lot.music {
        class.clone_into(&mut call.channel.music_class);
    }
    call.music();
}

/// Until somebody fetches the call (his leg), or the time is over (nothing).
async fn stay_in(
    call: &mut Call,
    invocation: &dialplan::Invocation,
    wish: &Wish,
    lot: &Lot,
    space: &Space,
    until: Instant,
) -> Result<Option<LegId>, Stop> {
    let digits: Vec<String> = space.slot().to_string().chars().map(|digit| format!("digits/{digit}")).collect();
    let mut said = None;
    if wish.silent {
        music(call, wish.ring, lot);
    } else {
        let list = digits.iter().filter_map(|name| call.sound(name)).collect();
        said = Some(call.play(list, false));
    }
    let mut calling = Vec::new();
    if let Some((_, to)) = wish.announce.as_ref().filter(|(_, to)| is_destination(to)) {
        let mut failures = Failures::default();
        for text in to.split('&').take(limits::LEGS) {
            let target = Target::parse(call, text);
            target::start(call, invocation.app, &target, &mut calling, &mut failures).await;
        }
    }
    // Who is being told, and until when.
    let mut telling: Option<(LegId, Instant)> = None;
    loop {
        let next = telling.map_or(until, |(_, end)| end.min(until));
        match call.next(Some(next)).await? {
            Event::Linked(leg) => {
                let told = telling.map(|(leg, _)| leg);
                for other in calling.into_iter().chain(told) {
                    call.hang_up(other, Cause::NORMAL);
                }
                return Ok(Some(leg));
            }
            Event::Played(id) if said == Some(id) => {
                said = None;
                music(call, wish.ring, lot);
            }
            Event::Leg(leg, LegEvent::Answered) if calling.contains(&leg) => {
                for other in calling.drain(..).filter(|other| *other != leg) {
                    call.hang_up(other, Cause::NORMAL);
                }
                telling = Some((leg, tell(call, leg, wish, &digits)));
            }
            Event::Leg(leg, LegEvent::Failed { .. } | LegEvent::HungUp { .. }) => {
                calling.retain(|other| *other != leg);
                telling = telling.filter(|(told, _)| *told != leg);
            }
            Event::Timeout if Instant::now() >= until => {
                let told = telling.map(|(leg, _)| leg);
                for other in calling.into_iter().chain(told) {
                    call.hang_up(other, Cause::NORMAL);
                }
                return Ok(None);
            }
            Event::Timeout => {
                if let Some((leg, _)) = telling.take() {
                    call.hang_up(leg, Cause::NORMAL);
                }
            }
            _ => {}
        }
    }
}

/// Plays the announcement to whoever answered; when it will have been heard.
fn tell(call: &mut Call, leg: LegId, wish: &Wish, digits: &[String]) -> Instant {
    let pieces = wish.announce.as_ref().map_or("", |(pieces, _)| pieces.as_str());
    let mut list = Vec::new();
    for piece in pieces.split(':').map(str::trim).filter(|piece| !piece.is_empty()).take(limits::PIECES) {
        if piece == "PARKED" {
            list.extend(digits.iter().filter_map(|name| call.sound(name)));
        } else {
            list.extend(call.sound(piece));
        }
    }
    let length: Duration = list.iter().map(|sound| sound.duration()).sum();
    call.play_to(leg, list, false);
    Instant::now() + length + Duration::from_millis(300)
}

/// The phone that parked the call rings; its leg if it answers. Where no phone of the house did, nobody is called.
async fn call_back(call: &mut Call, invocation: &dialplan::Invocation, lot: &Lot) -> Result<Option<LegId>, Stop> {
    let Some(phone) = parker(call).filter(|_| lot.call_back > 0) else { return Ok(None) };
    call.machine.set("PARKER", format!("PJSIP/{phone}"));
    let (mut legs, mut failures) = (Vec::new(), Failures::default());
    target::start(call, invocation.app, &Target::Phone(phone), &mut legs, &mut failures).await;
    let until = Instant::now() + Duration::from_secs(lot.call_back.into());
    while !legs.is_empty() {
        match call.next(Some(until)).await? {
            Event::Leg(leg, LegEvent::Answered) if legs.contains(&leg) => {
                for other in legs.iter().filter(|other| **other != leg) {
                    call.hang_up(*other, Cause::NORMAL);
                }
                return Ok(Some(leg));
            }
            Event::Leg(leg, LegEvent::Failed { .. } | LegEvent::HungUp { .. }) => legs.retain(|other| *other != leg),
            Event::Timeout => {
                for leg in legs.drain(..) {
                    call.hang_up(leg, Cause::NO_ANSWER);
                }
            }
            _ => {}
        }
    }
    Ok(None)
}

/// The phone of the house that sent the call into its slot: whoever transferred it there.
fn parker(call: &Call) -> Option<String> {
    let channel = ["BLINDTRANSFER", "ATTENDEDTRANSFER"].iter().find_map(|name| call.machine.get(name))?;
    let phone = channel.split_once('/')?.1.rsplit_once('-').map_or(channel, |(phone, _)| phone);
    call.snapshot.config.extensions.contains_key(phone).then(|| phone.to_owned())
}

/// `ParkedCall([slot][,lot])`, or the two the other way round.
pub(super) async fn fetch(call: &mut Call, args: &[String]) -> Outcome {
    let number = |text: &str| text.parse::<u32>().ok();
    let (slot, lot) = match (number(arg(args, 0)), number(arg(args, 1))) {
        (Some(slot), _) => (Some(slot), arg(args, 1)),
        (None, slot) => (slot, arg(args, 0)),
    };
    let lot = if lot.is_empty() { "default" } else { lot };
    let waiting = if may_fetch(&call.tree.origin) {
        call.exchange.parking.fetch(lot, slot)
    } else {
        tracing::info!(call = %call.tree.id, "only phones of the house fetch parked calls: refused");
        None
    };
    let Some(waiting) = waiting else { return nobody(call).await };
    call.answer();
    match call.link(&waiting).await? {
        Some(leg) => talk(call, leg).await,
        None => nobody(call).await,
    }
}

async fn nobody(call: &mut Call) -> Outcome {
    call.answer();
    call.say(&["pbx-invalidpark"], "").await?;
    Ok(Next::Line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<String> {
        text.split(';').map(str::to_owned).collect()
    }

    #[test]
    fn both_forms_of_the_announcement_are_read() {
        let old = Wish::announce(&args("silence/9:who:PARKED;40;local/204@from-internal;who-r-u,s,7"));
        assert_eq!(old.seconds, Some(Duration::from_secs(40)));
        assert_eq!(old.back.as_deref(), Some("who-r-u,s,7"));
        let told = Some(("silence/9:who:PARKED".to_owned(), "local/204@from-internal".to_owned()));
        assert_eq!(old.announce, told);
        let new = Wish::announce(&args("night;t(40)c(who-r-u,s,7)R;silence/9:who:PARKED;local/204@from-internal"));
        assert_eq!((new.seconds, new.back, new.announce), (old.seconds, old.back, told));
        assert_eq!((new.lot.as_str(), new.by_chance), ("night", true));
        let pipes = Wish::announce(&args("a:PARKED;40;SIP/204;who-r-u|s|7"));
        assert_eq!(pipes.back.as_deref(), Some("who-r-u,s,7"));
        assert_eq!(Wish::announce(&args("a")).announce, Some((String::new(), String::new())));
    }

    #[test]
    fn both_forms_of_parking_are_read() {
        let new = Wish::park(&args("night;t(5)sc(a,b,2)"));
        assert_eq!((new.lot.as_str(), new.silent, new.back.as_deref()), ("night", true, Some("a,b,2")));
        assert_eq!(new.seconds, Some(Duration::from_secs(5)));
        let old = Wish::park(&args("45000;park-back;s,1,r"));
        assert_eq!((old.seconds, old.back.as_deref()), (Some(Duration::from_secs(45)), Some("park-back,s,1")));
        assert!(old.ring);
        assert_eq!(Wish::park(&[]), Wish::default());
    }
}
