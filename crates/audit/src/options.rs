//! Options of Dial and its like: transfers, subroutines and places to go on at.

use dialplan::apps::{ArgKind, Effect};
use dialplan::control::Call;
use dialplan::text::Template;

use crate::line::Here;
use crate::value::Value;
use crate::walk::{At, Spot, Walk};

impl Walk<'_> {
    /// Options of Dial and its like: only those that are written count, unless data writes them.
    pub(crate) fn options(&mut self, here: Here<'_>, call: &Call<Template>) {
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
                    Effect::Collects => self.go(Spot::Keys(here.context), Some(here.at)),
                    other => self.effect(here, call, *other),
                }
            }
        }
    }

    fn option_jump(&mut self, here: Here<'_>, letter: char, arg: &str, by_data: bool) {
        match letter {
            _ if by_data => self.everywhere(here.at),
            'e' => self.search(here.context, Value::literal("h"), At::First, here.at),
            'M' => {
                let name = arg.split('^').next().unwrap_or(arg);
                for context in self.plan.named(&Value::literal(&format!("macro-{name}"))) {
                    self.search(context, Value::literal("s"), At::First, here.at);
                }
            }
            'U' => {
                let parts: Vec<&str> = arg.split('^').collect();
                for context in self.plan.named(&Value::literal(parts.first().unwrap_or(&""))) {
                    self.search(context, Value::literal("s"), At::First, here.at);
                }
                self.place(here, &parts.join(","));
            }
            _ if arg.is_empty() => {}
            _ => {
                // G(context^extension^priority), F and the like; arguments of a subroutine stand in brackets.
                let label = arg.split('(').next().unwrap_or(arg).replace('^', ",");
                self.place(here, &label);
            }
        }
    }

    /// Somebody in the call may dial anything where transfers are looked up.
    fn transfers(&mut self, here: Here<'_>) {
        self.go(Spot::Keys(here.context), Some(here.at));
        for value in self.vars.assigned("TRANSFER_CONTEXT").iter() {
            for context in self.plan.named(value) {
                self.go(Spot::Keys(context), Some(here.at));
            }
        }
    }
}

/// Option letters with what stands in brackets behind them.
fn letters(text: &str) -> Vec<(char, String, bool)> {
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
