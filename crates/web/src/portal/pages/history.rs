//! Every configuration that ran: who applied it, what the proof said, what it changed, and the way back.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{broken, done, from_store, not_done, zone};
use crate::desk::{PlanText, Told};
use crate::portal::Portal;
use crate::portal::door::{self, Me};
use crate::portal::view::{self, Frame, when};

/// Versions of one page.
const VERSIONS: u32 = 100;

/// Lines around a change that are shown.
const AROUND: usize = 3;

/// Longest texts that are compared line by line; the table of the comparison is the product of both.
const COMPARED: usize = 2_000;

struct Version {
    id: i64,
    at: String,
    author: String,
    verdict: String,
}

#[derive(Template)]
#[template(path = "history.html")]
struct History {
    frame: Frame,
    versions: Vec<Version>,
}

/// All of them, newest first.
pub(crate) async fn page(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    let versions = match portal.desk.store().config_versions(VERSIONS).await {
        Ok(versions) => versions,
        Err(error) => return broken(&from_store(&error)),
    };
    let (zone, now) = (zone(&portal), portal.desk.now());
    let versions = versions.into_iter().map(|v| Version {
        id: v.id,
        at: when(&zone, now, v.at),
        author: v.author,
        verdict: v.verdict,
    });
    view::page(StatusCode::OK, &History { frame: Frame::new(&portal, &me, "Plan"), versions: versions.collect() })
}

#[derive(Template)]
#[template(path = "version.html")]
struct One {
    frame: Frame,
    version: Version,
    lines: Vec<(char, String)>,
    text: String,
}

async fn found(portal: &Portal, id: i64) -> Result<Option<(store::ConfigVersion, PlanText)>, Told> {
    let version = portal.desk.store().config_version(id).await.map_err(|error| from_store(&error))?;
    let now = portal.desk.texts().await?.into_iter().next();
    Ok(version.zip(now))
}

/// One of them beside what stands now.
pub(crate) async fn one(State(portal): State<Arc<Portal>>, me: Me, Path(id): Path<i64>) -> Response {
    let (version, now) = match found(&portal, id).await {
        Ok(Some(found)) => found,
        Ok(None) => return super::nothing().await,
        Err(told) => return broken(&told),
    };
    let at = when(&zone(&portal), portal.desk.now(), version.at);
    let lines = difference(&version.text, &now.text);
    let one = One {
        frame: Frame::new(&portal, &me, "Plan"),
        lines,
        text: version.text,
        version: Version { id, at, author: version.author, verdict: version.verdict },
    };
    view::page(StatusCode::OK, &one)
}

/// Takes one back.
pub(crate) async fn roll_back(State(portal): State<Arc<Portal>>, me: Me, Path(id): Path<i64>) -> Response {
    let (version, now) = match found(&portal, id).await {
        Ok(Some(found)) => found,
        Ok(None) => return super::nothing().await,
        Err(told) => return broken(&told),
    };
    let what = format!("take back version {id} of {}", now.name);
    let flash = match portal.desk.apply(me.signed(), now.text, PlanText { name: now.name, text: version.text }).await {
        Ok(_) => {
            portal.act(&me.signed(), &what);
            done(format!("Version {id} runs again."))
        }
        Err(told) => not_done(&portal, &me, &what, told),
    };
    door::back(&portal, &me, "/plan/history", flash)
}

/// What leads from one text to the other: `-` goes, `+` comes, a space stays; far from changes nothing is shown (`…`).
fn difference(from: &str, to: &str) -> Vec<(char, String)> {
    let (a, b): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a.iter().rev().zip(b.iter().rev()).take(a.len().min(b.len()) - head).take_while(|(x, y)| x == y).count();
    let (middle_a, middle_b) =
        (a.get(head..a.len() - tail).unwrap_or_default(), b.get(head..b.len() - tail).unwrap_or_default());
    let mut all: Vec<(char, &str)> = a.iter().take(head).map(|line| (' ', *line)).collect();
    all.extend(changed(middle_a, middle_b));
    all.extend(a.iter().skip(a.len() - tail).map(|line| (' ', *line)));
    let near = |at: usize| {
        let around = at.saturating_sub(AROUND)..(at + AROUND + 1).min(all.len());
        all.get(around).is_some_and(|lines| lines.iter().any(|(sign, _)| *sign != ' '))
    };
    let mut out: Vec<(char, String)> = Vec::new();
    for (at, (sign, line)) in all.iter().enumerate() {
        if near(at) {
            out.push((*sign, (*line).to_owned()));
        } else if out.last().is_none_or(|(sign, _)| *sign != '…') {
            out.push(('…', String::new()));
        }
    }
    out
}

/// By the longest common run of lines.
fn changed<'a>(a: &[&'a str], b: &[&'a str]) -> Vec<(char, &'a str)> {
    if a.len().saturating_mul(b.len()) > COMPARED * COMPARED {
        return a.iter().map(|line| ('-', *line)).chain(b.iter().map(|line| ('+', *line))).collect();
    }
    let width = b.len() + 1;
    let mut table = vec![0_u32; (a.len() + 1) * width];
    let at = |table: &[u32], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
    for (i, x) in a.iter().enumerate().rev() {
        for (j, y) in b.iter().enumerate().rev() {
            let longest =
                if x == y { at(&table, i + 1, j + 1) + 1 } else { at(&table, i + 1, j).max(at(&table, i, j + 1)) };
            if let Some(cell) = table.get_mut(i * width + j) {
                *cell = longest;
            }
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    loop {
        match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) if x == y => {
                out.push((' ', *x));
                (i, j) = (i + 1, j + 1);
            }
            (Some(x), y) if y.is_none() || at(&table, i + 1, j) >= at(&table, i, j + 1) => {
                out.push(('-', *x));
                i += 1;
            }
            (_, Some(y)) => {
                out.push(('+', *y));
                j += 1;
            }
            _ => return out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(from: &str, to: &str) -> String {
        difference(from, to).iter().map(|(sign, line)| format!("{sign}{line}|")).collect()
    }

    #[test]
    fn differences_are_short_and_whole() {
        assert_eq!(shown("a\nb\nc", "a\nx\nc"), " a|-b|+x| c|");
        assert_eq!(shown("", "a"), "+a|");
        assert_eq!(shown("a", ""), "-a|");
        assert_eq!(shown("a\nb", "a\nb"), "…|");
        let long: String = (0..50).map(|n| format!("{n}\n")).collect();
        assert_eq!(shown(&long, &long.replace("25\n", "")), "…| 22| 23| 24|-25| 26| 27| 28|…|");
        assert_eq!(shown("a\na\nb", "a\nb"), " a|-a| b|");
    }
}
