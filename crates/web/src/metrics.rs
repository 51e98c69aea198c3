//! Numbers for a monitoring system, in the Prometheus text format 0.0.4. Whoever implements [`crate::Source`] makes them.

use std::fmt::Write;

use crate::limits;

/// Does it only rise?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Counts since the start; only rises.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One number and what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Label names with their values. Names are ours; values may come from anywhere and are escaped.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: f64,
}

/// One metric with all its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Name, `tollgate_…`; letters, digits, `_` and `:` only, or the metric is left out.
    pub name: &'static str,
    /// What it says, in one sentence.
    pub help: &'static str,
    /// Counter or gauge.
    pub kind: Kind,
    /// The numbers.
    pub samples: Vec<Sample>,
}

impl Metric {
    /// A number that only rises, without labels.
    pub fn counter(name: &'static str, help: &'static str, value: f64) -> Self {
        Self { name, help, kind: Kind::Counter, samples: vec![Sample { labels: Vec::new(), value }] }
    }

    /// A number that goes up and down, without labels.
    pub fn gauge(name: &'static str, help: &'static str, value: f64) -> Self {
        Self { name, help, kind: Kind::Gauge, samples: vec![Sample { labels: Vec::new(), value }] }
    }
}

/// The whole answer to `GET /metrics`.
pub(crate) fn render(metrics: &[Metric]) -> String {
    let mut text = String::with_capacity(4_096);
    let mut room = limits::SAMPLES;
    for metric in metrics.iter().filter(|metric| is_name(metric.name)) {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let help = metric.help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP {0} {help}\n# TYPE {0} {kind}\n", metric.name);
        for sample in metric.samples.iter().take(room) {
            text.push_str(metric.name);
            labels(&mut text, &sample.labels);
            let _ = writeln!(text, " {}", number(sample.value));
        }
        room = room.saturating_sub(metric.samples.len());
    }
    text
}

fn labels(text: &mut String, labels: &[(&'static str, String)]) {
    let mut open = '{';
    for (name, value) in labels.iter().filter(|(name, _)| is_name(name) && !name.contains(':')) {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(text, "{open}{name}=\"{value}\"");
        open = ',';
    }
    if open == ',' {
        text.push('}');
    }
}

fn number(value: f64) -> String {
    if value.is_infinite() { if value > 0.0 { "+Inf".into() } else { "-Inf".into() } } else { value.to_string() }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_format() {
        let calls = Metric {
            name: "tollgate_calls",
            help: "Calls that are on.",
            kind: Kind::Gauge,
            samples: vec![
                Sample { labels: vec![("origin", "stranger".into())], value: 2.0 },
                Sample { labels: vec![("origin", "trunk \"a\\b\"\n".into()), ("x", "y".into())], value: 0.5 },
            ],
        };
        let text = render(&[calls, Metric::counter("tollgate_packets_total", "Packets.", 7.0)]);
        assert_eq!(
            text,
            "# HELP tollgate_calls Calls that are on.\n# TYPE tollgate_calls gauge\n\
             tollgate_calls{origin=\"stranger\"} 2\n\
             tollgate_calls{origin=\"trunk \\\"a\\\\b\\\"\\n\",x=\"y\"} 0.5\n\
             # HELP tollgate_packets_total Packets.\n# TYPE tollgate_packets_total counter\ntollgate_packets_total 7\n"
        );
    }

    #[test]
    fn odd_numbers_and_names() {
        assert_eq!((number(f64::NAN).as_str(), number(f64::INFINITY).as_str()), ("NaN", "+Inf"));
        assert_eq!(render(&[Metric::gauge("bad name", "x", 1.0), Metric::gauge("", "x", 1.0)]), "");
    }

    #[test]
    fn samples_are_bounded() {
        let many = vec![Sample { labels: vec![], value: 1.0 }; limits::SAMPLES + 5];
        let metric = Metric { name: "m", help: "h", kind: Kind::Gauge, samples: many };
        assert_eq!(render(&[metric.clone(), metric]).lines().filter(|line| *line == "m 1").count(), limits::SAMPLES);
    }

    proptest! {
        /// INVARIANT: a label value, whoever wrote it, stays inside its quotes on its line.
        #[test]
        fn values_cannot_forge_a_line(value in any::<String>()) {
            let metric = Metric { name: "m", help: "h", kind: Kind::Gauge, samples: vec![Sample { labels: vec![("l", value)], value: 1.0 }] };
            let text = render(&[metric]);
            prop_assert_eq!(text.split('\n').count(), 4);
            let line = text.split('\n').nth(2).unwrap_or_default();
            let inner = line.strip_prefix("m{l=\"").and_then(|rest| rest.strip_suffix("\"} 1"));
            let inner = inner.ok_or_else(|| TestCaseError::fail(line.to_owned()))?;
            prop_assert!(!inner.replace("\\\\", "").replace("\\\"", "").contains('"'));
        }
    }
}
