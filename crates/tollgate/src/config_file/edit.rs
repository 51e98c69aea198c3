//! Changing `tollgate.toml` for its owner: comments and order stay, the result is read and checked before it is written.

use crate::fault::{Doing as _, Fault, Outcome};
use pbx::config::{Config, Ring};
use pbx::pin::PinOf;
use serde::{Deserialize, Serialize};
use toml_edit::{Array, DocumentMut, Item, Table, value};

/// A change that a command or the portal asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Change {
    /// A new extension.
    AddExtension {
        /// Its number.
        number: String,
        /// Whose it is.
        name: Option<String>,
        /// What it may call; empty: as a fresh one.
        may: Vec<String>,
        /// With a mailbox of the same number.
        mailbox: bool,
    },
    /// An extension goes.
    RemoveExtension {
        /// Its number.
        number: String,
    },
    /// A new mailbox.
    AddMailbox {
        /// Its number.
        number: String,
        /// Whose it is.
        name: Option<String>,
    },
    /// A mailbox goes.
    RemoveMailbox {
        /// Its number.
        number: String,
    },
    /// A new grant.
    AddGrant {
        /// Its name.
        name: String,
        /// Classes that it lends.
        may: Vec<String>,
        /// Numbers that it leads to.
        to: Vec<String>,
        /// Most that may be spent in a day.
        money_per_day: Option<f64>,
        /// Paid calls in a day.
        calls_per_day: Option<u32>,
    },
    /// A grant goes.
    RemoveGrant {
        /// Its name.
        name: String,
    },
    /// A new trunk.
    AddTrunk {
        /// Its name.
        name: String,
        /// Host, with a port if it is not the usual one.
        host: String,
        /// `register`, `address` or `gateway`.
        kind: String,
        /// Our account there.
        username: Option<String>,
        /// `udp`, `tcp` or `tls`.
        transport: Option<String>,
        /// Our number there.
        caller_id: Option<String>,
    },
    /// A number of ours and where it leads.
    AddDid {
        /// The number.
        number: String,
        /// The trunk it comes in by; none: any.
        trunk: Option<String>,
        /// Where it leads.
        to: String,
    },
    /// A number leads nowhere any more.
    RemoveDid {
        /// The number.
        number: String,
    },
    /// A trunk goes.
    RemoveTrunk {
        /// Its name.
        name: String,
    },
    /// A new ring group.
    AddGroup {
        /// Its number.
        number: String,
        /// Who rings.
        members: Vec<String>,
        /// `all` or `in-order`.
        ring: String,
        /// How long.
        seconds: u32,
    },
    /// All outside calls are stopped, or go again; calls for help always go.
    StopOutside {
        /// Stopped.
        stopped: bool,
    },
    /// A group goes.
    RemoveGroup {
        /// Its number.
        number: String,
    },
}

impl Change {
    /// The PIN that goes with what is removed.
    pub(crate) fn closes(&self) -> Option<PinOf> {
        match self {
            Self::RemoveMailbox { number } => Some(PinOf::Mailbox(number.clone())),
            Self::RemoveGrant { name } => Some(PinOf::Grant(name.clone())),
            _ => None,
        }
    }
}

/// The text after the change. `now` is what the text says before it: sections that it leaves out are written out first, so that adding one
/// extension does not take the others away.
pub(crate) fn apply(text: &str, now: &Config, change: &Change) -> Outcome<String> {
    let mut document: DocumentMut = text.parse().doing(|| "read tollgate.toml".to_owned())?;
    match change {
        Change::AddExtension { number, name, may, mailbox } => {
            write_out(&mut document, "extension", now)?;
            let mut table = Table::new();
            if let Some(name) = name {
                table.insert("name", value(name));
            }
            if *mailbox {
                table.insert("mailbox", value(number));
            }
            if !may.is_empty() {
                table.insert("may", list(may));
            }
            add(&mut document, "extension", number, table)?;
        }
        Change::RemoveExtension { number } => {
            write_out(&mut document, "extension", now)?;
            remove(&mut document, "extension", number)?;
        }
        Change::AddMailbox { number, name } => {
            if now.mailboxes.contains_key(number) {
                return Err(
                    Fault::failed(format!("mailbox {number} exists already")).repair("see: tollgate mailbox list")
                );
            }
            let mut table = Table::new();
            if let Some(name) = name {
                table.insert("name", value(name));
            }
            add(&mut document, "mailbox", number, table)?;
        }
        Change::RemoveMailbox { number } => {
            if let Some((user, _)) = now.extensions.iter().find(|(_, of)| of.mailbox.as_ref() == Some(number)) {
                return Err(Fault::failed(format!("mailbox {number} belongs to extension {user}"))
                    .repair(format!("remove it with: tollgate extension remove {user}")));
            }
            remove(&mut document, "mailbox", number)?;
        }
        Change::AddGrant { name, may, to, money_per_day, calls_per_day } => {
            let mut table = Table::new();
            table.insert("kind", value("disa"));
            table.insert("pin", value("store"));
            if !may.is_empty() {
                table.insert("may", list(may));
            }
            if !to.is_empty() {
                table.insert("to", list(to));
            }
            if let Some(money) = money_per_day {
                table.insert("money_per_day", value(*money));
            }
            if let Some(calls) = calls_per_day {
                table.insert("calls_per_day", value(i64::from(*calls)));
            }
            add(&mut document, "grant", name, table)?;
        }
        Change::RemoveGrant { name } => remove(&mut document, "grant", name)?,
        Change::AddTrunk { name, host, kind, username, transport, caller_id } => {
            let mut table = Table::new();
            table.insert("kind", value(kind));
            let (host, port) = split_port(host)?;
            table.insert("host", value(host));
            if let Some(port) = port {
                table.insert("port", value(i64::from(port)));
            }
            for (key, text) in [("transport", transport), ("username", username), ("caller_id", caller_id)] {
                if let Some(text) = text {
                    table.insert(key, value(text));
                }
            }
            if kind == "register" || username.is_some() {
                table.insert("secret", value(format!("store:{name}")));
            }
            add(&mut document, "trunk", name, table)?;
        }
        Change::AddDid { number, trunk, to } => {
            let mut table = Table::new();
            if let Some(trunk) = trunk {
                table.insert("trunk", value(trunk));
            }
            table.insert("to", value(to));
            add(&mut document, "did", number, table)?;
        }
        Change::RemoveDid { number } => remove(&mut document, "did", number)?,
        Change::RemoveTrunk { name } => remove(&mut document, "trunk", name)?,
        Change::AddGroup { number, members, ring, seconds } => {
            write_out(&mut document, "group", now)?;
            let mut table = Table::new();
            table.insert("members", list(members));
            table.insert("ring", value(ring));
            table.insert("seconds", value(i64::from(*seconds)));
            add(&mut document, "group", number, table)?;
        }
        Change::StopOutside { stopped } => {
            let policy = document.entry("policy").or_insert_with(|| Item::Table(Table::new()));
            let Some(policy) = policy.as_table_like_mut() else {
                return Err(Fault::unusable("policy in tollgate.toml is not a table"));
            };
            if *stopped {
                policy.insert("stopped", value(true));
            } else {
                policy.remove("stopped");
            }
        }
        Change::RemoveGroup { number } => {
            write_out(&mut document, "group", now)?;
            remove(&mut document, "group", number)?;
        }
    }
    Ok(document.to_string())
}

fn split_port(host: &str) -> Outcome<(&str, Option<u16>)> {
    // An IPv6 address in brackets may have a port behind it; a bare one has colons of its own.
    let split = match host.rsplit_once(':') {
        Some((before, port)) if before.ends_with(']') || !before.contains(':') => Some((before, port)),
        _ => None,
    };
    match split {
        None => Ok((host, None)),
        Some((before, port)) => match port.parse() {
            Ok(port) => Ok((before, Some(port))),
            Err(_) => Err(Fault::unusable(format!("{port:?} is no port number"))),
        },
    }
}

fn list(items: &[String]) -> Item {
    value(items.iter().collect::<Array>())
}

fn add(document: &mut DocumentMut, kind: &str, name: &str, table: Table) -> Outcome<()> {
    let of_kind = document.entry(kind).or_insert_with(implicit);
    let Some(of_kind) = of_kind.as_table_like_mut() else {
        return Err(Fault::unusable(format!("{kind} in tollgate.toml is not a table")));
    };
    if of_kind.contains_key(name) {
        return Err(Fault::failed(format!("{kind} {name} exists already")).repair(format!("see: tollgate {kind} list")));
    }
    of_kind.insert(name, Item::Table(table));
    Ok(())
}

fn remove(document: &mut DocumentMut, kind: &str, name: &str) -> Outcome<()> {
    let gone = document.get_mut(kind).and_then(Item::as_table_like_mut).and_then(|of_kind| of_kind.remove(name));
    match gone {
        Some(_) => Ok(()),
        None => Err(Fault::failed(format!("there is no {kind} {name}")).repair(format!("see: tollgate {kind} list"))),
    }
}

/// A `[kind]` that shows no header of its own.
fn implicit() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

/// Writes the extensions or groups of a fresh install out, where the text leaves them out.
fn write_out(document: &mut DocumentMut, kind: &str, now: &Config) -> Outcome<()> {
    if document.contains_key(kind) {
        return Ok(());
    }
    if kind == "extension" {
        for (number, extension) in &now.extensions {
            let mut table = Table::new();
            table.insert("name", value(&extension.name));
            if let Some(mailbox) = &extension.mailbox {
                table.insert("mailbox", value(mailbox));
            }
            let may: Vec<String> = extension.may.iter().map(ToString::to_string).collect();
            table.insert("may", list(&may));
            add(document, kind, number, table)?;
        }
    } else {
        for (number, group) in &now.groups {
            let mut table = Table::new();
            table.insert("name", value(&group.name));
            table.insert("members", list(&group.members));
            let ring = match group.ring {
                Ring::All => "all",
                Ring::InOrder => "in-order",
            };
            table.insert("ring", value(ring));
            table.insert("seconds", value(i64::from(group.seconds)));
            table.insert("then", value(group.then.to_string()));
            add(document, kind, number, table)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config_file::read;

    fn change(text: &str, change: &Change) -> Config {
        let now = read("t", text).unwrap().config;
        let text = apply(text, &now, change).unwrap();
        match read("t", &text) {
            Ok(read) => read.config,
            Err(broken) => panic!("{}\n{text}", broken.fault()),
        }
    }

    fn kitchen() -> Change {
        Change::AddExtension {
            number: "205".into(),
            name: Some("Kitchen".into()),
            may: vec!["internal".into(), "local".into()],
            mailbox: false,
        }
    }

    #[test]
    fn adding_one_keeps_the_others() {
        let config = change("", &kitchen());
        let numbers: Vec<&String> = config.extensions.keys().collect();
        assert_eq!(numbers, ["200", "204", "205"]);
        let fresh = Config::fresh();
        assert_eq!(config.extensions.get("204"), fresh.extensions.get("204"));
        let members = config.groups.get("222").map(|group| group.members.clone());
        assert_eq!(members.unwrap_or_default(), numbers.into_iter().cloned().collect::<Vec<_>>());
    }

    #[test]
    fn a_mailbox_of_its_own_comes_and_goes_and_one_of_an_extension_stays() {
        let add = Change::AddMailbox { number: "300".into(), name: Some("Sales".into()) };
        let now = read("t", "").unwrap().config;
        let text = apply("", &now, &add).unwrap();
        let now = read("t", &text).unwrap().config;
        assert_eq!(now.mailboxes.keys().collect::<Vec<_>>(), ["200", "204", "300"]);
        assert_eq!(now.mailboxes["300"].name, "Sales");
        assert!(apply(&text, &now, &add).is_err(), "it is there already");
        let gone = |number: &str| apply(&text, &now, &Change::RemoveMailbox { number: number.into() });
        assert_eq!(gone("300").unwrap(), "");
        assert!(gone("204").is_err());
    }

    #[test]
    fn a_trunk_and_its_number_can_be_added_and_removed() {
        let trunk = Change::AddTrunk {
            name: "itsp".into(),
            host: "sip.example.net:5071".into(),
            kind: "register".into(),
            username: Some("me".into()),
            transport: Some("tls".into()),
            caller_id: Some("+12025550100".into()),
        };
        let did =
            Change::AddDid { number: "+12025550100".into(), trunk: Some("itsp".into()), to: "menu:attendant".into() };
        let text = apply("", &Config::fresh(), &trunk).unwrap();
        let text = apply(&text, &Config::fresh(), &did).unwrap();
        let config = read("t", &text).unwrap().config;
        let added = &config.trunks["itsp"];
        assert_eq!((added.port, added.username.as_deref()), (Some(5071), Some("me")));
        assert_eq!(added.secret, Some(pbx::config::SecretRef::Store("itsp".into())));
        assert_eq!(config.dids["+12025550100"].to.to_string(), "menu:attendant");
        let gone = change(&text, &Change::RemoveDid { number: "+12025550100".into() });
        assert!(gone.dids.is_empty());
    }

    #[test]
    fn outside_calls_stop_and_go_again() {
        let text = "# ours\n[policy] # careful\nminutes_per_call = 30\n";
        let stopped = apply(text, &Config::fresh(), &Change::StopOutside { stopped: true }).unwrap();
        assert!(read("t", &stopped).unwrap().config.policy.stopped);
        let again = apply(&stopped, &Config::fresh(), &Change::StopOutside { stopped: false }).unwrap();
        assert_eq!(again, text);
        assert!(change("", &Change::StopOutside { stopped: true }).policy.stopped);
    }

    #[test]
    fn comments_stay() {
        let text = "# ours\n[extension.204] # the office\nname = \"Office\"\n[group.222]\nmembers = [\"204\"]\n";
        let now = read("t", text).unwrap().config;
        let after = apply(text, &now, &kitchen()).unwrap();
        assert!(after.starts_with("# ours\n[extension.204] # the office\nname = \"Office\"\n"), "{after}");
        assert!(after.contains("[extension.205]\nname = \"Kitchen\""), "{after}");
    }

    #[test]
    fn adding_and_removing_leaves_the_same_text() {
        let text = "[extension.204]\nname = \"Office\"\n[group.222]\nmembers = [\"204\"]\n";
        let now = read("t", text).unwrap().config;
        let added = apply(text, &now, &kitchen()).unwrap();
        let removed = apply(&added, &now, &Change::RemoveExtension { number: "205".into() }).unwrap();
        assert_eq!(removed, text);
    }

    #[test]
    fn a_group_that_is_left_out_is_written_out() {
        let group =
            Change::AddGroup { number: "223".into(), members: vec!["204".into()], ring: "in-order".into(), seconds: 5 };
        assert_eq!(change("", &group).groups.len(), Config::fresh().groups.len() + 1);
    }
}
