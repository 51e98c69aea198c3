//! Destinations of Dial and its kin: what a text between the brackets may reach. Written like `pbx` reads them, and wider
//! where it is not sure: `PJSIP/204`, `PJSIP/number@trunk`, `SIP/trunk/number`, `Local/exten@context`.

use crate::facts::Facts;
use crate::value::{Piece, Value};

/// What one destination may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A phone of the house, by its number.
    Phone(Value),
    /// A trunk by its name, with the number that is dialled.
    Trunk(String, Value),
    /// A place of the plan.
    Local { exten: Value, context: Value },
    /// Data decides: every phone, every trunk and every place.
    Anything,
}

/// Reads all destinations of one text.
pub(crate) fn targets(text: &Value, facts: &Facts) -> Vec<Target> {
    if text.data_may_hold(b'&') {
        return vec![Target::Anything];
    }
    let mut found = Vec::new();
    for one in split(text, b'&') {
        target(&one, facts, &mut found);
        if found.contains(&Target::Anything) {
            return vec![Target::Anything];
        }
    }
    found
}

/// Cuts at a byte that stands in the plan's own text.
fn split(text: &Value, byte: u8) -> Vec<Value> {
    text.pieces().split(|piece| is(piece, byte)).map(Value::of_pieces).collect()
}

fn is(piece: &Piece, byte: u8) -> bool {
    !piece.run && piece.set.single() == Some(byte)
}

/// The parts before and after the first place where a byte surely stands.
fn cut(text: &Value, byte: u8) -> Option<(Value, Value)> {
    let at = text.pieces().iter().position(|piece| is(piece, byte))?;
    let (before, after) = (text.pieces().get(..at)?, text.pieces().get(at + 1..)?);
    Some((Value::of_pieces(before), Value::of_pieces(after)))
}

fn cut_last(text: &Value, byte: u8) -> Option<(Value, Value)> {
    let at = text.pieces().iter().rposition(|piece| is(piece, byte))?;
    let (before, after) = (text.pieces().get(..at)?, text.pieces().get(at + 1..)?);
    Some((Value::of_pieces(before), Value::of_pieces(after)))
}

fn target(text: &Value, facts: &Facts, found: &mut Vec<Target>) {
    let Some((technology, rest)) = cut(text, b'/') else {
        // Without a slash nothing is dialled, unless data brings one along.
        if text.bytes().has(b'/') {
            found.push(Target::Anything);
        }
        return;
    };
    let technology = match technology.text() {
        Some(name) => name.trim().to_ascii_uppercase(),
        None => return found.push(Target::Anything),
    };
    match technology.as_str() {
        "" => {}
        "LOCAL" => local(&rest, found),
        "PJSIP" | "SIP" => sip(&rest, facts, found),
        _ => {
            let line = cut(&rest, b'/').map_or_else(|| rest.clone(), |(line, _)| line);
            let name = match line.text() {
                Some(line) => format!("{technology}/{line}"),
                None => technology,
            };
            let number = cut(&rest, b'/').map(|(_, number)| number).unwrap_or_default();
            found.push(Target::Trunk(name, number));
        }
    }
}

fn local(rest: &Value, found: &mut Vec<Target>) {
    if rest.data_may_hold(b'@') {
        // Data may name another context.
        return found.push(Target::Local { exten: Value::anything(), context: Value::anything() });
    }
    let (exten, context) = cut(rest, b'@').unwrap_or_else(|| (rest.clone(), Value::literal("default")));
    let context = if context.data_may_hold(b'/') {
        Value::anything()
    } else {
        cut(&context, b'/').map_or(context, |(context, _)| context)
    };
    found.push(Target::Local { exten, context });
}

fn sip(rest: &Value, facts: &Facts, found: &mut Vec<Target>) {
    if rest.data_may_hold(b'@') || (rest.data_may_hold(b'/') && cut(rest, b'@').is_none()) {
        // Data may name a trunk, and it may as well name a phone.
        trunks(&Value::anything(), &Value::anything(), facts, found);
        found.push(Target::Phone(Value::anything()));
    } else if let Some((number, name)) = cut_last(rest, b'@') {
        trunks(&name, &number, facts, found);
    } else if let Some((name, number)) = cut(rest, b'/') {
        trunks(&name, &number, facts, found);
    } else {
        for name in facts.trunks.iter().filter(|name| rest.meets(&Value::literal(name))) {
            found.push(Target::Trunk(name.clone(), Value::default()));
        }
        found.push(Target::Phone(rest.clone()));
    }
}

/// Every trunk that a text may name. A name that nobody configured is taken for a trunk too: it is at least no phone.
fn trunks(name: &Value, number: &Value, facts: &Facts, found: &mut Vec<Target>) {
    if let Some(name) = name.text() {
        return found.push(Target::Trunk(name, number.clone()));
    }
    let before = found.len();
    for known in facts.trunks.iter().filter(|known| name.meets(&Value::literal(known))) {
        found.push(Target::Trunk(known.clone(), number.clone()));
    }
    if found.len() == before {
        found.push(Target::Trunk("any trunk".to_owned(), number.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::{clean, keypad};

    fn check(text: Value, expected: &[&str]) {
        let facts = Facts { trunks: ["itsp".to_owned(), "gsm".to_owned()].into(), ..Facts::default() };
        let shown: Vec<String> = targets(&text, &facts)
            .into_iter()
            .map(|target| match target {
                Target::Phone(value) => format!("phone {}", value.text().unwrap_or_else(|| "?".into())),
                Target::Trunk(name, number) => format!("{name}<{}", number.text().unwrap_or_else(|| "?".into())),
                Target::Local { exten, context } => {
                    let show = |value: &Value| value.text().unwrap_or_else(|| "?".into());
                    format!("{}@{}", show(&exten), show(&context))
                }
                Target::Anything => "anything".into(),
            })
            .collect();
        assert_eq!(shown, expected, "{text:?}");
    }

    fn with(before: &str, data: crate::bytes::Bytes, after: &str) -> Value {
        Value::literal(before).then(&Value::run(data)).then(&Value::literal(after))
    }

    #[test]
    fn written_out() {
        let lit = Value::literal;
        check(lit("PJSIP/204"), &["phone 204"]);
        check(lit("PJSIP/204&SIP/200"), &["phone 204", "phone 200"]);
        check(lit("PJSIP/0044123@itsp"), &["itsp<0044123"]);
        check(lit("SIP/itsp/0044123"), &["itsp<0044123"]);
        check(lit("PJSIP/itsp"), &["itsp<", "phone itsp"]);
        check(lit("PJSIP/1@2@other"), &["other<1@2"]);
        check(lit("DAHDI/g1/5551234"), &["DAHDI/g1<5551234"]);
        check(lit("Local/222@groups/n"), &["222@groups"]);
        check(lit("local/222"), &["222@default"]);
        check(lit(""), &[]);
        check(lit("204"), &[]);
    }

    #[test]
    fn by_data() {
        check(with("PJSIP/", keypad(), ""), &["phone ?"]);
        check(with("PJSIP/", keypad(), "@itsp"), &["itsp<?"]);
        check(with("PJSIP/2", clean(), ""), &["phone ?"]);
        check(with("PJSIP/", crate::bytes::Bytes::ALL, ""), &["anything"]);
        check(with("PJSIP/", crate::bytes::Bytes::ALL.without(b'&'), ""), &["gsm<?", "itsp<?", "phone ?"]);
        check(with("", keypad(), "/204"), &["anything"]);
        check(with("PJSIP/1@", keypad().with(b't').with(b's').with(b'p').with(b'i'), ""), &["itsp<1"]);
        check(with("Local/", keypad(), "@outbound"), &["?@outbound"]);
        check(with("Local/", crate::bytes::Bytes::ALL.without(b'&'), "@inside"), &["?@?"]);
        check(Value::run(keypad()), &[]);
    }
}
