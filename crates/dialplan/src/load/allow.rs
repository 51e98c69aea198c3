//! Comments that speak to tollgate: `; tollgate: allow CODE reason` keeps a finding quiet, `; tollgate: dialect 1.2` says
//! how the rest of the file is read.

use super::{Findings, codes};
use crate::dialect::Rules;
use crate::finding::{Finding, Severity};
use crate::limits;
use crate::span::{FileId, Span};

/// One finding that the owner has seen and accepts, on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// The code.
    pub code: String,
    /// Why.
    pub reason: String,
    /// Where the comment stands.
    pub span: Span,
    file: FileId,
    line: u32,
    used: bool,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Allows {
    list: Vec<Allow>,
    /// Comments on lines of their own, which speak of the next line that means something.
    waiting: Vec<usize>,
}

impl Allows {
    /// Reads a comment that has `tollgate:` in it; gives the rules if it sets them. `alone`: nothing else is on the line.
    pub(super) fn hear(&mut self, raw: &str, alone: bool, span: Span, findings: &mut Findings) -> Option<Rules> {
        let (before, text) = raw.rsplit_once("tollgate:")?;
        if !before.trim_end().ends_with(';') {
            return None;
        }
        let mut words = text.trim().splitn(3, char::is_whitespace);
        let (word, rest) = (words.next().unwrap_or_default(), text.trim().split_once(char::is_whitespace));
        let rest = rest.map_or("", |(_, rest)| rest.trim());
        match word {
            "dialect" => {
                let rules = Rules::parse(rest);
                if rules.is_none() {
                    findings.error(codes::DIRECTIVE, span, format!("{rest} is no dialect with compat flags"));
                    findings.repair("; tollgate: dialect 1.2 late-arguments");
                }
                rules
            }
            "allow" => {
                let (code, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                if !codes::is_known(code) {
                    findings.warn(codes::DIRECTIVE, span, format!("there is no finding {code}"));
                } else if reason.trim().is_empty() {
                    findings.warn(codes::DIRECTIVE, span, "an allow needs a reason, for whoever reads this next");
                    findings.repair(format!("; tollgate: allow {code} because …"));
                } else if self.list.len() < limits::FINDINGS {
                    if alone {
                        self.waiting.push(self.list.len());
                    }
                    self.list.push(Allow {
                        code: code.to_owned(),
                        reason: reason.trim().to_owned(),
                        span,
                        file: span.file,
                        line: span.line,
                        used: false,
                    });
                }
                None
            }
            _ => {
                findings.warn(codes::DIRECTIVE, span, format!("tollgate: {word} means nothing"));
                findings.repair("; tollgate: allow CODE reason");
                None
            }
        }
    }

    /// A line that means something: what waited speaks of it.
    pub(super) fn line(&mut self, span: Span) {
        for at in self.waiting.drain(..) {
            if let Some(allow) = self.list.get_mut(at) {
                allow.line = span.line;
            }
        }
    }

    /// Why a finding is accepted, if it is. Errors are never.
    pub fn accepts(&mut self, finding: &Finding) -> Option<&str> {
        let span = finding.span.filter(|_| finding.severity != Severity::Error)?;
        let same = |a: &&mut Allow| a.code == finding.code && (a.file, a.line) == (span.file, span.line);
        let allow = self.list.iter_mut().find(same)?;
        allow.used = true;
        Some(&allow.reason)
    }

    /// Takes accepted findings out; gives them with their reasons.
    pub fn take(&mut self, findings: &mut Vec<Finding>) -> Vec<(Finding, String)> {
        let mut accepted = Vec::new();
        findings.retain(|finding| match self.accepts(finding) {
            Some(reason) => {
                accepted.push((finding.clone(), reason.to_owned()));
                false
            }
            None => true,
        });
        accepted
    }

    /// Those that accept nothing, as findings; ask when everything has been looked at.
    pub fn unused(&self) -> Vec<Finding> {
        let unused = self.list.iter().filter(|allow| !allow.used);
        let tell = |allow: &Allow| {
            let message = format!("nothing on that line is a {}, or it is an error", allow.code);
            Finding::new(codes::UNUSED_ALLOW, Severity::Note, Some(allow.span), message)
        };
        unused.map(tell).collect()
    }
}
