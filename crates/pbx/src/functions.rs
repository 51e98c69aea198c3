//! Functions that ask the call or the exchange: records, database, groups, telephones, headers. [`Channel`] has the rest.

use crate::channel::Channel;

/// Reads a function; nothing where it is unknown or does not apply.
pub(crate) fn read(channel: &mut Channel, name: &str, args: &[String]) -> Option<String> {
    let arg = |n: usize| args.get(n).map_or("", |text| text.trim());
    let first = arg(0);
    let yes = |is: bool| Some(u8::from(is).to_string());
    match name {
        "BASENAME" => Some(path_parts(first).1.to_owned()),
        "BLACKLIST" => {
            let number = channel.caller_number.clone();
            yes(channel.exchange.database.get(&format!("blacklist/{number}")).is_some())
        }
        "CALLERPRES" => Some(presentation(channel).to_owned()),
        "CDR" => record(channel, first),
        "CHANNEL_EXISTS" => yes(first == channel.name || first == channel.unique_id),
        "CHANNELS" => Some(channel.name.clone()),
        "CONNECTEDLINE" => connected(channel, first),
        "DB" => Some(entry(channel, first).unwrap_or_default()),
        "DB_DELETE" => {
            let old = entry(channel, first).unwrap_or_default();
            channel.exchange.database.delete(first);
            Some(old)
        }
        "DB_EXISTS" => {
            let is = entry(channel, first).is_some();
            yes(is)
        }
        "DB_KEYS" => Some(channel.exchange.database.keys(first).join(",")),
        "DB_KEYCOUNT" => Some(channel.exchange.database.keys(first).len().to_string()),
        "DEVICE_STATE" => Some(device(channel, first).to_owned()),
        "DIRNAME" => Some(path_parts(first).0.to_owned()),
        "GROUP" => Some(channel.groups.get(first).map(|group| group.name().to_owned()).unwrap_or_default()),
        "GROUP_COUNT" => Some(group_count(channel, first)),
        "GROUP_LIST" => {
            let name = |(category, group): (&String, &crate::groups::Member)| {
                if category.is_empty() { group.name().to_owned() } else { format!("{}@{category}", group.name()) }
            };
            Some(channel.groups.iter().map(name).collect::<Vec<_>>().join(" "))
        }
        "IFMODULE" => yes(false),
        "JSON_DECODE" => json(first, arg(1), arg(2), arg(3)),
        "PJSIP_HEADER" => header(channel, first, arg(1), arg(2)),
        "REDIRECTING" => Some(channel.redirecting.get(&first.to_ascii_lowercase()).cloned().unwrap_or_default()),
        "SIP_HEADER" => header(channel, "read", first, arg(1)),
        "VERSION" => Some(version(first)),
        _ => crate::apps::mailbox_value(&channel.exchange, name, args),
    }
}

/// Writes a function; nothing where it is none of these.
pub(crate) fn write(channel: &mut Channel, name: &str, args: &[String], value: &str) -> Option<Result<(), String>> {
    let first = args.first().map_or("", |text| text.trim());
    let bounded = |map: &std::collections::BTreeMap<String, String>, key: &str| {
        map.len() < crate::limits::FACTS || map.contains_key(key)
    };
    Some(match name {
        "CALLERPRES" => {
            channel.caller_private = value.starts_with("prohib");
            Ok(())
        }
        "CDR" => match first.to_ascii_lowercase().as_str() {
            "accountcode" => {
                value.clone_into(&mut channel.account);
                Ok(())
            }
            key if is_fact(key) => Err(format!("CDR({key}) is a fact of the call")),
            key if bounded(&channel.facts, key) => {
                channel.facts.insert(key.to_owned(), value.to_owned());
                Ok(())
            }
            _ => Err("too many fields of the record".to_owned()),
        },
        // A record that a plan can switch off hides theft.
        "CDR_PROP" => Err("the call's record stays as it is".to_owned()),
        "CONNECTEDLINE" | "REDIRECTING" => {
            let map = if name == "REDIRECTING" { &mut channel.redirecting } else { &mut channel.connected };
            let key = first.to_ascii_lowercase();
            if bounded(map, &key) {
                map.insert(key, value.to_owned());
                Ok(())
            } else {
                Err("too many parts".to_owned())
            }
        }
        "DB" => channel.exchange.database.put(first, value).map_err(|why| why.to_string()),
        "GROUP" => {
            // The value may name the category too: name@category.
            let (group, category) = value.split_once('@').unwrap_or((value, first));
            if group.is_empty() {
                channel.groups.remove(category);
            } else if channel.groups.len() < crate::limits::FACTS || channel.groups.contains_key(category) {
                // The old place first, so that a call never counts twice.
                channel.groups.remove(category);
                let member = channel.exchange.groups.enter(category, group);
                channel.groups.insert(category.to_owned(), member);
            }
            Ok(())
        }
        _ => return None,
    })
}

/// An entry of the plan's database; what was found is in `DB_RESULT` too.
fn entry(channel: &mut Channel, key: &str) -> Option<String> {
    let value = channel.exchange.database.get(key);
    if value.is_some() {
        channel.db_result.clone_from(&value);
    }
    value
}

/// Folder and name of a path, as POSIX has them: slashes at its end do not count, no folder is `.`.
fn path_parts(path: &str) -> (&str, &str) {
    let path = match path.trim_end_matches('/') {
        "" if path.starts_with('/') => return ("/", "/"),
        "" => return (".", "."),
        path => path,
    };
    match path.rsplit_once('/') {
        None => (".", path),
        Some((folder, name)) => (Some(folder.trim_end_matches('/')).filter(|f| !f.is_empty()).unwrap_or("/"), name),
    }
}

fn presentation(channel: &Channel) -> &'static str {
    if channel.caller_private { "prohib_not_screened" } else { "allowed_not_screened" }
}

fn connected(channel: &Channel, part: &str) -> Option<String> {
    Some(channel.connected.get(&part.to_ascii_lowercase()).cloned().unwrap_or_default())
}

/// What a record knows by itself.
const FACTS: [&str; 16] = [
    "clid",
    "src",
    "dst",
    "dcontext",
    "channel",
    "dstchannel",
    "lastapp",
    "lastdata",
    "start",
    "answer",
    "end",
    "duration",
    "billsec",
    "disposition",
    "uniqueid",
    "linkedid",
];

fn is_fact(name: &str) -> bool {
    FACTS.contains(&name)
}

fn record(channel: &mut Channel, field: &str) -> Option<String> {
    let now = channel.exchange.clock.now();
    let seconds = |from: Option<i64>| from.map_or(0, |from| (now - from).max(0) / 1000).to_string();
    let date = |channel: &Channel, at: Option<i64>| {
        let Some(at) = at else { return String::new() };
        let t = channel.exchange.civil_at(at.div_euclid(1000), "");
        format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute, t.second)
    };
    Some(match field.to_ascii_lowercase().as_str() {
        "clid" => format!("\"{}\" <{}>", channel.caller_name, channel.caller_number),
        "src" => channel.caller_number.clone(),
        "dst" => channel.dialled.clone(),
        "channel" => channel.name.clone(),
        "start" => date(channel, Some(channel.began)),
        "answer" => date(channel, channel.answered_at),
        "duration" => seconds(Some(channel.began)),
        "billsec" => seconds(channel.answered_at),
        "disposition" => if channel.answered { "ANSWERED" } else { "NO ANSWER" }.to_owned(),
        "uniqueid" | "linkedid" => channel.unique_id.clone(),
        "accountcode" => channel.account.clone(),
        other => channel.facts.get(other).cloned().unwrap_or_default(),
    })
}

/// `PJSIP/204` as Asterisk words it.
fn device(channel: &Channel, name: &str) -> &'static str {
    let (technology, user) = name.split_once('/').unwrap_or(("", name));
    let known = channel.exchange.snapshot.load().config.extensions.contains_key(user);
    if !["PJSIP", "SIP"].iter().any(|ours| technology.eq_ignore_ascii_case(ours)) || !known {
        return "INVALID";
    }
    match channel.exchange.devices.of(user) {
        (1.., 1..) => "RINGINUSE",
        (0, 1..) => "INUSE",
        (1.., 0) => "RINGING",
        (0, 0) if channel.exchange.is_registered(user) => "NOT_INUSE",
        (0, 0) => "UNAVAILABLE",
    }
}

/// `[name][@category]`; without a name, the group that this call is in.
fn group_count(channel: &Channel, text: &str) -> String {
    let (name, category) = text.split_once('@').unwrap_or((text, ""));
    let name = match name {
        "" => channel.groups.get(category).map_or("", |group| group.name()),
        name => name,
    };
    channel.exchange.groups.count(category, name).to_string()
}

/// `PJSIP_HEADER(read,name[,number])`: of the request that the call came by.
fn header(channel: &Channel, action: &str, name: &str, number: &str) -> Option<String> {
    if !action.eq_ignore_ascii_case("read") {
        return None;
    }
    let nth = number.parse::<usize>().unwrap_or(1).max(1) - 1;
    let request = channel.request.as_ref().and_then(|bytes| sip::Request::parse(bytes));
    // What proves who somebody is concerns nobody but the door.
    if ["Authorization", "Proxy-Authorization"].iter().any(|secret| secret.eq_ignore_ascii_case(name)) {
        return Some(String::new());
    }
    let values = request.map(|request| request.headers(name)).unwrap_or_default();
    Some(values.into_iter().nth(nth).unwrap_or_default())
}

fn version(part: &str) -> String {
    match part {
        "" => format!("tollgate {}", env!("CARGO_PKG_VERSION")),
        _ => env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The value at a path of a JSON text: names and numbers with dots between, or with another separator. Option `c`: how many
/// values an array has.
fn json(text: &str, path: &str, separator: &str, options: &str) -> Option<String> {
    let tree: serde_json::Value = serde_json::from_str(text).ok()?;
    let separator = if separator.is_empty() { "." } else { separator };
    let mut at = &tree;
    for part in path.split(separator).filter(|part| !part.is_empty()) {
        at = match at {
            serde_json::Value::Array(list) => list.get(part.parse::<usize>().ok()?)?,
            other => other.get(part)?,
        };
    }
    Some(match at {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Bool(is) => u8::from(*is).to_string(),
        serde_json::Value::Null => String::new(),
        serde_json::Value::Array(list) if options.contains('c') => list.len().to_string(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_into_json() {
        let text = r#"{"who":{"names":["Ann","Bob"],"n":5,"ok":true,"nil":null}}"#;
        let check =
            |path: &str, expected: Option<&str>| assert_eq!(json(text, path, "", "").as_deref(), expected, "{path}");
        check("who.names.1", Some("Bob"));
        check("who.n", Some("5"));
        check("who.ok", Some("1"));
        check("who.nil", Some(""));
        check("who.names", Some(r#"["Ann","Bob"]"#));
        check("who.names.9", None);
        check("nobody", None);
        assert_eq!(json(text, "who/n", "/", "").as_deref(), Some("5"));
        assert_eq!(json(text, "who.names", "", "c").as_deref(), Some("2"));
        assert_eq!(json(text, "who.n", "", "c").as_deref(), Some("5"));
        assert_eq!(json("no json", "a", "", ""), None);
    }

    #[test]
    fn paths_have_folder_and_name() {
        for (path, folder, name) in [
            ("/a/b.wav", "/a", "b.wav"),
            ("b.wav", ".", "b.wav"),
            ("/b.wav", "/", "b.wav"),
            ("a//b/", "a", "b"),
            ("/", "/", "/"),
            ("", ".", "."),
        ] {
            assert_eq!(path_parts(path), (folder, name), "{path}");
        }
    }
}
