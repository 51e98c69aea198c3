//! The reference page of applications and functions, made of the tables: `docs/reference.md`. A test keeps it equal.

use crate::apps::{self, AppSpec, Effect};
use crate::func;
use std::fmt::Write as _;

/// The whole page.
pub fn page() -> String {
    let mut out = String::from(
        "# Applications and functions\n\nMade of the tables in `crates/dialplan`; `tollgate help NAME` shows one of them. \
         What is not carried out is known to the proof; an application of that kind ends the call that gets to it.\n\n\
         ## Applications\n",
    );
    for app in apps::TABLE.iter().filter(|app| app.runs) {
        application(&mut out, app);
    }
    out.push_str("\n## Applications that are known and not carried out\n\n| application | what it does in Asterisk | instead |\n|---|---|---|\n");
    for app in apps::TABLE.iter().filter(|app| !app.runs) {
        let instead = apps::instead::of_application(app.name).unwrap_or_default().replace('|', "\\|");
        let _ = writeln!(out, "| `{}` | {} | {instead} |", app.name, app.synopsis);
    }
    out.push_str("\n## Functions\n\n| function | what it gives | read | set |\n|---|---|---|---|\n");
    let mut functions: Vec<_> = func::TABLE.iter().collect();
    functions.sort_by_key(|function| function.name);
    let yes = |is: bool| if is { "yes" } else { "" };
    for f in functions.iter().filter(|f| f.runs) {
        let synopsis = f.synopsis.replace('|', "\\|");
        let _ = writeln!(out, "| `{}` | {synopsis} | {} | {} |", f.name, yes(f.readable()), yes(f.writable()));
    }
    out.push_str("\n## Functions that are known and give the empty text\n\n| function | what it gives in Asterisk | instead |\n|---|---|---|\n");
    for f in functions.iter().filter(|f| !f.runs) {
        let instead = apps::instead::of_function(f.name).unwrap_or_default().replace('|', "\\|");
        let _ = writeln!(out, "| `{}` | {} | {instead} |", f.name, f.synopsis);
    }
    out
}

fn application(out: &mut String, app: &AppSpec) {
    let mut args: Vec<String> =
        app.args.iter().map(|a| if a.required { a.name.to_owned() } else { format!("[{}]", a.name) }).collect();
    args.dedup();
    let _ = writeln!(out, "\n### {}\n\n`{}({})` {}.", app.name, app.name, args.join(","), app.synopsis);
    if !app.help.is_empty() {
        let _ = writeln!(out, "\n{}", app.help.replace('<', "&lt;"));
    }
    if !app.options.is_empty() {
        out.push('\n');
        for option in app.options {
            let argument = if option.argument { "(…)" } else { "" };
            let not_run = if option.runs { "" } else { " (not carried out)" };
            let _ = writeln!(out, "* `{}{argument}` {}{not_run}", option.letter, option.help);
        }
    }
    let variables: Vec<String> = app
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Writes(names) => Some(names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>()),
            _ => None,
        })
        .flatten()
        .collect();
    if !variables.is_empty() {
        let _ = writeln!(out, "\nSets {}.", variables.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page beside the code is the one that the tables make. `UPDATE=1 cargo test -p dialplan reference` writes it.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test, not the library, reads and writes the page")]
    fn the_page_is_that_of_the_tables() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")).unwrap();
            std::fs::write(path, page()).unwrap();
        }
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert!(there == page(), "docs/reference.md is old: UPDATE=1 cargo test -p dialplan reference");
    }

    #[test]
    fn everything_says_what_it_is_for() {
        for app in apps::TABLE.iter() {
            assert!(app.synopsis.len() > 4, "{}", app.name);
            let alone = app.args.is_empty() && app.options.is_empty();
            assert!(
                !app.runs || alone || !app.help.is_empty() || app.args.len() <= 2,
                "{} needs a help text",
                app.name
            );
            assert!(app.options.iter().all(|option| !option.help.is_empty()), "{}", app.name);
        }
        for function in func::TABLE {
            assert!(function.synopsis.len() > 4, "{}", function.name);
        }
    }
}
