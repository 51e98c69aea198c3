//! Options of Dial and its like: transfers, subroutines and places to go on at.

use dialplan::apps::{ArgKind, Effect};
use dialplan::control::Call;
use dialplan::text::Template;

use super::search::At;
use super::{Here, Node, Prover, Via};

impl Prover<'_> {
    /// Only those that are written count, unless data writes them.
    pub(super) fn options(&mut self, here: &Here, call: &Call<Template>) {
        let spec = call.app.spec();
        let Some(options) = spec.position(ArgKind::Options).and_then(|position| call.args.get(position)) else {
            return;
        };
        let letters: Vec<(char, String, bool)> = match options.as_literal() {
            Some(text) => letters(text),
            // A value inside an option's brackets leaves the letters as they are written.
            None => {
                let text = options.to_string();
                let mut all = letters(&text);
                all.iter_mut().for_each(|(_, arg, data)| *data = arg.contains('$'));
                if all.iter().any(|(letter, ..)| matches!(letter, '$' | '{' | '}')) {
                    all = spec.options.iter().map(|option| (option.letter, "${}".to_owned(), true)).collect();
                }
                all
            }
        };
        for (letter, arg, by_data) in letters {
            let Some(option) = spec.option(letter) else { continue };
            for effect in option.effects {
                match effect {
                    Effect::Jumps => self.option_jump(here, letter, &arg, by_data),
                    Effect::Transfers => self.transfers(here),
                    Effect::Collects => self.listen(Some(here.at), here.node, &here.state.env, Via::Next),
                    other => self.effect(here, call, *other, None),
                }
            }
        }
    }

    fn option_jump(&mut self, here: &Here, letter: char, arg: &str, by_data: bool) {
        let there = |prover: &mut Self, context: &str, exten: &[u8]| {
            let name = prover.langs.literal(context.as_bytes());
            for context in prover.contexts(name) {
                let exten = prover.langs.literal(exten);
                let node = Node { context, ..here.node };
                prover.search(Some(here.at), node, exten, &At::First, &here.state.env, Via::Others, false);
            }
        };
        match letter {
            _ if by_data => self.everywhere(here),
            'e' => {
                let exten = self.langs.literal(b"h");
                self.search(Some(here.at), here.node, exten, &At::First, &here.state.env, Via::HangUp, false);
            }
            'M' => {
                let name = arg.split('^').next().unwrap_or(arg);
                there(self, &format!("macro-{name}"), b"s");
            }
            'U' => {
                let parts: Vec<&str> = arg.split('^').collect();
                there(self, parts.first().unwrap_or(&""), b"s");
                self.place(here, &parts.join(","), &Via::Others);
            }
            _ if arg.is_empty() => {}
            _ => {
                // G(context^extension^priority), F and the like; arguments of a subroutine stand in brackets.
                let label = arg.split('(').next().unwrap_or(arg).replace('^', ",");
                self.place(here, &label, &Via::Others);
            }
        }
    }

    /// Somebody in the call may dial anything where transfers are looked up.
    fn transfers(&mut self, here: &Here) {
        self.listen(Some(here.at), here.node, &here.state.env, Via::Others);
        let names = self.read(&here.state, "TRANSFER_CONTEXT").lang;
        for context in self.contexts(names) {
            let node = Node { context, ..here.node };
            self.listen(Some(here.at), node, &here.state.env, Via::Others);
        }
    }
}

/// Option letters with what stands in brackets behind them.
pub(crate) fn letters(text: &str) -> Vec<(char, String, bool)> {
    let mut found: Vec<(char, String, bool)> = Vec::new();
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '(' => {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            }
            ')' => {
                depth -= 1;
                if depth == 0 {
                    continue;
                }
            }
            _ => {}
        }
        match (depth, found.last_mut()) {
            (1.., Some((_, arg, _))) => arg.push(c),
            _ => found.push((c, String::new(), false)),
        }
    }
    found
}
