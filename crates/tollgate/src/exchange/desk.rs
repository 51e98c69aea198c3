//! The portal's hands: what its pages see and do, done by the same deeds as the command line's.

use crate::config_file::text_of;
use crate::control::Request;
use crate::exchange::serve::Running;
use crate::exchange::snapshot::{self, Built, plan_text, sound_folders};
use crate::exchange::{play, wall};
use crate::fault::{Doing as _, Fault, Outcome};
use crate::home::vault::Vault;
use crate::home::{Home, write_private};
use crate::limits::DIALPLAN_TEXT;
use crate::prompts::Prompts;
use pbx::config::Config;
use pbx::gate;
use pbx::simulate::{Script, Simulation};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Instant;
use store::{Fate, Store};
use web::Portal;
use web::desk::{Bill, Desk, Overview, PhoneView, PlanText, Play, Preview, Proof, Soon, Told};
use zeroize::Zeroizing;

/// Under this name the people of the portal are kept among the sealed secrets.
const PEOPLE: &str = "portal/people";

/// The name that the configuration has in the portal.
const CONFIGURATION: &str = "tollgate.toml";

/// What the proof said of a plan, for its owner.
pub(crate) fn proof(built: &Built) -> Proof {
    let files = (0..built.sources.len())
        .filter_map(|at| u32::try_from(at).ok())
        .map(|at| built.sources.name(dialplan::span::FileId(at)));
    let mut texts = vec![CONFIGURATION.to_owned()];
    for name in files.filter(|name| !name.ends_with(CONFIGURATION)) {
        if !texts.iter().any(|known| known == name) {
            texts.push(name.to_owned());
        }
    }
    Proof {
        verdict: built.verdict.clone(),
        at: wall(),
        open: audit::open(&built.report).into_iter().map(|one| one.text).collect(),
        entries: built.report.entries.iter().map(|entry| (entry.entry.clone(), entry.verdict.clone())).collect(),
        findings: built.findings.iter().map(|finding| finding.render(&built.sources).trim_end().to_owned()).collect(),
        texts,
    }
}

/// The portal of a running exchange.
pub(crate) fn portal(running: &Arc<Running>) -> Outcome<Arc<Portal>> {
    let portal = Portal::new(Arc::new(Hands(Arc::clone(running)))).map_err(|told| Fault::failed(told.message))?;
    let _ = running.portal.set(Arc::downgrade(&portal));
    Ok(portal)
}

/// Where the portal is; while it has no owner, the link that makes one, and true.
pub(crate) async fn link(running: &Running, portal: &Portal) -> Outcome<(String, bool)> {
    let failed = |told: Told| Fault::failed(told.message);
    let at = running.portal_at.map_or_else(String::new, |at| format!("http://{at}"));
    if !portal.is_empty().await.map_err(failed)? {
        return Ok((format!("{at}/"), false));
    }
    Ok((format!("{at}{}", portal.set_up_link().map_err(failed)?), true))
}

fn told(fault: Fault) -> Told {
    Told { message: fault.message, repair: fault.repair }
}

struct Hands(Arc<Running>);

impl Hands {
    /// Where a text of the owner's stands; none for a name that is not one of them.
    fn path(&self, name: &str) -> Option<PathBuf> {
        let home = &self.0.home;
        if name == CONFIGURATION {
            return Some(home.config());
        }
        let proof = self.0.proof.lock().unwrap_or_else(PoisonError::into_inner);
        proof.texts.iter().any(|known| known == name).then(|| home.path().join(name)).filter(|path| path.is_file())
    }

    fn read(&self, name: &str) -> Outcome<PlanText> {
        let path = self.path(name).ok_or_else(|| Fault::failed(format!("there is no file {name}")))?;
        let text = if name == CONFIGURATION { text_of(&path)? } else { plan_text(&path, DIALPLAN_TEXT)? };
        Ok(PlanText { name: name.to_owned(), text })
    }

    async fn overview(&self) -> Outcome<Overview> {
        let running = &self.0;
        let config = Arc::clone(&running.exchange.snapshot.load().config);
        let bill = self.bill(&config).await?;
        let at: BTreeMap<String, _> = running.phones.list().into_iter().collect();
        let phones = config.extensions.iter().map(|(number, extension)| PhoneView {
            number: number.clone(),
            name: extension.name.clone(),
            at: at.get(number).cloned().unwrap_or_default(),
            has_secret: running.phones.credentials(number).is_some(),
        });
        Ok(Overview {
            proof: running.proof.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            bill,
            paid_calls: running.exchange.gate.paid_calls(),
            stopped: config.policy.stopped,
            trunks: running.trunks.list(),
            phones: phones.collect(),
            calls: running.exchange.calls.list(),
            parked: running.exchange.parking.list(),
            bans: running.guard.list(Instant::now()),
            healthy: running.store.health(),
            up: running.started.elapsed().as_secs(),
        })
    }

    async fn bill(&self, config: &Config) -> Outcome<Bill> {
        let now = wall();
        let today = gate::day(config, now);
        let day = jiff::Timestamp::from_millisecond(now).map_or(1, |at| at.to_zoned(config.system.time_zone()).day());
        let first = today.saturating_sub(i32::from(day) - 1);
        let ledger = self.0.store.ledger(first).await.doing(|| "read what was spent".to_owned())?;
        // The store counts in millionths, the configuration in thousandths.
        let sum = |since: i32| {
            ledger
                .iter()
                .filter(|row| row.day >= since)
                .map(|row| row.settled + row.reserved)
                .sum::<u64>()
                .div_ceil(1000)
        };
        let one_phone =
            config.extensions.values().map(|one| config.policy.bounds(one.caps).money_per_day.0).max().unwrap_or(0);
        Ok(Bill { today: sum(today), month: sum(first), cap: config.policy.money_per_day_together.0, one_phone })
    }

    async fn preview(&self, text: PlanText) -> Outcome<Preview> {
        let running = Arc::clone(&self.0);
        let before = self.0.exchange.snapshot.load_full();
        let path = self.path(&text.name).ok_or_else(|| Fault::failed(format!("there is no file {}", text.name)))?;
        let look = move || {
            let built = match built(&running.home, &text, path) {
                Ok(built) => built,
                Err(fault) => return Ok(Preview { wrong: Some(fault.to_string()), ..Preview::default() }),
            };
            // What the running plan opens and the new one does not, and the other way round.
            let words = |all: Vec<audit::Opened>| all.into_iter().map(|one| one.text).collect();
            let opens = words(audit::opened(&before.reach, &built.report));
            let now = snapshot::of(&running.home)?;
            let closes = words(audit::opened(&built.report.reach, &now.report));
            let findings =
                built.findings.iter().map(|finding| finding.render(&built.sources).trim_end().to_owned()).collect();
            Ok(Preview { wrong: None, findings, verdict: built.verdict.clone(), opens, closes })
        };
        tokio::task::spawn_blocking(look).await.doing(|| "look at the plan".to_owned())?
    }

    async fn apply(&self, who: &str, was: &str, text: PlanText) -> Outcome<Value> {
        let running = &self.0;
        let path = self.path(&text.name).ok_or_else(|| Fault::failed(format!("there is no file {}", text.name)))?;
        let _one = running.changing.lock().await;
        let before = self.read(&text.name)?.text;
        if before != was {
            return Err(Fault::failed(format!("somebody changed {} meanwhile", text.name))
                .repair("load it again and bring both together"));
        }
        let (home, wanted, place) = (running.home.clone(), text.clone(), path.clone());
        let now = running.exchange.snapshot.load_full();
        let check = move || {
            let built = built(&home, &wanted, place.clone())?;
            snapshot::vouched(&home, &now.reach, &built)?;
            write_private(&place, wanted.text.as_bytes())
        };
        tokio::task::spawn_blocking(check).await.doing(|| "build the plan".to_owned())??;
        match running.take_over(who).await {
            Ok(value) => Ok(value),
            Err(fault) => {
                // A plan that cannot be taken over must not stand there for the next start.
                write_private(&path, before.as_bytes())?;
                Err(fault)
            }
        }
    }

    fn play(&self, asked: &Play) -> Outcome<Vec<String>> {
        let snapshot = self.0.exchange.snapshot.load_full();
        let from = play::who(&snapshot.config, &asked.from)?;
        let prompts = Prompts::new(sound_folders(&self.0.home, &snapshot.config));
        let mut simulation = Simulation::new(&snapshot, from, &asked.to, Arc::new(prompts));
        simulation.script =
            Script::parse(&asked.keys).map_err(|error| Fault::unusable(format!("what the caller does: {error}")))?;
        simulation.at = play::at(&snapshot.config, Some(asked.at.as_str()).filter(|at| !at.is_empty()))?;
        if !asked.caller_id.is_empty() {
            simulation.caller.number.clone_from(&asked.caller_id);
        }
        Ok(simulation.run().moments.iter().map(|moment| format!("{:>8.2}  {}", moment.at, moment.what)).collect())
    }
}

/// What would run if this text stood at its place.
fn built(home: &Home, text: &PlanText, path: PathBuf) -> Outcome<Built> {
    if text.name == CONFIGURATION {
        return snapshot::build(home, CONFIGURATION, &text.text);
    }
    snapshot::build_over(home, CONFIGURATION, &text_of(&home.config())?, BTreeMap::from([(path, text.text.clone())]))
}

impl Desk for Hands {
    fn overview(&self) -> Soon<'_, Overview> {
        Box::pin(async { self.overview().await.map_err(told) })
    }

    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.0.exchange.snapshot.load().config)
    }

    fn store(&self) -> &Store {
        &self.0.store
    }

    fn ask(&self, who: String, request: Value) -> Soon<'_, Value> {
        Box::pin(async move {
            let request: Request =
                serde_json::from_value(request).map_err(|error| Told::new(format!("this cannot be asked: {error}")))?;
            Arc::clone(&self.0).carry_out(&who, request).await.map_err(told)
        })
    }

    fn people(&self) -> Soon<'_, Option<Zeroizing<String>>> {
        Box::pin(async {
            let row =
                self.0.store.secret(PEOPLE).await.doing(|| "read the people of the portal".to_owned()).map_err(told)?;
            row.map(|row| Vault::open(&self.0.home)?.unseal(PEOPLE, &row)).transpose().map_err(told)
        })
    }

    fn keep_people(&self, json: Zeroizing<String>) -> Soon<'_, ()> {
        Box::pin(async move {
            let sealed = Vault::open(&self.0.home).and_then(|vault| vault.seal_text(PEOPLE, &json)).map_err(told)?;
            self.0
                .store
                .set_secret(PEOPLE, &sealed, wall())
                .await
                .doing(|| "keep the people of the portal".to_owned())
                .map_err(told)
        })
    }

    fn pepper(&self) -> Soon<'_, Zeroizing<Vec<u8>>> {
        Box::pin(async {
            let path = self.0.home.pepper();
            std::fs::read(&path)
                .map(Zeroizing::new)
                .doing(|| format!("read the key file {}", path.display()))
                .map_err(told)
        })
    }

    fn texts(&self) -> Soon<'_, Vec<PlanText>> {
        Box::pin(async {
            let names = self.0.proof.lock().unwrap_or_else(PoisonError::into_inner).texts.clone();
            let there = names.iter().filter(|name| self.path(name).is_some());
            there.map(|name| self.read(name)).collect::<Outcome<_>>().map_err(told)
        })
    }

    fn preview(&self, text: PlanText) -> Soon<'_, Preview> {
        Box::pin(async { self.preview(text).await.map_err(told) })
    }

    fn apply(&self, who: String, was: String, text: PlanText) -> Soon<'_, Value> {
        Box::pin(async move { self.apply(&who, &was, text).await.map_err(told) })
    }

    fn play(&self, asked: Play) -> Soon<'_, Vec<String>> {
        let hands = Self(Arc::clone(&self.0));
        Box::pin(async move {
            let played = tokio::task::spawn_blocking(move || hands.play(&asked)).await;
            played.map_err(|error| Told::new(error.to_string()))?.map_err(told)
        })
    }

    fn sound(&self, mailbox: String, uid: String) -> Soon<'_, Vec<u8>> {
        Box::pin(async move {
            let sound = self.0.exchange.mailboxes.file(&mailbox, &uid).await;
            sound.map_err(|error| Told::new(error.to_string()))
        })
    }

    fn delete_message(&self, mailbox: String, uid: String) -> Soon<'_, ()> {
        Box::pin(async move {
            match self.0.exchange.mailboxes.change(&mailbox, vec![(uid, Fate::Gone)]).await {
                Ok(0) => Err(Told::new("there is no such message any more")),
                Ok(_) => Ok(()),
                Err(error) => Err(Told::new(error.to_string())),
            }
        })
    }

    fn now(&self) -> i64 {
        wall()
    }
}
