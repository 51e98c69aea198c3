//! Functions `${NAME(args)}`: which there are, which are computed here and which the call is asked for.
//!
//! `text`, `list`, `number`, `logic` and `moment` compute; the table is also what the loader and the prover look at.

mod list;
mod logic;
mod moment;
mod number;
mod table;
mod text;

use crate::eval::{Fault, Scope};
use crate::limits;
use crate::text::Template;

pub use table::{FuncSpec, TABLE, lookup};

/// How a function is carried out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Read {
    /// Computed here.
    Here(fn(&mut Scope<'_>, &Args<'_>) -> Result<String, Fault>),
    /// The call is asked.
    Host,
    /// It cannot be read.
    No,
}

/// How a function is written by `Set`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Write {
    /// Done here.
    Here(fn(&mut Scope<'_>, &[String], &str) -> Result<(), Fault>),
    /// The call is asked.
    Host,
    /// It cannot be written.
    No,
}

/// What stands between a function's brackets.
pub(crate) struct Args<'a> {
    template: &'a Template,
}

impl Args<'_> {
    /// All of it as one text.
    fn whole(&self, scope: &mut Scope<'_>) -> Result<String, Fault> {
        scope.expand(self.template)
    }

    /// Separated by commas; from argument `most` on the rest stays together.
    fn list(&self, scope: &mut Scope<'_>, most: usize) -> Result<Vec<String>, Fault> {
        let dialect = scope.rules.dialect;
        self.template.split(dialect.separator(), dialect.split(), most).iter().map(|t| scope.expand(t)).collect()
    }

    /// Separated by commas, with quotes and backslashes kept.
    fn raw_list(&self, scope: &mut Scope<'_>, most: usize) -> Result<Vec<String>, Fault> {
        let dialect = scope.rules.dialect;
        self.template.split(dialect.separator(), dialect.raw_split(), most).iter().map(|t| scope.expand(t)).collect()
    }

    /// The first argument is the name of a variable, or a function written out: its value, then the other arguments.
    fn named(&self, scope: &mut Scope<'_>, most: usize) -> Result<(String, Vec<String>), Fault> {
        let dialect = scope.rules.dialect;
        let mut parts = self.template.split(dialect.separator(), dialect.split(), most).into_iter();
        let first = parts.next().unwrap_or_default();
        let passed = first.split_once(b'(').filter(|(name, _)| name.as_literal() == Some("PASSTHRU"));
        let value = match first.as_literal() {
            // The text itself, where a function wants the name of a variable.
            _ if let Some((text, _)) = passed.as_ref().and_then(|(_, rest)| rest.rsplit_once(b')')) => {
                scope.expand(&text)?
            }
            Some(name) if name.contains('(') => {
                let (template, _) = Template::parse_in(&format!("${{{name}}}"), dialect);
                scope.expand(&template)?
            }
            _ => {
                let name = scope.expand(&first)?;
                scope.variable(name.trim()).unwrap_or_default()
            }
        };
        let rest = parts.map(|t| scope.expand(&t)).collect::<Result<_, _>>()?;
        Ok((value, rest))
    }
}

/// Reads a function.
pub(crate) fn read(scope: &mut Scope<'_>, name: &str, args: &Template) -> Result<String, Fault> {
    let Some(spec) = lookup(name) else {
        scope.host.note(&format!("there is no function {name}"));
        return Ok(scope.rules.dialect.unknown_function().to_owned());
    };
    let args = Args { template: args };
    match spec.read {
        Read::Here(read) => {
            let value = read(scope, &args)?;
            if value.len() > limits::VALUE_BYTES { Err(Fault::TooLong) } else { Ok(value) }
        }
        Read::Host => {
            let list = args.list(scope, limits::ARGUMENTS)?;
            Ok(match scope.host.function(spec.name, &list) {
                Some(value) if value.len() > limits::VALUE_BYTES => return Err(Fault::TooLong),
                Some(value) => value,
                None => {
                    scope.host.note(&format!("the call cannot tell {name}"));
                    String::new()
                }
            })
        }
        Read::No => {
            scope.host.note(&format!("{name} cannot be read"));
            Ok(String::new())
        }
    }
}

/// Writes a function.
pub(crate) fn write(scope: &mut Scope<'_>, name: &str, args: &[String], value: &str) -> Result<(), Fault> {
    match lookup(name).map(|spec| (spec.name, spec.write)) {
        Some((_, Write::Here(write))) => write(scope, args, value),
        Some((name, Write::Host)) => {
            if let Err(reason) = scope.host.set_function(name, args, value) {
                scope.host.note(&format!("{name} was not set: {reason}"));
            }
            Ok(())
        }
        Some((name, Write::No)) => {
            scope.host.note(&format!("{name} cannot be written"));
            Ok(())
        }
        None => {
            scope.host.note(&format!("there is no function {name}"));
            Ok(())
        }
    }
}

/// The nth argument, empty if it is not there.
fn nth(args: &[String], n: usize) -> &str {
    args.get(n).map_or("", String::as_str)
}
