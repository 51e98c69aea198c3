//! An `/etc/asterisk` that is not ours: who comes in where, as its files say, and what is wrong in them. What was not read
//! is told.

mod conf;
mod doors;
mod mailboxes;

use crate::exchange::files::PlanFiles;
use audit::Entry;
use conf::Conf;
use dialplan::Place;
use dialplan::finding::{Finding, Severity};
use dialplan::load::codes;
use dialplan::policy::OriginKind;
use dialplan::span::{SourceMap, Span};
use std::path::Path;

/// Files that may let calls in or run something, and that are not read.
const NOT_READ: [&str; 14] = [
    "iax.conf",
    "chan_dahdi.conf",
    "dahdi_additional.conf",
    "extensions.ael",
    "extensions.lua",
    "manager.conf",
    "ari.conf",
    "extconfig.conf",
    "sorcery.conf",
    "queues.conf",
    "followme.conf",
    "features.conf",
    "res_parking.conf",
    "dundi.conf",
];

/// What the files beside the plan say.
#[derive(Debug, Default)]
pub(crate) struct Foreign {
    /// Ways into the plan.
    pub(crate) entries: Vec<Entry>,
    /// What was found.
    pub(crate) findings: Vec<Finding>,
    /// Whether any file says who comes in: otherwise names of contexts have to do.
    pub(crate) has_doors: bool,
}

impl Foreign {
    /// Reads the files of a folder.
    pub(crate) fn read(folder: &Path, sources: &mut SourceMap) -> Self {
        let mut all = Self::default();
        let files = PlanFiles::new(folder);
        let modules = Conf::read("modules.conf", &files, sources);
        let off = |module: &str| {
            let modules = modules.as_ref().and_then(|conf| conf.section("modules"));
            modules.is_some_and(|section| {
                section.keys.iter().any(|key| key.key == "noload" && key.value.trim_end_matches(".so") == module)
            })
        };
        if !off("chan_sip")
            && let Some(conf) = Conf::read("sip.conf", &files, sources)
        {
            all.has_doors = true;
            doors::sip(&conf, &mut all);
            all.left_out(&conf);
        }
        if !off("chan_pjsip")
            && let Some(conf) = Conf::read("pjsip.conf", &files, sources)
        {
            all.has_doors = true;
            doors::pjsip(&conf, &mut all);
            all.left_out(&conf);
        }
        if let Some(conf) = Conf::read("voicemail.conf", &files, sources) {
            mailboxes::read(&conf, &mut all);
            all.left_out(&conf);
        }
        // Lines of other kinds come in at contexts that nobody tells us.
        all.has_doors &= !["iax.conf", "chan_dahdi.conf"].iter().any(|name| folder.join(name).exists());
        for name in NOT_READ.iter().filter(|name| folder.join(name).exists()) {
            let text = format!("{name} is not read: what it lets in or runs is not in the report");
            all.findings.push(Finding::new(codes::NOT_READ, Severity::Note, None, text));
        }
        all
    }

    fn left_out(&mut self, conf: &Conf) {
        for (what, span) in &conf.unread {
            let text = format!("not read: {what}");
            self.findings.push(Finding::new(codes::NOT_READ, Severity::Note, *span, text));
        }
    }

    /// Calls of these people begin in that context, at whatever they dial.
    fn enter(&mut self, origin: OriginKind, context: &str) {
        let place = Place::new(context, "s", 1);
        let entry = Entry { name: origin.entry(), origin, place, any_exten: true };
        if !self.entries.contains(&entry) {
            self.entries.push(entry);
        }
    }

    fn found(&mut self, code: &'static str, span: Span, text: String, repair: &str) {
        let severity = codes::find(code).map_or(Severity::Warning, |code| code.severity);
        self.findings.push(Finding::new(code, severity, Some(span), text).repair(repair));
    }
}
