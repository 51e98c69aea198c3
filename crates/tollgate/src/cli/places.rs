//! What `check`, `reach`, `plan` and `simulate` look at: a home, a `tollgate.toml`, an `extensions.conf`, or a folder like /etc/asterisk.

use super::{Common, Place};
use crate::exchange::files::PlanFiles;
use crate::exchange::snapshot::{self, Built, refused};
use crate::fault::{Fault, Outcome};
use crate::foreign::Foreign;
use crate::home::Home;
use dialplan::finding::{Finding, Severity};
use dialplan::load::Source;
use dialplan::policy::{OriginKind, Policy};
use dialplan::span::SourceMap;
use dialplan::{Choice, Compat, Dialect, Program};
use std::path::Path;

/// A plan that was read.
pub(super) enum Subject {
    /// With its configuration.
    Home(Box<Built>),
    /// A plan of Asterisk's alone.
    Plan(Box<Bare>),
}

/// A plan without a configuration.
pub(super) struct Bare {
    program: Program,
    findings: Vec<Finding>,
    accepted: Vec<(Finding, String)>,
    sources: SourceMap,
    report: audit::Report,
    /// Why it cannot run at all, if it cannot.
    pub(super) broken: Option<Fault>,
}

impl Subject {
    /// Reads what `place` names, or the home.
    pub(super) fn read(common: &Common, place: &Place) -> Outcome<Self> {
        let Some(path) = &place.path else {
            return snapshot::of(&common.home).map(|built| Self::Home(Box::new(built)));
        };
        if path.is_dir() {
            if path.join("tollgate.toml").is_file() {
                return snapshot::of(&Home::locate(Some(path))?).map(|built| Self::Home(Box::new(built)));
            }
            if path.join("extensions.conf").is_file() {
                return Self::plan(path, "extensions.conf", true);
            }
            return Err(Fault::unusable(format!(
                "{} has neither a tollgate.toml nor an extensions.conf",
                path.display()
            )));
        }
        if !path.exists() {
            return Err(Fault::unusable(format!("there is no {}", path.display())));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let text = crate::config_file::text_of(path)?;
            let home = Home::locate(Some(folder))?;
            return snapshot::build(&home, &path.display().to_string(), &text).map(|built| Self::Home(Box::new(built)));
        }
        Self::plan(folder, &name, false)
    }

    /// `whole`: with the files beside it, which say who comes in.
    fn plan(folder: &Path, name: &str, whole: bool) -> Outcome<Self> {
        let files = PlanFiles::new(folder);
        let texts = files.named(&[name.to_owned()])?;
        let source = |(name, text): (String, String)| Source {
            name,
            text,
            choice: Choice::Auto(Dialect::V22),
            compat: Compat::default(),
        };
        let mut loaded = dialplan::load_each(&texts.into_iter().map(source).collect::<Vec<_>>(), &files);
        let mut findings = loaded.findings;
        let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
        let broken = failed.then(|| refused("the dialplan", &findings, &loaded.sources));
        let foreign = if whole { Foreign::read(folder, &mut loaded.sources) } else { Foreign::default() };
        findings.extend(foreign.findings);
        let report = prove(&loaded.program, foreign.entries, foreign.has_doors);
        findings.extend(report.findings());
        let (mut allows, mut accepted) = (loaded.allows, loaded.accepted);
        accepted.extend(allows.take(&mut findings));
        findings.extend(allows.unused());
        let (program, sources) = (loaded.program, loaded.sources);
        Ok(Self::Plan(Box::new(Bare { program, findings, accepted, sources, report, broken })))
    }

    /// The plan.
    pub(super) fn program(&self) -> &Program {
        match self {
            Self::Home(built) => &built.snapshot.program,
            Self::Plan(bare) => &bare.program,
        }
    }

    /// What was found, and the texts it points into.
    pub(super) fn findings(&self) -> (&[Finding], &SourceMap) {
        match self {
            Self::Home(built) => (&built.findings, &built.sources),
            Self::Plan(bare) => (&bare.findings, &bare.sources),
        }
    }

    /// What was found and is accepted by the text itself, with the reasons.
    pub(super) fn accepted(&self) -> &[(Finding, String)] {
        match self {
            Self::Home(built) => &built.accepted,
            Self::Plan(bare) => &bare.accepted,
        }
    }

    /// What each entry can reach.
    pub(super) fn report(&self) -> &audit::Report {
        match self {
            Self::Home(built) => &built.report,
            Self::Plan(bare) => &bare.report,
        }
    }
}

impl Subject {
    /// What the gate decides by; a plan alone has none.
    pub(super) fn policy(&self) -> Option<Policy> {
        match self {
            Self::Home(built) => Some(built.snapshot.config.decide_by()),
            Self::Plan(_) => None,
        }
    }
}

/// Contexts where Asterisk and FreePBX let callers from outside in.
const OUTSIDE: [&str; 7] =
    ["from-sip-external", "from-pstn", "from-trunk", "from-pstn-e164-us", "public", "default", "demo"];

/// Where no file says who comes in, the contexts that are mostly used for strangers count.
fn prove(program: &Program, mut entries: Vec<audit::Entry>, has_doors: bool) -> audit::Report {
    let guessed = OUTSIDE.iter().filter(|name| !has_doors && program.context(name).is_some());
    let guessed = guessed.map(|name| audit::Entry {
        name: (*name).to_owned(),
        origin: OriginKind::Stranger,
        place: dialplan::Place::new(name, "s", 1),
        any_exten: true,
    });
    entries.extend(guessed);
    audit::prove(program, &entries, &audit::Facts::default())
}
