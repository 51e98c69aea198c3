//! Puts a program together line by line; the loader calls it in file order.

use super::{Context, Exten, Line, Program, Rules, search};
use crate::pattern::{Caller, Pattern, Tail};
use crate::span::Span;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

/// A program that grows.
pub(crate) struct Builder {
    pub(crate) program: Program,
    /// For each context: extension text with caller part → its number.
    extens: Vec<HashMap<String, u32>>,
}

impl Builder {
    pub(crate) fn new(rules: Rules) -> Builder {
        Builder { program: Program { rules, ..Program::default() }, extens: Vec::new() }
    }

    /// A file with these rules is among those that are read.
    pub(crate) fn follows(&mut self, rules: Rules) {
        self.program.compat = self.program.compat.or(rules.compat);
        self.program.folds |= rules.dialect.folds_case();
        self.program.legacy |= rules.dialect.is_legacy();
    }

    /// The number of a context, which is made if it is new.
    pub(crate) fn context(&mut self, name: &str, span: Span, rules: Rules) -> usize {
        if let Some(at) = self.program.by_name.get(name) {
            return *at as usize;
        }
        let at = self.program.contexts.len();
        let name: Arc<str> = name.into();
        let number = u32::try_from(at).unwrap_or(u32::MAX);
        self.program.by_name.insert(name.clone(), number);
        self.program.contexts.push(Context {
            name,
            span,
            rules,
            extens: Vec::new(),
            includes: Vec::new(),
            ignorepats: Vec::new(),
            switches: Vec::new(),
            hints: Vec::new(),
            number,
            index: search::Index::default(),
        });
        self.extens.push(HashMap::new());
        at
    }

    pub(crate) fn context_mut(&mut self, at: usize) -> Option<&mut Context> {
        self.program.contexts.get_mut(at)
    }

    /// The number of an extension in a context, which is made if it is new.
    pub(crate) fn exten(&mut self, context: usize, name: &str, caller: Option<&str>, span: Span) -> usize {
        let (Some(context), Some(known)) = (self.program.contexts.get_mut(context), self.extens.get_mut(context))
        else {
            return usize::MAX;
        };
        let dialect = context.rules.dialect;
        let pattern = Pattern::parse_in(name, dialect);
        let mut key = if dialect.is_legacy() { name.to_owned() } else { canonical(name, &pattern) };
        if let Some(caller) = caller {
            key.push('/');
            key.push_str(caller);
        }
        if let Some(at) = known.get(&key) {
            return *at as usize;
        }
        let at = context.extens.len();
        let number = u32::try_from(at).unwrap_or(u32::MAX);
        known.insert(key, number);
        self.program.callers |= caller.is_some();
        context.extens.push(Exten {
            name: name.into(),
            pattern,
            caller: caller.map(|text| Caller::parse_in(text, dialect)),
            span,
            lines: BTreeMap::new(),
            number,
        });
        at
    }

    /// Adds a line. `Err`: the same extension and priority is there already, at this span.
    pub(crate) fn line(&mut self, context: usize, exten: usize, priority: u32, line: Line) -> Result<(), Span> {
        let context = self.program.contexts.get_mut(context);
        let Some(exten) = context.and_then(|c| c.extens.get_mut(exten)) else { return Ok(()) };
        match exten.lines.entry(priority) {
            Entry::Occupied(first) => Err(first.get().span),
            Entry::Vacant(free) => {
                free.insert(line);
                Ok(())
            }
        }
    }

    pub(crate) fn finish(mut self) -> Program {
        for context in &mut self.program.contexts {
            context.index = search::Index::new(&context.extens, context.rules.dialect);
        }
        self.program
    }
}

/// The same text for extensions that Asterisk takes for the same: `_51` and `_[5]1`, `555-1212` and `5551212`.
fn canonical(name: &str, pattern: &Pattern) -> String {
    match pattern {
        Pattern::Literal(text) => text.to_string(),
        Pattern::Never => name.to_owned(),
        Pattern::Sets(sets, tail) => {
            let mut key = String::from("_");
            for set in sets {
                let _ = write!(key, "{set:?}");
            }
            key.push_str(match tail {
                Tail::End => "",
                Tail::Any => ".",
                Tail::Early => "!",
            });
            key
        }
    }
}
