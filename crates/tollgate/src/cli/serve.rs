//! `tollgate run`: starts the exchange and prints what its owner has to know, secrets only on the day they are made.

use super::{Common, Run, print};
use crate::exchange::start::{self, Told};
use crate::fault::{Doing as _, Outcome};
use crate::logs;
use serde_json::json;
use std::fmt::Write as _;
use std::net::IpAddr;

/// Runs until told to end.
pub(super) fn run(common: &Common, run: &Run) -> Outcome<u8> {
    logs::start(common.log_format);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("exchange")
        .build()
        .doing(|| "start the runtime".to_owned())?
        .block_on(start::run(&common.home, run.drain, |told| tell(common, told)))?;
    Ok(0)
}

fn tell(common: &Common, told: &Told) {
    if common.json {
        let secrets: Vec<_> = told.prepared.secrets.iter().map(|rotated| rotated.to_json()).collect();
        let pins: Vec<_> = told.prepared.pins.iter().map(|new| new.to_json()).collect();
        print::text(&format!(
            "{:#}\n",
            json!({
                "home": common.home.path(),
                "listens": told.listens,
                "addresses": told.addresses,
                "metrics": told.metrics,
                "portal": told.portal.as_ref().map(|(link, _)| link),
                "secrets": secrets,
                "pins": pins,
                "verdict": told.verdict,
                "without_secret": told.without_secret,
                "findings": told.findings,
            })
        ));
        return;
    }
    let mut out = String::new();
    let _ = text(&mut out, common, told);
    print::text(&out);
}

fn text(out: &mut String, common: &Common, told: &Told) -> std::fmt::Result {
    writeln!(out, "tollgate {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "  home      {}", common.home.path().display())?;
    writeln!(out, "  listens   {}", told.listens.join(", "))?;
    for skipped in &told.skipped {
        writeln!(out, "            (this machine has no {skipped})")?;
    }
    let callable: Vec<String> = told.addresses.iter().map(|ip| format!("sip:anything@{}", host(*ip))).collect();
    writeln!(out, "  call it   {}", callable.join("  "))?;
    if let Some(metrics) = told.metrics {
        writeln!(out, "  metrics   http://{metrics}/metrics")?;
    }
    if let Some((link, first)) = &told.portal {
        writeln!(out, "  portal    {link}")?;
        if *first {
            writeln!(
                out,
                "            (this link makes its owner: it works once, for 30 minutes, in a browser on this machine)"
            )?;
        }
    }
    if !told.prepared.secrets.is_empty() {
        writeln!(out, "\nPhones register with these, shown now and never again:")?;
        for rotated in &told.prepared.secrets {
            writeln!(out, "  {}   secret {}   (realm {})", rotated.user, rotated.secret, rotated.realm)?;
        }
    }
    if !told.prepared.pins.is_empty() {
        let pins: Vec<String> =
            told.prepared.pins.iter().map(|new| format!("{} PIN {}", new.of.1, new.pin.reveal())).collect();
        writeln!(out, "Mailboxes open with:\n  {}", pins.join("\n  "))?;
    }
    if !told.without_secret.is_empty() {
        writeln!(
            out,
            "\nNo phone can register yet as {}: make a secret with  tollgate extension rotate {}",
            told.without_secret.join(", "),
            told.without_secret.first().map_or("", String::as_str)
        )?;
    }
    for finding in &told.findings {
        writeln!(out, "\n{}", finding.trim_end())?;
    }
    writeln!(out, "\n{}", told.verdict)?;
    if told.prepared.first {
        writeln!(out, "\nThe configuration is in {}.", common.home.config().display())?;
    }
    Ok(())
}

fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}
