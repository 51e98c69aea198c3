//! Table lines of what the article does with a call: the information tone, callers without caller ID, parking, hold music.

use super::{AppSpec, ArgKind, Effect, may, need, opt, opt_arg};

pub(super) const TABLE: &[AppSpec] = &[
    AppSpec::new("Zapateller", "plays the signal that a number is not in service")
        .args(&[may("options", ArgKind::Text)])
        .effects(&[Effect::Answers, Effect::Plays, Effect::Writes(&["ZAPATELLERSTATUS"])])
        .help("950, 1400 and 1800 Hz, 330 ms each: diallers of telephone sellers take the number off their list. Options are words: answer answers first; nocallerid plays only to callers without caller ID (no number, or anonymous, unknown, unavailable, private, restricted, or the caller asked not to be shown). ZAPATELLERSTATUS is NOTHING, ANSWERED or ZAPPED."),
    AppSpec::new("PrivacyManager", "asks a caller without caller ID for his number")
        .args(&[
            may("attempts", ArgKind::Number),
            may("digits", ArgKind::Number),
            may("options", ArgKind::Text),
            may("context", ArgKind::Context),
        ])
        .effects(&[
            Effect::Answers,
            Effect::Plays,
            Effect::Reads,
            Effect::Writes(&["PRIVACYMGRSTATUS"]),
        ])
        .help("Three attempts and ten digits where nothing else is said. What he keys in becomes his caller ID; nobody vouches for it. In a context, only numbers count that it has. PRIVACYMGRSTATUS is SUCCESS or FAILED, and nothing for a caller who has caller ID."),
    AppSpec::new("Park", "parks the caller until somebody fetches him")
        .args(&[may("lot", ArgKind::Text), may("options", ArgKind::Options), may("rest", ArgKind::Text)])
        .options(&[
            opt('r', "the caller hears ringing instead of hold music"),
            opt('R', "takes a slot by chance"),
            opt('s', "does not say the number of the slot"),
            opt_arg('c', "where the call goes on when nobody fetches it: c(context,extension,priority)"),
            opt_arg('t', "after how many seconds: t(45)"),
        ])
        .effects(&[
            Effect::Answers,
            Effect::Plays,
            Effect::Joins,
            Effect::Jumps,
            Effect::Dials,
            Effect::Writes(&["PARKEDAT", "PARKINGLOT", "PARKING_SPACE", "PARKER"]),
        ])
        .help("The slot's number is said to the caller and stands in PARKEDAT. When the lot's time is over, the phone that parked the call rings; where nobody did, or it does not answer, the call goes on at c(...), at the lot's own destination, or with the next priority. Only phones of the house fetch parked calls. The older form Park(milliseconds,context,extension,priority,options) is read too."),
    AppSpec::new("ParkAndAnnounce", "parks the caller and tells somebody where")
        .args(&[
            may("lot", ArgKind::Text),
            may("options", ArgKind::Options),
            need("announcement", ArgKind::Text),
            need("destination or label", ArgKind::Text),
        ])
        .options(&[
            opt('r', "the caller hears ringing instead of hold music"),
            opt('R', "takes a slot by chance"),
            opt_arg('c', "where the call goes on when nobody fetches it: c(context,extension,priority)"),
            opt_arg('t', "after how many seconds: t(45)"),
        ])
        .effects(&[
            Effect::Answers,
            Effect::Plays,
            Effect::Joins,
            Effect::Jumps,
            Effect::Dials,
            Effect::Writes(&["PARKEDAT", "PARKINGLOT", "PARKING_SPACE", "PARKER"]),
        ])
        .help("The announcement is a list of sounds joined by colons; PARKED in it is the number of the slot. The destination is called and hears it. The older form ParkAndAnnounce(announcement,seconds,destination[,label]) is read too: after the seconds the call goes on at the label, else with the next priority. A recording that this call made can be a piece of the announcement."),
    AppSpec::new("ParkedCall", "fetches a parked call")
        .args(&[may("slot", ArgKind::Digits), may("lot", ArgKind::Text)])
        .effects(&[Effect::Answers, Effect::Joins, Effect::Plays])
        .help("Without a slot, the call that waits longest. A caller who is no phone of the house gets nobody, whatever slot he names."),
    AppSpec::new("MusicOnHold", "plays hold music")
        .args(&[may("class", ArgKind::Text), may("seconds", ArgKind::Seconds)])
        .effects(&[Effect::Answers, Effect::Plays, Effect::Waits])
        .help("For ever, or so many seconds. A class is the sound moh/CLASS of the sound folders; one that is not there sounds like default."),
    AppSpec::new("StartMusicOnHold", "begins hold music while the plan goes on")
        .args(&[may("class", ArgKind::Text)])
        .effects(&[Effect::Plays]),
    AppSpec::new("StopMusicOnHold", "ends hold music").effects(&[Effect::Plays]),
    AppSpec::new("WaitMusicOnHold", "plays hold music for a time")
        .args(&[need("seconds", ArgKind::Seconds)])
        .effects(&[Effect::Answers, Effect::Plays, Effect::Waits]),
];
