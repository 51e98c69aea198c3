//! `tollgate help TOPIC`: a command, a finding, an application, a function, or the list of all findings.

use super::print::{self, say};
use super::{Cli, Help};
use crate::fault::{Fault, Outcome};
use clap::CommandFactory as _;
use dialplan::apps::{self, AppSpec};
use dialplan::func;
use dialplan::load::codes;

/// Shows the page of a topic, of a command if there is one of that name.
pub(super) fn run(help: &Help) -> Outcome<u8> {
    let mut command = Cli::command();
    let Some(topic) = help.topic.first() else {
        print::text(&command.render_long_help().to_string());
        return Ok(0);
    };
    // A build is needed for usage lines of subcommands.
    command.build();
    let mut found = None;
    let mut at = &command;
    for word in &help.topic {
        found = at.find_subcommand(word);
        match found {
            Some(inner) => at = inner,
            None => break,
        }
    }
    if let Some(command) = found {
        print::text(&command.clone().render_long_help().to_string());
    } else if topic == "findings" {
        let rows: Vec<[String; 3]> = codes::all()
            .map(|code| [code.name.to_owned(), code.severity.word().to_owned(), code.title.to_owned()])
            .collect();
        print::table(["finding", "weight", "what it sees"], &rows);
    } else if let Some(code) = codes::find(topic) {
        print::text(&code.page());
    } else if let Some(app) = apps::lookup(topic) {
        print::text(&application(app));
    } else if let Some(function) = func::lookup(topic).or_else(|| func::lookup(&topic.to_ascii_uppercase())) {
        say!("${{{}(…)}}: {}", function.name, function.synopsis);
        say!("{}", if function.runs { "Carried out." } else { "Not carried out: it gives the empty text." });
        if let Some(instead) = apps::instead::of_function(function.name) {
            say!("Instead: {instead}.");
        }
    } else {
        return Err(Fault::unusable(format!("there is no command, finding, application or function {topic}"))
            .repair("the list of findings is: tollgate help findings"));
    }
    Ok(0)
}

fn application(app: &AppSpec) -> String {
    let args: Vec<String> =
        app.args.iter().map(|a| if a.required { a.name.to_owned() } else { format!("[{}]", a.name) }).collect();
    let mut page = format!("{}({}): {}\n", app.name, args.join(","), app.synopsis);
    if !app.help.is_empty() {
        page += &format!("\n{}\n", app.help);
    }
    if !app.options.is_empty() {
        page += "\nOptions:\n";
        for option in app.options {
            let argument = if option.argument { "(…)" } else { "" };
            let not_run = if option.runs { "" } else { " (not carried out)" };
            page += &format!("  {}{argument:<3}  {}{not_run}\n", option.letter, option.help);
        }
    }
    if !app.runs {
        page += "\nKnown to the proof, not run: a call that gets here ends.\n";
        if let Some(instead) = apps::instead::of_application(app.name) {
            page += &format!("Instead: {instead}.\n");
        }
    }
    page
}
