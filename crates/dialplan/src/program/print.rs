//! A program as the text of an `extensions.conf` that loads back into an equal one.

use super::{Context, Exten, Line, Program, Rules};
use std::fmt;

/// Text with its `;` escaped, so that it does not become a comment.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((before, after)) = rest.split_once(';') {
            write!(f, "{before}\\;")?;
            rest = after;
        }
        f.write_str(rest)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        let mut gap = |f: &mut fmt::Formatter<'_>| if std::mem::take(&mut first) { Ok(()) } else { writeln!(f) };
        for exec in &self.execs {
            gap(f)?;
            writeln!(f, "#exec {}", Escaped(exec))?;
        }
        if !self.general.is_empty() {
            gap(f)?;
            writeln!(f, "[general]")?;
            for (name, value) in &self.general {
                writeln!(f, "{} = {}", Escaped(name), Escaped(value))?;
            }
        }
        if !self.globals_text.is_empty() {
            gap(f)?;
            writeln!(f, "[globals]")?;
            for (name, value) in &self.globals_text {
                writeln!(f, "{} = {}", Escaped(name), Escaped(value))?;
            }
        }
        let mut rules = self.rules;
        for context in &self.contexts {
            gap(f)?;
            context.write(f, &mut rules)?;
        }
        Ok(())
    }
}

/// Says so where other rules begin, so that the text loads back.
fn marked(f: &mut fmt::Formatter<'_>, current: &mut Rules, rules: Rules) -> fmt::Result {
    if *current != rules {
        *current = rules;
        writeln!(f, "; tollgate: dialect {rules}")?;
    }
    Ok(())
}

impl Context {
    fn write(&self, f: &mut fmt::Formatter<'_>, rules: &mut Rules) -> fmt::Result {
        marked(f, rules, self.rules)?;
        writeln!(f, "[{}]", Escaped(&self.name))?;
        for ignorepat in &self.ignorepats {
            writeln!(f, "ignorepat => {}", Escaped(ignorepat))?;
        }
        for exten in &self.extens {
            exten.write(f, rules)?;
        }
        marked(f, rules, self.rules)?;
        for hint in &self.hints {
            writeln!(f, "exten => {},hint,{}", Escaped(&hint.exten), Escaped(&hint.devices))?;
        }
        for include in &self.includes {
            let separator = match &include.times {
                Some(times) if times.dialect() != rules.dialect => {
                    marked(f, rules, Rules { dialect: times.dialect(), ..*rules })?;
                    times.dialect().separator()
                }
                _ => rules.dialect.separator(),
            };
            write!(f, "include => {}", Escaped(&include.context))?;
            if let Some(times) = &include.times {
                write!(f, "{}{}", char::from(separator), Escaped(times.text()))?;
            }
            writeln!(f)?;
        }
        for switch in &self.switches {
            writeln!(f, "{} => {}", switch.kind, Escaped(&switch.target))?;
        }
        Ok(())
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &mut { self.rules })
    }
}

impl Exten {
    fn write(&self, f: &mut fmt::Formatter<'_>, rules: &mut Rules) -> fmt::Result {
        let mut last = None;
        for (priority, line) in &self.lines {
            marked(f, rules, line.rules)?;
            let short = line.rules.dialect.has_same();
            match last {
                Some(before) if short && before + 1 == *priority => f.write_str("same => n")?,
                Some(_) if short => write!(f, "same => {priority}")?,
                _ => write!(f, "exten => {},{priority}", Escaped(&self.title()))?,
            }
            if let Some(label) = &line.label {
                write!(f, "({})", Escaped(label))?;
            }
            writeln!(f, ",{line}")?;
            last = Some(*priority);
        }
        Ok(())
    }
}

impl fmt::Display for Exten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.lines.values().next().map_or(Rules::default(), |line| line.rules);
        self.write(f, &mut { rules })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where a value stands before the first bracket, the whole text is the application's name.
        if self.data.is_empty() && (self.app.contains("${") || self.app.contains("$[")) {
            return write!(f, "{}", Escaped(&self.app));
        }
        if !self.rules.dialect.is_old() {
            return write!(f, "{}({})", Escaped(&self.app), Escaped(&self.data));
        }
        // What loading would take for quoting.
        let mut data = String::with_capacity(self.data.len());
        for c in self.data.chars() {
            if matches!(c, '\\' | '\'' | ',') {
                data.push('\\');
            }
            data.push(c);
        }
        write!(f, "{}({})", Escaped(&self.app), Escaped(&data))
    }
}
