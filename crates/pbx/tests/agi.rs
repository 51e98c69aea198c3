//! A script steers a call: what it asks is done, what it sets is data, what it dials asks the gate, and its end is bounded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dialplan::load::NoFiles;
use dialplan::policy::OriginKind;
use dialplan::reach::Reach;
use media::sound::Sound;
use pbx::config::Config;
use pbx::plan::{self, HandWritten};
use pbx::programs::{NotRun, Programs, Running, Script, Wait};
use pbx::simulate::{Party, Script as Moves, Simulation, Trace};
use pbx::snapshot::Snapshot;
use pbx::sounds::Sounds;
use pbx::switch::Origin;
use tokio::sync::mpsc;

struct OneSecond;

impl Sounds for OneSecond {
    fn find(&self, name: &str, _: &str) -> Option<Arc<Sound>> {
        (!name.starts_with("missing")).then(|| Arc::new(Sound::silence(Duration::from_secs(1)).unwrap()))
    }
}

/// A script that says these lines, each after the answer to the one before, and keeps what it hears.
#[derive(Clone, Default)]
struct Says {
    lines: Vec<String>,
    heard: Arc<Mutex<Vec<String>>>,
    /// Goes on for ever afterwards.
    stays: bool,
}

impl Programs for Says {
    fn script(&self, _: Script) -> Wait<Result<Running, NotRun>> {
        let this = self.clone();
        Box::pin(async move {
            let (say, said) = mpsc::channel(4);
            let (tell, mut told) = mpsc::channel::<String>(4);
            tokio::spawn(async move {
                let first = told.recv().await.unwrap();
                this.heard.lock().unwrap().push(first);
                for line in this.lines {
                    say.send(line).await.unwrap();
                    let Some(answer) = told.recv().await else { return };
                    this.heard.lock().unwrap().push(answer.trim_end().to_owned());
                }
                if !this.stays {
                    return;
                }
                while let Some(more) = told.recv().await {
                    this.heard.lock().unwrap().push(more.trim_end().to_owned());
                }
            });
            Ok(Running { said, tell, guard: Box::new(()) })
        })
    }

    fn run(&self, name: String, _: Vec<String>) -> Wait<Result<i32, NotRun>> {
        let code = match name.as_str() {
            "good" => Ok(0),
            "bad" => Ok(3),
            _ => Err(NotRun::Closed(name)),
        };
        Box::pin(async move { code })
    }
}

fn play_as(from: Origin, plan: &str, keys: &str, script: Says) -> (Trace, Vec<String>) {
    let mut tree = serde_json::json!({
        "strangers": { "answer": "context:test" },
        "trunk": { "itsp": { "host": "127.0.0.9" } },
        "programs": { "seconds": 60 },
    });
    tree["extension"] = serde_json::json!({ "200": {}, "204": { "context": "test" } });
    let config = Config::from_tree(&tree).unwrap();
    let files = vec![("plan".to_owned(), plan.to_owned())];
    let program = plan::compile(&config, &HandWritten { files }, &NoFiles).program;
    let reach = Reach::of(program.hash());
    let snapshot = Snapshot { config: Arc::new(config), program: Arc::new(program), reach };
    let heard = Arc::clone(&script.heard);
    let mut call = Simulation::new(&snapshot, from, "s", Arc::new(OneSecond));
    call.script = Moves::parse(keys).unwrap();
    call.caller.name = "Eve\nagi_extension: 911".to_owned();
    call.phones.insert("204".to_owned(), Party::Refuses(486));
    call.programs = Arc::new(script);
    let trace = call.run();
    let heard = heard.lock().unwrap().clone();
    (trace, heard)
}

fn play(plan: &str, keys: &str, lines: &[&str]) -> (String, Vec<String>) {
    let script = Says { lines: lines.iter().map(|line| (*line).to_owned()).collect(), ..Says::default() };
    let stranger = Origin::Stranger { source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)) };
    let (trace, heard) = play_as(stranger, plan, keys, script);
    (trace.to_string(), heard)
}

const PLAN: &str = "[test]
exten => s,1,Answer()
exten => s,2,AGI(x.agi,one,two words)
exten => s,3,NoOp(${AGISTATUS} ${WHO})
exten => s,4,Hangup()
exten => other,1,NoOp(other ${ARG1})
exten => other,2,Return()
exten => lab,1,NoOp()
exten => lab,2(there),NoOp(there)
";

#[test]
fn the_script_is_told_who_calls_and_no_line_is_forged() {
    let (_, heard) = play(PLAN, "", &[]);
    let told = &heard[0];
    for line in ["agi_request: x.agi", "agi_extension: s", "agi_priority: 2", "agi_arg_1: one", "agi_arg_2: two words"]
    {
        assert!(told.lines().any(|known| known == line), "{line}\n{told}");
    }
    assert_eq!(told.lines().filter(|line| line.starts_with("agi_extension")).count(), 1, "{told}");
    assert!(told.ends_with("\n\n"));
}

#[test]
fn commands_have_their_answers() {
    let table = [
        ("ANSWER", "200 result=0"),
        ("channel status", "200 result=6"),
        ("CHANNEL STATUS PJSIP/204-1", "200 result=-1"),
        ("NOOP", "200 result=0"),
        ("VERBOSE \"hello\" 3", "200 result=1"),
        ("SET VARIABLE WHO \"Ann ${EXTEN}\"", "200 result=1"),
        ("GET VARIABLE WHO", "200 result=1 (Ann ${EXTEN})"),
        ("GET VARIABLE NOBODY", "200 result=0"),
        ("GET VARIABLE WHO}${EXTEN", "200 result=0"),
        ("GET FULL VARIABLE \"${EXTEN}/${WHO}\"", "200 result=1 (s/Ann ${EXTEN})"),
        ("SET VARIABLE CALLERID(num) 5551234", "200 result=1"),
        ("GET VARIABLE CALLERID(num)", "200 result=1 (5551234)"),
        ("SET CALLERID \"\\\"Bob\\\" <77>\"", "200 result=1"),
        ("GET VARIABLE CALLERID(name)", "200 result=1 (Bob)"),
        ("DATABASE PUT fam key value", "200 result=1"),
        ("DATABASE GET fam key", "200 result=1 (value)"),
        ("DATABASE GET fam other", "200 result=0"),
        ("DATABASE DEL fam key", "200 result=1"),
        ("DATABASE DEL fam key", "200 result=0"),
        ("DATABASE DELTREE fam", "200 result=0"),
        ("STREAM FILE hello \"\"", "200 result=0 endpos=8000"),
        ("STREAM FILE missing-one \"\"", "200 result=-1 endpos=0"),
        ("SAY DIGITS 12 \"\"", "200 result=0"),
        ("SAY NUMBER 342 \"\"", "200 result=0"),
        ("SAY ALPHA ab \"\"", "200 result=0"),
        ("SAY PHONETIC ab \"\"", "200 result=0"),
        ("SAY DATETIME 0 \"\"", "200 result=0"),
        ("WAIT FOR DIGIT 500", "200 result=0"),
        ("GET DATA hello 500 4", "200 result= (timeout)"),
        ("GET OPTION hello 12 500", "200 result=0 endpos=0"),
        ("RECORD FILE name wav # 2000 0 BEEP s=1", "200 result=0 (timeout) endpos=0"),
        ("EXEC Wait 1", "200 result=0"),
        ("EXEC Set \"WHO=Bob\"", "200 result=0"),
        ("EXEC Queue sales", "200 result=-2"),
        ("EXEC Nonsense x", "200 result=-2"),
        ("EXEC AGI again.agi", "200 result=-2"),
        ("SEND TEXT hi", "200 result=-1"),
        ("RECEIVE CHAR 100", "200 result=-1"),
        ("SET MUSIC ON jazz", "200 result=0"),
        ("SET MUSIC OFF", "200 result=0"),
        ("SET AUTOHANGUP 0", "200 result=0"),
        ("HANGUP PJSIP/204-1", "200 result=-1"),
        ("FLY", "510 Invalid or unknown command"),
        ("", "510 Invalid or unknown command"),
    ];
    let lines: Vec<&str> = table.iter().map(|(line, _)| *line).collect();
    let (trace, heard) = play(PLAN, "", &lines);
    for ((line, expected), answer) in table.iter().zip(&heard[1..]) {
        assert_eq!(answer, expected, "{line}");
    }
    assert_eq!(heard.len(), table.len() + 1, "{trace}");
    assert!(trace.contains("NoOp(SUCCESS Bob)"), "{trace}");
}

#[test]
fn what_is_written_wrongly_is_explained() {
    for line in ["STREAM FILE", "SAY DIGITS 1", "SAY NUMBER many \"\"", "DATABASE GET x", "WAIT FOR DIGIT", "EXEC"] {
        let (_, heard) = play(PLAN, "", &[line]);
        assert!(heard[1].starts_with("520-Invalid command syntax."), "{line}: {}", heard[1]);
        assert!(heard[1].ends_with("520 End of proper usage."), "{line}");
    }
}

#[test]
fn keys_come_to_the_script() {
    let lines = ["GET DATA hello 2000 3", "STREAM FILE hello 5", "WAIT FOR DIGIT 2000"];
    let (_, heard) = play(PLAN, "wait 0.5,123,wait 0.3,5,wait 0.5,7", &lines);
    assert_eq!(heard[1], "200 result=123");
    assert!(heard[2].starts_with("200 result=53 endpos="), "{}", heard[2]);
    assert_eq!(heard[3], "200 result=55");
}

#[test]
fn the_script_says_where_the_plan_goes_on() {
    let (trace, _) = play(PLAN, "", &["SET EXTENSION lab", "SET PRIORITY 2"]);
    assert!(trace.contains("NoOp(there)"), "{trace}");
    let (trace, _) = play(PLAN, "", &["EXEC Goto test,lab,there"]);
    assert!(trace.contains("NoOp(there)"), "{trace}");
    let (trace, _) = play(PLAN, "", &["GOSUB test other 1 hello"]);
    assert!(trace.contains("NoOp(other hello)") && trace.contains("NoOp(SUCCESS )"), "{trace}");
    let (trace, _) = play(PLAN, "", &["HANGUP"]);
    assert!(!trace.contains("NoOp("), "{trace}");
}

#[test]
fn what_a_script_dials_asks_the_gate() {
    let dial = "EXEC Dial PJSIP/204,5";
    let paid = "EXEC Dial PJSIP/19005550100@itsp,5";
    let (trace, heard) = play(PLAN, "", &[dial, paid]);
    assert!(trace.contains("rings 204"), "{trace}");
    assert!(trace.contains("does not call 19005550100") && !trace.contains("rings +1900"), "{trace}");
    assert_eq!(heard.len(), 3);
    // The proof of this plan allows nothing: not even a phone of the house gets a paid leg by a script.
    let script = Says { lines: vec!["EXEC Dial PJSIP/12025550100@itsp,5".to_owned()], ..Says::default() };
    let (trace, _) = play_as(Origin::Extension { user: "204".to_owned() }, PLAN, "", script);
    assert!(!trace.to_string().contains("rings +1202"), "{trace}");
    assert_eq!(OriginKind::Stranger.entry(), "strangers");
}

#[test]
fn when_the_caller_goes_the_script_hears_of_it_and_has_a_moment() {
    let script = Says { stays: true, ..Says::default() };
    let stranger = Origin::Stranger { source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)) };
    let plan = format!("{PLAN}exten => h,1,NoOp(after ${{AGISTATUS}})\n");
    let (trace, heard) = play_as(stranger.clone(), &plan, "wait 2,hangup", script);
    assert_eq!(heard.last().unwrap(), "HANGUP");
    let text = trace.to_string();
    assert!(text.contains("NoOp(after HANGUP)"), "{text}");
    let after = trace.moments.iter().find(|moment| moment.what.to_string().contains("after")).unwrap().at;
    assert!((6.5..8.0).contains(&after), "{text}");
    // Commands meanwhile are answered by that.
    let lines = vec!["WAIT FOR DIGIT 10000".to_owned(), "STREAM FILE hello \"\"".to_owned(), "NOOP".to_owned()];
    let (_, heard) = play_as(stranger, &plan, "wait 2,hangup", Says { lines, ..Says::default() });
    assert_eq!(heard[1], "200 result=-1");
    assert!(heard[2].starts_with("511"), "{heard:?}");
    assert_eq!(heard[3], "200 result=0");
}

#[test]
fn a_script_that_never_ends_is_ended() {
    let script = Says { stays: true, ..Says::default() };
    let stranger = Origin::Stranger { source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)) };
    let (trace, _) = play_as(stranger, PLAN, "", script);
    let text = trace.to_string();
    let after = trace.moments.iter().find(|moment| moment.what.to_string().contains("NoOp(FAILURE")).expect(&text).at;
    assert!((59.0..62.0).contains(&after), "{text}");
}

#[test]
fn programs_by_name_only() {
    let plan = "[test]
exten => s,1,System(good,x)
exten => s,2,NoOp(1 ${SYSTEMSTATUS})
exten => s,3,TrySystem(bad)
exten => s,4,NoOp(2 ${SYSTEMSTATUS})
exten => s,5,System(rm -rf /)
exten => s,6,NoOp(3 ${SYSTEMSTATUS})
exten => s,7,System()
exten => s,8,NoOp(4 ${SYSTEMSTATUS})
";
    let (trace, _) = play(plan, "", &[]);
    for line in ["NoOp(1 SUCCESS)", "NoOp(2 APPERROR)", "NoOp(3 FAILURE)", "NoOp(4 FAILURE)"] {
        assert!(trace.contains(line), "{line}\n{trace}");
    }
}

#[test]
fn directory_of_old_plans_is_the_directory() {
    let plan = "[test]
exten => s,1,AGI(directory,general,ext-local,f)
exten => s,2,NoOp(${DIRECTORY_RESULT} ${AGISTATUS})
";
    let (trace, _) = play(plan, "", &[]);
    assert!(trace.contains("NoOp(FAILED )") || trace.contains("NoOp(TIMEOUT )"), "{trace}");
}
