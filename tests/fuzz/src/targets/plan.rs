//! What an owner writes: a dialplan, a configuration. A mistake in them is a finding, never the end of the exchange.

use dialplan::load::{self, NoFiles};
use dialplan::program::Dialect;
use pbx::config::Config;
use pbx::plan::{self, HandWritten};

use super::Outcome;

pub(crate) const PLAN_WORDS: &[&str] = &[
    "[general]\n",
    "[globals]\n",
    "[from-internal]\n",
    "[x](!)\n",
    "[y](x)\n",
    "exten => ",
    "same => n,",
    "_X.",
    "_NXXNXXXXXX",
    "_[0-9]!",
    "s,1,",
    "n(label),",
    "hint,",
    "i,1,",
    "t,1,",
    "h,1,",
    "Dial(PJSIP/204,20,rm)",
    "Goto(",
    "GotoIf($[",
    "]?a:b)",
    "Gosub(",
    "Return()",
    "Set(",
    "${",
    "}",
    "$[",
    "]",
    "${EXTEN:1}",
    "${CALLERID(num)}",
    "${IF(",
    "${FILTER(0-9,",
    "${CUT(",
    "&",
    "|",
    ",",
    "\"",
    "\\",
    ";",
    ";--",
    "--;",
    "#include \"x\"\n",
    "include => ",
    "switch => ",
    "ignorepat => 9\n",
    "Background(",
    "WaitExten(5)",
    "Read(X,,4)",
    "While($[1])",
    "EndWhile()",
    "ExecIf($[1]?NoOp(x):Hangup())",
    "=~",
    ">=",
    "!=",
    "(",
    ")",
    "n+1000000",
    "4294967295",
    "\u{201c}",
    "\n",
    "\r\n",
    "\t",
];

pub(crate) const CONFIG_WORDS: &[&str] = &[
    "[system]\n",
    "name = \"x\"\n",
    "country = \"US\"\n",
    "[sip]\n",
    "udp = [\"0.0.0.0:5060\"]\n",
    "tcp = []\n",
    "local_networks = [\"10.0.0.0/8\"]\n",
    "[media]\n",
    "ports = \"16384-32767\"\n",
    "[strangers]\n",
    "answer = \"menu:attendant\"\n",
    "max_calls = 9\n",
    "per_source = 1\n",
    "[extension.204]\n",
    "may = [\"internal\"]\n",
    "context = \"from-internal\"\n",
    "[group.222]\n",
    "members = [\"204\"]\n",
    "ring = \"all\"\n",
    "seconds = 20\n",
    "[menu.attendant]\n",
    "keys = { 1 = \"group:222\" }\n",
    "dial = \"2XX\"\n",
    "timeout = \"extension:204\"\n",
    "[trunk.itsp]\n",
    "kind = \"address\"\n",
    "host = \"192.0.2.1\"\n",
    "[did.\"+12025550100\"]\n",
    "to = \"menu:attendant\"\n",
    "[route.national]\n",
    "dial = \"_9NXXNXXXXXX\"\n",
    "strip = 1\n",
    "trunks = [\"itsp\"]\n",
    "for = [\"extensions\"]\n",
    "[policy]\n",
    "[dialplan]\n",
    "dialect = \"safe\"\n",
    "=",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "\n",
    "true",
    "9223372036854775807",
    "-1",
    "1e400",
    "nan",
    "[[x]]",
    "mailbox = \"204\"\n",
    "[mailbox.204]\n",
    "[grant.x]\n",
    "pin = \"1234\"\n",
];

pub(crate) fn dialplan(input: &[u8]) -> u64 {
    let mut outcome = Outcome::new();
    let (text, _) = load::decode(input);
    for dialect in [Dialect::Safe, Dialect::V22, Dialect::V1_4, Dialect::V1_0] {
        let loaded = load::load(&[("fuzz".to_owned(), text.clone())], dialect, &NoFiles);
        for finding in loaded.findings.iter().take(20) {
            outcome.add(finding.code);
            outcome.add(finding.span.map_or(0, |span| span.line.min(3)));
            // Every finding can be shown, whatever stands at its place.
            drop(finding.render(&loaded.sources));
        }
        outcome.add(loaded.program.hash().first().copied().unwrap_or(0) & 1);
    }
    outcome.number()
}

pub(crate) fn config(input: &[u8]) -> u64 {
    let mut outcome = Outcome::new();
    let text = String::from_utf8_lossy(input);
    let tree: serde_json::Value = match toml::from_str(&text) {
        Ok(tree) => tree,
        Err(error) => {
            outcome.add(error.message().len().min(40));
            return outcome.number();
        }
    };
    match Config::from_tree(&tree) {
        Err(problems) => {
            for problem in problems.iter().take(20) {
                outcome.add(format!("{problem:?}").len() % 97);
            }
        }
        Ok(config) => {
            outcome.add(config.extensions.len().min(4));
            let loaded = plan::compile(&config, &HandWritten { files: Vec::new() }, &NoFiles);
            outcome.add(loaded.findings.len().min(9));
            // What objects mean can be written down and read again.
            let text = plan::text(&config, &std::collections::BTreeSet::new());
            outcome.add(text.lines().count() % 31);
            let again = load::load(&[("fuzz".to_owned(), text)], Dialect::Safe, &NoFiles);
            assert_eq!(again.program.hash(), loaded.program.hash(), "what is printed reads back as the same program");
        }
    }
    outcome.number()
}
