//! The command line: what can be typed. Each command has a file of its own beside this one; `main` runs them.
//! A new command is one variant here, one file, one line in [`run`].

mod ban;
mod calls;
mod check;
mod doctor;
mod drill;
mod events;
mod fix;
mod grant;
mod help;
mod keep;
mod mail;
mod mailbox;
mod notify;
mod places;
mod plan;
mod print;
mod reach;
mod rescue;
mod sarif;
mod serve;
mod simulate;
mod spend;
mod spool;
mod trunk;

use crate::fault::Outcome;
use crate::home::Home;
use crate::logs;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// A telephone exchange that answers the whole internet and cannot be stolen from.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, max_term_width = 120, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Folder with configuration and data [default: $XDG_DATA_HOME/tollgate or ~/.local/share/tollgate; /var/lib/tollgate for root]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How log lines look (on standard error; their level comes from TOLLGATE_LOG)
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) log_format: logs::Format,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the exchange; makes what is missing (this is what happens without any command)
    Run(Run),
    /// Look for mistakes and back doors in a home, an extensions.conf or an /etc/asterisk folder
    Check(Check),
    /// Show what each kind of caller can reach
    Reach(Reach),
    /// Walk one call through the plan, step by step, without any network
    Simulate(Simulate),
    /// Print the plan that the configuration means, as a dialplan
    Plan(Place),
    /// Call the running exchange as everybody who may, press every key, and say what was reached
    Drill(Drill),
    /// Phones: list, add, rotate their secret, remove
    #[command(subcommand)]
    Extension(Extension),
    /// Mailboxes: list, add, make their PIN new, remove
    #[command(subcommand)]
    Mailbox(Mailbox),
    /// What callers from outside may do who know a PIN: list, add, make the PIN new, remove
    #[command(subcommand)]
    Grant(Grant),
    /// Mail: send one for a test, list what waits
    #[command(subcommand)]
    Mail(Mail),
    /// How you are told what happens: try it, make the webhook's secret
    #[command(subcommand)]
    Notify(Notify),
    /// Outside lines: list, add, remove, give a secret, test
    #[command(subcommand)]
    Trunk(Trunk),
    /// Telephone numbers of yours and where they lead: list, add, remove
    #[command(subcommand)]
    Did(Did),
    /// Ring groups: list, add, remove
    #[command(subcommand)]
    Group(Group),
    /// Addresses that are shut out: list, add, remove, export for a packet filter
    #[command(subcommand)]
    Ban(Ban),
    /// Show call records
    Calls(Calls),
    /// Show the calls that are on now
    Channels,
    /// Show what calls cost, and how much of the day's money is left
    Spend(Spend),
    /// Show what happened that an owner should know: refusals, failed log-ins, new secrets, alarms
    Events(Events),
    /// Make a link by which an owner of the portal is made, or made anew who lost password or telephone
    Rescue,
    /// Look whether this machine and this home are fit
    Doctor,
    /// Explain a command, a finding, an application or a function; "help findings" lists all findings
    Help(Help),
}

/// `tollgate run`.
#[derive(Debug, Args, Default)]
pub(crate) struct Run {
    /// When told to stop, give calls this many seconds to end
    #[arg(long, value_name = "SECONDS")]
    pub(crate) drain: Option<u64>,
}

/// Where a plan is.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// A home, an extensions.conf or an /etc/asterisk folder [default: the home]
    pub(crate) path: Option<PathBuf>,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0, for code hosting sites.
    Sarif,
}

/// From which severity on `check` fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum FailOn {
    /// Anything found.
    Note,
    /// What could go wrong.
    #[default]
    Warning,
    /// What is wrong.
    Error,
    /// Nothing.
    Never,
}

/// `tollgate check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) place: Place,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Exit with 1 if there is a finding of this weight or heavier
    #[arg(long, value_enum, default_value_t)]
    pub(crate) fail_on: FailOn,
    /// Repair what can be repaired safely; files keep what they were as NAME.orig
    #[arg(long)]
    pub(crate) fix: bool,
    /// With --fix: show what would change, change nothing
    #[arg(long, requires = "fix")]
    pub(crate) dry_run: bool,
}

/// `tollgate help`.
#[derive(Debug, Args)]
pub(crate) struct Help {
    /// What to explain
    pub(crate) topic: Vec<String>,
}

/// `tollgate reach`.
#[derive(Debug, Args)]
pub(crate) struct Reach {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only this entry: strangers, extension:204, trunk:itsp
    #[arg(long, value_name = "ENTRY")]
    pub(crate) from: Option<String>,
    /// What a change opens and closes: the old one and the new one
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], conflicts_with_all = ["path", "from"])]
    pub(crate) diff: Vec<PathBuf>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// `tollgate simulate`.
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Who calls: stranger, extension:204 (or 204), trunk:itsp
    #[arg(long, default_value = "stranger", value_name = "WHO")]
    pub(crate) from: String,
    /// The number dialled
    #[arg(long, value_name = "NUMBER")]
    pub(crate) to: String,
    /// What the caller does, one after the other: keys when it is quiet, "wait 3", "hangup"; as in 4,1234588#,wait 3,hangup
    #[arg(long, default_value = "", value_name = "KEYS")]
    pub(crate) keys: String,
    /// Caller ID shown
    #[arg(long, default_value = "", value_name = "NUMBER")]
    pub(crate) caller_id: String,
    /// What a phone does, as "204=answers 5", "200=busy", "200=offline"; one that is not named rings
    #[arg(long, value_name = "PHONE=WHAT")]
    pub(crate) phone: Vec<String>,
    /// A PIN that is set in this play, as "grant:disa-me=739482" or "mailbox:204=739482"; real ones are known as hashes only
    #[arg(long, value_name = "WHAT=DIGITS")]
    pub(crate) pin: Vec<String>,
    /// What a trunk does, as "itsp=answers 5"; one that is not named rings
    #[arg(long, value_name = "TRUNK=WHAT")]
    pub(crate) trunk: Vec<String>,
    /// Civil time of the call, as 2026-12-24T18:00 [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

/// `tollgate drill`.
#[derive(Debug, Args)]
pub(crate) struct Drill {
    /// Let phones of the house ring for real; otherwise they are spared, and calls go on as if nobody answered
    #[arg(long)]
    pub(crate) ring: bool,
    /// Calls at one time
    #[arg(long, default_value_t = 24, value_name = "CALLS")]
    pub(crate) at_once: usize,
    /// End after so many minutes, whatever is left to try
    #[arg(long, default_value_t = 30, value_name = "MINUTES")]
    pub(crate) minutes: u64,
    /// Only as this caller: strangers, trunk:itsp, extension:204
    #[arg(long, value_name = "ENTRY")]
    pub(crate) from: Option<String>,
    /// How the report is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: DrillFormat,
    /// End the drill that is on
    #[arg(long, conflicts_with_all = ["ring", "from", "list", "show"])]
    pub(crate) stop: bool,
    /// List the drills that were done
    #[arg(long, conflicts_with_all = ["ring", "from", "show"])]
    pub(crate) list: bool,
    /// Print the report of this drill again
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["ring", "from"])]
    pub(crate) show: Option<i64>,
}

/// How the report of a drill is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum DrillFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// A page for a browser.
    Html,
}

/// `tollgate extension`.
#[derive(Debug, Subcommand)]
pub(crate) enum Extension {
    /// The extensions and whether their phones are there
    List,
    /// Make an extension; prints its secret once
    Add {
        /// Its number
        number: String,
        /// Whose it is
        #[arg(long)]
        name: Option<String>,
        /// What it may call: internal, toll-free, local, national, mobile, international …
        #[arg(long, value_delimiter = ',')]
        may: Vec<String>,
        /// Make a mailbox for it
        #[arg(long)]
        mailbox: bool,
    },
    /// Make its secret new; prints it once
    Rotate {
        /// Its number
        number: String,
    },
    /// Remove an extension with its secret and its registrations
    Remove {
        /// Its number
        number: String,
    },
}

/// `tollgate grant`.
#[derive(Debug, Subcommand)]
pub(crate) enum Grant {
    /// The grants, their rights and caps
    List,
    /// Lend the house's dial tone to callers from outside; prints its PIN once
    Add {
        /// Its name
        name: String,
        /// What may be called besides the house: toll-free, local, national, mobile, international …
        #[arg(long, value_delimiter = ',')]
        may: Vec<String>,
        /// Only these numbers, as patterns of the international form: 1212NXXXXXX
        #[arg(long, value_delimiter = ',')]
        to: Vec<String>,
        /// Most that may be spent in a day
        #[arg(long, value_name = "MONEY")]
        money_per_day: Option<f64>,
        /// Most calls that cost money in a day
        #[arg(long, value_name = "NUMBER")]
        calls_per_day: Option<u32>,
    },
    /// Make its PIN new, which also ends a lock-out; prints it once
    Pin {
        /// Its name
        name: String,
    },
    /// Take it back
    Remove {
        /// Its name
        name: String,
    },
}

/// `tollgate mail`.
#[derive(Debug, Subcommand)]
pub(crate) enum Mail {
    /// Send a mail now and say what is wrong if it does not go out
    Test {
        /// Where to [default: the first mailbox's address]
        address: Option<String>,
    },
    /// Mail that waits, and why
    List,
}

/// `tollgate notify`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Notify {
    /// Send a mail and a post now, as [notify] says, and say what is wrong if one does not arrive
    Test,
    /// Make the secret new that posts are signed with; prints it once
    Secret,
}

/// `tollgate mailbox`.
#[derive(Debug, Subcommand)]
pub(crate) enum Mailbox {
    /// The mailboxes and whether they have a PIN
    List,
    /// Make a mailbox; prints its PIN once
    Add {
        /// Its number
        number: String,
        /// Whose it is
        #[arg(long)]
        name: Option<String>,
    },
    /// Make its PIN new, which also ends a lock-out; prints it once
    Pin {
        /// Its number
        number: String,
    },
    /// The messages of all mailboxes, or of one
    Messages {
        /// Its number
        number: Option<String>,
    },
    /// Write messages and greetings as an Asterisk voicemail spool
    Export {
        /// A folder; what is in it stays
        folder: std::path::PathBuf,
        /// This mailbox only
        number: Option<String>,
    },
    /// Take in messages and greetings of an Asterisk voicemail spool
    Import {
        /// The folder of a voicemail context, such as /var/spool/asterisk/voicemail/default
        folder: std::path::PathBuf,
    },
    /// Remove a mailbox that belongs to no extension
    Remove {
        /// Its number
        number: String,
    },
}

/// `tollgate trunk`.
#[derive(Debug, Subcommand)]
pub(crate) enum Trunk {
    /// The trunks and how they are
    List,
    /// Add a trunk
    Add {
        /// Its name
        name: String,
        /// Its host, with a port if it is not the usual one
        #[arg(long)]
        host: String,
        /// address: known by its address; register: we register there; gateway: a box in our own network
        #[arg(long, default_value = "address")]
        kind: String,
        /// Our account there; its secret is then asked for with: tollgate trunk secret NAME
        #[arg(long)]
        username: Option<String>,
        /// udp, tcp or tls [default: what the DNS says, or udp]
        #[arg(long)]
        transport: Option<String>,
        /// Our number there, like +12025550100
        #[arg(long)]
        caller_id: Option<String>,
    },
    /// Keep a trunk's secret, read from standard input (one line)
    Secret {
        /// Its name
        name: String,
    },
    /// Try a trunk step by step and say what is wrong
    Test {
        /// Its name
        name: String,
        /// Place a call to this number; one of your own numbers on the trunk shows both ways
        #[arg(long, value_name = "NUMBER", requires = "user")]
        call: Option<String>,
        /// The extension whose rights and money the call uses
        #[arg(long = "as", value_name = "EXTENSION")]
        user: Option<String>,
    },
    /// Remove a trunk
    Remove {
        /// Its name
        name: String,
    },
}

/// `tollgate did`.
#[derive(Debug, Subcommand)]
pub(crate) enum Did {
    /// The numbers and where they lead
    List,
    /// Say where a number leads
    Add {
        /// The number, like +12025550100
        number: String,
        /// extension:N, group:N, menu:NAME, mailbox:N, directory, context:NAME or closed
        #[arg(long)]
        to: String,
        /// The trunk it comes in by [default: any]
        #[arg(long)]
        trunk: Option<String>,
    },
    /// Forget a number
    Remove {
        /// The number
        number: String,
    },
}

/// `tollgate group`.
#[derive(Debug, Subcommand)]
pub(crate) enum Group {
    /// The ring groups
    List,
    /// Make a group
    Add {
        /// Its number
        number: String,
        /// The extensions it rings
        #[arg(long, value_delimiter = ',', required = true)]
        members: Vec<String>,
        /// all at once, or in-order
        #[arg(long, default_value = "all")]
        ring: String,
        /// How long it rings
        #[arg(long, default_value_t = 20)]
        seconds: u32,
    },
    /// Remove a group
    Remove {
        /// Its number
        number: String,
    },
}

/// `tollgate ban`.
#[derive(Debug, Subcommand)]
pub(crate) enum Ban {
    /// Who is shut out, and until when
    List,
    /// Shut an address out
    Add {
        /// An IPv4 address, an IPv6 address or a /64
        source: String,
        /// For so many minutes [default: 10, four times as long each further time]
        #[arg(long)]
        minutes: Option<u64>,
    },
    /// Let an address in again
    Remove {
        /// An IPv4 address, an IPv6 address or a /64
        source: String,
    },
    /// Print the bans as a script for `nft -f -`
    Export,
}

/// `tollgate calls`.
#[derive(Debug, Args)]
pub(crate) struct Calls {
    /// Go on printing records as calls end
    #[arg(long)]
    pub(crate) follow: bool,
    /// At most this many, the newest
    #[arg(long, default_value_t = 50, value_name = "NUMBER")]
    pub(crate) limit: u32,
}

/// `tollgate spend`.
#[derive(Debug, Args)]
pub(crate) struct Spend {
    /// So many days, today included
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub(crate) days: u32,
}

/// `tollgate events`.
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Go on printing events as they happen
    #[arg(long)]
    pub(crate) follow: bool,
    /// Only this kind, as secret-rotated
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// At most this many, the newest
    #[arg(long, default_value_t = 50, value_name = "NUMBER")]
    pub(crate) limit: u32,
}

/// What all commands share.
#[derive(Debug)]
pub(crate) struct Common {
    /// The home.
    pub(crate) home: Home,
    /// JSON instead of text.
    pub(crate) json: bool,
    /// How logs look.
    pub(crate) log_format: logs::Format,
}

/// Runs what was typed; the number is the exit code of a command that worked.
pub(crate) fn run(cli: Cli) -> Outcome<u8> {
    // Help needs no home.
    if let Some(Command::Help(topic)) = &cli.command {
        return help::run(topic);
    }
    let common = Common { home: Home::locate(cli.home.as_deref())?, json: cli.json, log_format: cli.log_format };
    match cli.command.unwrap_or_else(|| Command::Run(Run::default())) {
        Command::Run(run) => serve::run(&common, &run),
        Command::Check(check) => check::run(&common, &check),
        Command::Reach(reach) => reach::run(&common, &reach),
        Command::Simulate(simulate) => simulate::run(&common, &simulate),
        Command::Plan(place) => plan::run(&common, &place),
        Command::Drill(what) => drill::run(&common, &what),
        Command::Extension(what) => keep::extension(&common, &what),
        Command::Grant(what) => grant::grant(&common, &what),
        Command::Mail(what) => mail::mail(&common, &what),
        Command::Notify(what) => notify::notify(&common, what),
        Command::Mailbox(what) => mailbox::mailbox(&common, &what),
        Command::Trunk(what) => trunk::trunk(&common, &what),
        Command::Did(what) => trunk::did(&common, &what),
        Command::Group(what) => keep::group(&common, &what),
        Command::Ban(what) => ban::run(&common, &what),
        Command::Calls(calls) => calls::run(&common, &calls),
        Command::Channels => calls::channels(&common),
        Command::Spend(what) => spend::run(&common, &what),
        Command::Events(what) => events::run(&common, &what),
        Command::Rescue => rescue::run(&common),
        Command::Doctor => doctor::run(&common),
        Command::Help(topic) => help::run(&topic),
    }
}
