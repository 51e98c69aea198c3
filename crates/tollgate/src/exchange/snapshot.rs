//! From the owner's texts to what calls are judged by: text, configuration, plan, findings, proof. Errors refuse; what the proof cannot see
//! through stays closed at the gate.

use crate::config_file::{self, Written, text_of};
use crate::exchange::files::PlanFiles;
use crate::exchange::replay::Replay;
use crate::fault::{Doing as _, Fault, Outcome};
use crate::home::Home;
use crate::prompts::{self, Prompts};
use dialplan::Program;
use dialplan::finding::{Finding, Severity};
use dialplan::span::SourceMap;
use pbx::config::Config;
use pbx::plan::{self, HandWritten};
use pbx::snapshot::Snapshot;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Everything that comes of a text.
#[derive(Debug)]
pub(crate) struct Built {
    /// For calls.
    pub(crate) snapshot: Snapshot,
    /// Notes and warnings.
    pub(crate) findings: Vec<Finding>,
    /// Those that the owner's files accept, with the reasons.
    pub(crate) accepted: Vec<(Finding, String)>,
    /// The texts they point into.
    pub(crate) sources: SourceMap,
    /// Keys that somebody wrote.
    pub(crate) written: Written,
    /// The sentence of the proof.
    pub(crate) verdict: String,
    /// What each entry can reach, and how.
    pub(crate) report: audit::Report,
    /// The text itself.
    pub(crate) text: String,
}

/// Of a home as it stands.
pub(crate) fn of(home: &Home) -> Outcome<Built> {
    let path = home.config();
    if !path.exists() {
        return Err(Fault::unusable(format!("there is no home in {}", home.path().display()))
            .repair("start the exchange once, or name its home with --home"));
    }
    build(home, &path.display().to_string(), &text_of(&path)?)
}

/// Of a text that would stand in this home.
pub(crate) fn build(home: &Home, name: &str, text: &str) -> Outcome<Built> {
    build_over(home, name, text, BTreeMap::new())
}

/// The same, with some texts instead of the files of the plan.
pub(crate) fn build_over(home: &Home, name: &str, text: &str, instead: BTreeMap<PathBuf, String>) -> Outcome<Built> {
    let read = config_file::read(name, text).map_err(|broken| broken.fault())?;
    let config = read.config;
    let files = PlanFiles::of(home, instead);
    let hand_written = HandWritten { files: files.named(&config.dialplan.files)? };
    let loaded = plan::compile(&config, &hand_written, &files);
    let mut findings = loaded.findings;
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(refused("the dialplan", &findings, &loaded.sources));
    }
    let problems = plan::missing_contexts(&config, &loaded.program);
    if !problems.is_empty() {
        return Err(config_file::not_there(name, text, &read.written, &problems).fault());
    }
    let language = config.system.language.clone();
    findings.extend(missing_sounds(&loaded.program, &Prompts::new(sound_folders(home, &config)), &language));
    let report = prove(&config, &loaded.program);
    findings.extend(report.findings());
    let (mut allows, mut accepted) = (loaded.allows, loaded.accepted);
    accepted.extend(allows.take(&mut findings));
    findings.extend(allows.unused());
    // After the plan's own allowances, which must not hide what the owner accepted.
    findings.extend(accepted_openings(&config, &report));
    let snapshot =
        Snapshot { config: Arc::new(config), program: Arc::new(loaded.program), reach: report.reach.clone() };
    Ok(Built {
        snapshot,
        findings,
        accepted,
        sources: loaded.sources,
        written: read.written,
        verdict: report.verdict.clone(),
        report,
        text: text.to_owned(),
    })
}

/// What the owner accepted, shown for as long as it stands in the configuration.
fn accepted_openings(config: &Config, report: &audit::Report) -> Vec<Finding> {
    let open = audit::open(report);
    let said = |(finding, reason): (&String, &String)| match open.iter().find(|one| one.finding == *finding) {
        Some(one) => Finding::new(
            "accepted-by-owner",
            Severity::Warning,
            None,
            format!("{}; accepted by the owner: {reason}", one.text),
        ),
        None => Finding::new(
            "accepted-for-nothing",
            Severity::Note,
            None,
            format!("[policy] accept names {finding:?}, and nothing of that kind is open"),
        )
        .repair("take the line out, so that it cannot hide anything later"),
    };
    config.policy.accept.iter().map(said).collect()
}

/// A change that opens paid ways to people who are not known is refused, unless the owner accepts each by name.
pub(crate) fn vouched(home: &Home, before: &dialplan::reach::Reach, built: &Built) -> Outcome<()> {
    let accepted = &built.snapshot.config.policy.accept;
    let opened: Vec<audit::Opened> =
        audit::opened(before, &built.report).into_iter().filter(|one| !accepted.contains_key(&one.finding)).collect();
    let Some(first) = opened.first() else { return Ok(()) };
    let prompts = Prompts::new(sound_folders(home, &built.snapshot.config));
    let mut replay = Replay::new(&built.snapshot, Arc::new(prompts));
    let mut said = |one: &audit::Opened| {
        let entry = built.report.entry(&one.entry)?;
        Some(format!("  {}\n    {}", one.text, replay.of(entry, &one.sink).words()))
    };
    let list: Vec<String> = opened.iter().filter_map(&mut said).collect();
    Err(Fault::unusable(format!("this change would let\n{}", list.join("\n"))).repair(format!(
        "correct the plan, or accept each by name in [policy]: accept = [{{ finding = {:?}, reason = \"…\" }}]; nothing was changed",
        first.finding
    )))
}

/// What every entry can reach.
fn prove(config: &Config, program: &Program) -> audit::Report {
    let entries: Vec<audit::Entry> = plan::entries(config)
        .into_iter()
        .map(|point| audit::Entry {
            name: point.name,
            origin: point.origin,
            place: point.place,
            any_exten: point.any_exten,
        })
        .collect();
    audit::prove(program, &entries, &facts(config))
}

/// What the proof has to know of the configuration.
pub(crate) fn facts(config: &Config) -> audit::Facts {
    audit::Facts {
        trunks: config.trunks.keys().cloned().collect(),
        phones: config.extensions.keys().cloned().collect(),
        country: Some(config.system.country),
        policy: Some(config.decide_by()),
        grants: Some(config.grants.iter().map(|(name, grant)| (name.clone(), grant.context.clone())).collect()),
        ..audit::Facts::ours()
    }
}

/// All that keeps a plan from running, in one fault.
pub(crate) fn refused(what: &str, findings: &[Finding], sources: &SourceMap) -> Fault {
    let errors: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    let list: String = errors.iter().map(|finding| finding.render(sources)).collect();
    let count = errors.len();
    let problems = if count == 1 { "a problem".to_owned() } else { format!("{count} problems") };
    Fault::unusable(format!("{what} has {problems}\n{}", list.trim_end()))
        .repair("correct the text and try again; nothing was changed")
}

/// Sounds that the plan names and nobody has.
pub(crate) fn missing_sounds(program: &Program, prompts: &Prompts, language: &str) -> Vec<Finding> {
    program
        .sounds()
        .filter(|used| !prompts.exists(&used.sound, language))
        .map(|used| {
            let message =
                format!("there is no sound {:?} in language {language}; callers will hear nothing there", used.sound);
            Finding::new("missing-sound", Severity::Warning, Some(used.span), message)
                .repair("put the file into sounds/ in the home, or correct the name")
        })
        .collect()
}

/// Where this home's sounds are: the folder that the configuration names, `sounds` in the home, then Asterisk's.
pub(crate) fn sound_folders(home: &Home, config: &Config) -> Vec<PathBuf> {
    let named = config.media.sounds.as_ref().map(|folder| home.path().join(folder));
    let own = home.path().join("sounds");
    prompts::folders(named.into_iter().chain(own.is_dir().then_some(own)))
}

/// Reads one text file of a plan.
pub(crate) fn plan_text(path: &Path, room: u64) -> Outcome<String> {
    let doing = || format!("read {}", path.display());
    let length = std::fs::metadata(path).doing(doing)?.len();
    if length > room {
        return Err(Fault::unusable(format!("{} is too large: {length} bytes", path.display())));
    }
    let bytes = std::fs::read(path).doing(doing)?;
    // Old plans are in Latin-1; what is no UTF-8 is mostly a comment.
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| error.into_bytes().iter().map(|byte| char::from(*byte)).collect()))
}
