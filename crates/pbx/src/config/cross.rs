//! What only makes sense together: names that must exist, numbers that must not clash.

use super::tree::Problems;
use super::{Config, Destination, Problem, RouteUsers};

pub(super) fn check(config: &Config, problems: &Problems) {
    let mut see = Check { config, problems };
    see.numbers();
    see.groups();
    see.menus();
    see.trunks();
    see.dids();
    see.parking();
    see.screening();
    see.routes();
    see.mail();
    see.grants();
    if let Some(answer) = &config.strangers.answer {
        see.destination(&["strangers", "answer"], answer);
    }
}

struct Check<'a> {
    config: &'a Config,
    problems: &'a Problems,
}

impl Check<'_> {
    fn problem(&mut self, path: &[&str], message: String) {
        let path = path.iter().map(|key| (*key).to_owned()).collect();
        self.problems.borrow_mut().push(Problem { path, message });
    }

    fn destination(&mut self, path: &[&str], to: &Destination) {
        let missing = match to {
            Destination::Extension(number) => !self.config.extensions.contains_key(number),
            Destination::Group(number) => !self.config.groups.contains_key(number),
            Destination::Menu(name) => !self.config.menus.contains_key(name),
            Destination::Mailbox(number) => !self.config.mailboxes.contains_key(number),
            Destination::Grant(name) => !self.config.grants.contains_key(name),
            Destination::Context(_) | Destination::Directory | Destination::Closed | Destination::Hangup => false,
        };
        if missing {
            self.problem(path, format!("{to} does not exist"));
        }
    }

    fn numbers(&mut self) {
        let config = self.config;
        let emergency: Vec<_> = config.system.country.emergency().collect();
        let extensions = config.extensions.keys().map(|number| ("extension", number));
        let groups = config.groups.keys().map(|number| ("group", number));
        for (kind, number) in extensions.chain(groups) {
            if emergency.contains(&number.as_str()) {
                self.problem(&[kind, number], format!("{number} is an emergency number"));
            }
        }
        for number in config.groups.keys().filter(|number| config.extensions.contains_key(*number)) {
            self.problem(&["group", number], format!("{number} is an extension already"));
        }
    }

    fn groups(&mut self) {
        let config = self.config;
        for (number, group) in &config.groups {
            if group.members.is_empty() {
                self.problem(&["group", number, "members"], "a group rings somebody: name its extensions".to_owned());
            }
            for (index, member) in group.members.iter().enumerate() {
                if !config.extensions.contains_key(member) {
                    let path = ["group", number, "members", &index.to_string()];
                    self.problem(&path, format!("there is no extension {member}"));
                }
            }
            self.destination(&["group", number, "then"], &group.then);
        }
    }

    fn menus(&mut self) {
        let config = self.config;
        for (name, menu) in &config.menus {
            if crate::plan::RESERVED.contains(&name.as_str()) || name.starts_with("from-trunk-") {
                self.problem(&["menu", name], format!("{name} is the name of a generated context: choose another"));
            }
            for (key, to) in &menu.keys {
                self.destination(&["menu", name, "keys", key], to);
            }
            self.destination(&["menu", name, "timeout"], &menu.timeout);
            if let Some(to) = &menu.invalid {
                self.destination(&["menu", name, "invalid"], to);
            }
        }
    }

    fn trunks(&mut self) {
        let config = self.config;
        for (name, trunk) in &config.trunks {
            if let Some(entry) = &trunk.entry {
                self.destination(&["trunk", name, "entry"], entry);
            }
            let outside = trunk.host.parse().is_ok_and(|ip| !config.sip.is_local(ip));
            if trunk.kind == super::TrunkKind::Gateway && outside {
                let message = "a gateway stands in our own network ([sip] local_networks); one that is elsewhere is \
                               kind = \"address\"";
                self.problem(&["trunk", name, "kind"], message.to_owned());
            }
            if trunk.kind == super::TrunkKind::Register {
                if trunk.username.is_none() {
                    self.problem(&["trunk", name, "username"], "a trunk that registers needs its user name".to_owned());
                }
                if trunk.secret.is_none() {
                    let message = format!("a trunk that registers needs secret = \"store:{name}\" or \"env:VARIABLE\"");
                    self.problem(&["trunk", name, "secret"], message);
                }
            }
        }
    }

    /// Who decides exists, and strangers arrive where they can be asked.
    fn screening(&mut self) {
        let config = self.config;
        let Some(screening) = &config.screening else { return };
        self.destination(&["screening", "ask"], &screening.ask);
        self.destination(&["screening", "then"], &screening.then);
        if !matches!(config.strangers.answer, Some(Destination::Menu(_))) {
            let message =
                "callers are asked at the menu that answers strangers: strangers.answer is no menu".to_owned();
            self.problem(&["screening", "ask"], message);
        }
    }

    /// Numbers of a lot are nobody else's.
    fn parking(&mut self) {
        let config = self.config;
        let emergency: Vec<_> = config.system.country.emergency().collect();
        let inside = |slots: &std::ops::RangeInclusive<u32>, number: &str| {
            // A leading zero is another number.
            number.parse().is_ok_and(|value: u32| slots.contains(&value) && value.to_string() == number)
        };
        for (name, lot) in &config.parking {
            let houses = config.extensions.keys().chain(config.groups.keys()).map(String::as_str);
            let taken = houses.chain(emergency.iter().copied());
            for number in taken.filter(|number| inside(&lot.slots, number) || lot.number.as_deref() == Some(*number)) {
                if lot.number.is_some() {
                    let message = format!("{number} has another meaning: choose other numbers for this lot");
                    self.problem(&["parking", name, "slots"], message);
                }
            }
            if let Some(number) = lot.number.as_ref().filter(|number| inside(&lot.slots, number)) {
                self.problem(&["parking", name, "number"], format!("{number} is a slot as well"));
            }
            for (other, _) in config.parking.iter().filter(|(other, there)| {
                *other > name && there.number.is_some() && lot.number.is_some() && {
                    there.slots.start() <= lot.slots.end() && lot.slots.start() <= there.slots.end()
                }
            }) {
                self.problem(&["parking", other, "slots"], format!("these are slots of lot {name} too"));
            }
            if let Some(to) = &lot.then {
                self.destination(&["parking", name, "then"], to);
            }
        }
    }

    fn dids(&mut self) {
        let config = self.config;
        for (number, did) in &config.dids {
            if let Some(trunk) = did.trunk.as_ref().filter(|trunk| !config.trunks.contains_key(*trunk)) {
                self.problem(&["did", number, "trunk"], format!("there is no trunk {trunk}"));
            }
            self.destination(&["did", number, "to"], &did.to);
        }
    }

    fn grants(&mut self) {
        let config = self.config;
        let plain = |name: &str| name.replace('-', "");
        for (name, grant) in &config.grants {
            // Dashes of an extension's name are not compared (S2).
            if let Some(other) = config.grants.keys().find(|other| *other < name && plain(other) == plain(name)) {
                self.problem(
                    &["grant", name],
                    format!("too like the name of grant {other}: dashes are not told apart"),
                );
            }
            if grant.context == "grants" {
                self.problem(&["grant", name, "context"], "a grant cannot open itself".to_owned());
            }
        }
    }

    fn mail(&mut self) {
        let config = self.config;
        if config.mail.is_none() {
            for (number, _) in config.mailboxes.iter().filter(|(_, mailbox)| mailbox.email.is_some()) {
                let message = "mail needs a server: write [mail] with server and from".to_owned();
                self.problem(&["mailbox", number, "email"], message);
            }
        }
    }

    fn routes(&mut self) {
        let config = self.config;
        for (name, route) in &config.routes {
            if route.trunks.is_empty() {
                self.problem(&["route", name, "trunks"], "name the trunks to try, in order".to_owned());
            }
            for (index, trunk) in route.trunks.iter().enumerate() {
                if !config.trunks.contains_key(trunk) {
                    let path = ["route", name, "trunks", &index.to_string()];
                    self.problem(&path, format!("there is no trunk {trunk}"));
                }
            }
            if let RouteUsers::Only(users) = &route.users {
                for user in users.iter().filter(|user| !config.extensions.contains_key(*user)) {
                    self.problem(&["route", name, "for"], format!("there is no extension {user}"));
                }
            }
            let literal = route.dial.trim_end_matches(['.', '!']).len();
            if route.strip > literal {
                self.problem(&["route", name, "strip"], format!("{:?} has fewer digits to drop", route.dial));
            }
        }
    }
}
