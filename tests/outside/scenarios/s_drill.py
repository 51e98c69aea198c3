"""The drill: the exchange calls itself as everybody who may, and presses every key. What it finds, what it leaves alone,
and what is left when it is killed."""
import contextlib
import glob
import json
import os
import signal
import subprocess
import time

import procs
import sound
from exchange import BINARY, Exchange
from meter import Meter
from parts import all_of, nobody_rang
from scenarios.l_flood import GAP, Talk, figures
from scenarios.p_proof import PLANS, POSSIBLE
from scenarios.q_article import house
from scenarios.r_portal import owner

# A menu below a menu; in the second one a number that nobody announces.
PLAN = """\
[open]
exten => s,1,Answer
 same => n(again),Background(beep)
 same => n,WaitExten(2)
exten => 7,1,Goto(below,s,1)
exten => 1,1,Dial(PJSIP/204,5)
 same => n,VoiceMail(204,s)
 same => n,Hangup
exten => i,1,Goto(s,again)
exten => t,1,Hangup
[below]
exten => s,1,Background(beep)
 same => n,WaitExten(2)
exten => 5,1,Read(code,beep,4,,,2)
 same => n,GotoIf($["${code}" = "4182"]?out,s,1)
 same => n,Hangup
exten => 42,1,Goto(out,s,1)
exten => t,1,Hangup
[out]
exten => s,1,Dial(PJSIP/2025550100@meter)
 same => n,Hangup
"""


@contextlib.contextmanager
def plan(text, meter=None, more=""):
    """An exchange whose strangers reach [open] of a plan, with mailboxes."""
    x = Exchange(meter=meter, start=False, more=more)
    path = x.home + "/tollgate.toml"
    toml = open(path).read().replace('answer = "menu:attendant"', 'answer = "context:open"')
    toml = toml.replace('[extension.204]\n', '[extension.204]\nmailbox = "204"\n')
    with open(path, "w") as f:
        f.write('[dialplan]\nfiles = ["extensions.conf"]\ndialect = "safe"\n' + toml)
    with open(x.home + "/extensions.conf", "w") as f:
        f.write(text)
    with x:
        x.start()
        for user in ("200", "204"):
            x.rotate(user)
        yield x


def drill(x, *args, code=None, timeout=140):
    """A whole drill; its report."""
    p = subprocess.run([BINARY, "drill", "--home", x.home, "--json", "--at-once", "40"] + list(args), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=timeout, text=True)
    assert code is None or p.returncode == code, "exit %d: %s%s" % (p.returncode, p.stdout[-3000:], p.stderr[-2000:])
    return json.loads(p.stdout)


def begin(x, *args):
    """A drill that goes on by itself."""
    return procs.spawn([BINARY, "drill", "--home", x.home, "--at-once", "40"] + list(args), x.log + ".drill")


def control(x, request):
    """One request over the control socket."""
    import socket
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
        s.settimeout(10)
        s.connect(x.home + "/control.sock")
        s.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(s.makefile().readline())


def on(x):
    """Whether a drill is on."""
    return "on" in (control(x, {"do": "drill-status"}).get("ok") or {})


def test_hidden_ways_are_found_by_pressing_and_the_repaired_plan_is_clean():
    """Two key paths in a menu below a menu cost money: both are found, named with their keys and lines, refused by the gate, and the meter stays at 0; the repaired plan is called safe, and the difference is told."""
    with Meter() as meter, plan(PLAN, meter) as x:
        got = drill(x, "--from", "strangers", code=1)
        # a stranger chooses the number he calls: what others press he may also dial
        ways = {",".join(filter(None, (w["dialled"], w["keys"]))): w for w in got["ways"]}
        assert got["level"] == "gate-only" and {w["line"] for w in got["ways"]} == {"out,s,1 Dial"}, got["ways"]
        assert list(ways) == ["7,42"], ways
        way = next(w for w in got["ways"])
        assert way["trunk"] == "meter" and way["class"] == "national" and "stranger" in way["refused"], way
        assert not [line for line in got["never"] if line.startswith(("open,", "below,", "out,s,1"))], got["never"]
        assert any(w["shown"] and "trunk meter" in w["sink"] for w in got["witnesses"]), got["witnesses"]
        # what it says can be played
        played = x.cli("simulate", "--to", way["dialled"] or "s", "--keys", way["keys"])
        assert "out,s,1" in played, played
        # the way by the code that the plan compares with is another one: without the number it is still found
        with open(x.home + "/extensions.conf", "w") as f:
            f.write(PLAN.replace("exten => 42,1,Goto(out,s,1)\n", ""))
        os.kill(x.proc.pid, signal.SIGHUP)
        time.sleep(1.5)
        got = drill(x, "--from", "strangers", code=1)
        assert [w["dialled"] + "," + w["keys"].replace("#", "") for w in got["ways"]] == ["7,5,4182"], got["ways"]
        with open(x.home + "/extensions.conf", "w") as f:
            f.write(PLAN.replace("exten => 42,1,Goto(out,s,1)\n", "").replace("?out,s,1", "?below,s,1"))
        os.kill(x.proc.pid, signal.SIGHUP)
        time.sleep(1.5)
        got = drill(x, "--from", "strangers", code=0)
        assert got["level"] == "safe" and not got["ways"] and got["cut_short"] is None, got
        assert meter.seen == [], meter.numbers()
        listed = x.json("drill", "--list")
        listed = listed["drills"] if isinstance(listed, dict) else listed
        assert len(listed) == 3 and "No caller from outside" in json.dumps(listed[0]), listed
        page = x.cli("drill", "--show", str(listed[1]["number"]), "--format", "html", ok=False)
        assert page.startswith("<!DOCTYPE html>") and "4182" in page, page[:500]


test_hidden_ways_are_found_by_pressing_and_the_repaired_plan_is_clean.limit = 300


def test_a_drill_disturbs_nobody_and_leaves_nothing():
    """As every caller, with a phone registered: it does not ring, nobody is called, no record, message, row or lock-out is left; wishes to be rung are granted; an outside call for help is written down and not made."""
    more = PLAN.replace("[below]", "exten => 8,1,Set(DB(a/b)=1)\n same => n,System(touch ran)\n same => n,Hangup\n[below]")
    did = '[did."+12025550111"]\ntrunk = "meter"\nto = "extension:204"\n'
    with Meter() as meter, plan(more, meter, did) as x, x.raw("204") as phone:
        phone.rang = 0
        pin = x.json("mailbox", "pin", "204")["pin"]
        before = sorted(os.listdir(x.home))
        got = drill(x, "--minutes", "3", timeout=240)
        names = {e["entry"] for e in got["entries"]}
        assert not [line for line in got["never"] if line.startswith("from-trunk-meter,+1202")], got["never"]
        assert {"strangers", "trunk:meter"} <= names and any(n.startswith("extension:") for n in names), names
        rights = [w for w in got["ways"] if not w["outside"]]
        assert {"national", "emergency"} <= {w["class"] for w in rights if w["refused"] is None}, rights
        assert "204" in next(e for e in got["entries"] if e["entry"] == "strangers")["rings"], got["entries"]
        assert meter.seen == []
        nobody_rang(phone)
        assert x.calls() == [], x.calls()[:3]
        assert not [m for m in x.json("mailbox", "messages") if m], "a message was left"
        assert sorted(os.listdir(x.home)) == before, "a file was made: %r" % set(os.listdir(x.home)) ^ set(before)
        kinds = {e["kind"] for e in x.json("events", "--limit", "200")}
        assert not kinds & {"emergency-call", "wrong-pin", "pin-locked", "cap-reached", "grant-call"}, kinds
        assert "drill-began" in kinds, kinds
        ended = lambda: {"drill-ended", "drill-found"} & {e["kind"] for e in x.json("events", "--limit", "50")}
        procs.poll("the end of the drill among the events", ended, 10, 0.3)
        assert "open,8,3 Hangup" not in got["never"], "the line behind the program is passed"
        # the PIN still opens: nothing was counted against anybody
        boxes = x.json("mailbox", "list")
        boxes = boxes["mailboxes"] if isinstance(boxes, dict) else boxes
        assert pin and boxes and not any(box.get("locked") for box in boxes), boxes


test_a_drill_disturbs_nobody_and_leaves_nothing.limit = 330


def test_killed_in_the_middle_it_leaves_nothing_behind():
    """The command is killed: the drill ends by itself. The exchange is killed: after the start there is no drill, no call and no report. A second drill at the same time is refused; --stop ends one."""
    with Meter() as meter, plan(PLAN, meter) as x:
        one = begin(x)
        procs.poll("a drill is on", lambda: on(x), 10, 0.2)
        two = subprocess.run([BINARY, "drill", "--home", x.home], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=20)
        assert two.returncode != 0 and "already" in two.stderr, two
        one.kill()
        one.wait(5)
        ended = lambda: {"drill-ended", "drill-found"} & {e["kind"] for e in x.json("events", "--limit", "50")}
        procs.poll("it ends when nobody watches", ended, 60, 1)
        three = begin(x)
        procs.poll("another drill is on", lambda: on(x), 10, 0.2)
        x.cli("drill", "--stop")
        assert three.wait(90) == 0, open(x.log + ".drill").read()[-2000:]
        four = begin(x)
        procs.poll("a third drill is on", lambda: on(x), 10, 0.2)
        time.sleep(3)
        x.kill()
        four.wait(20)
        x.start()
        assert control(x, {"do": "drill-status"}) == {"ok": "idle"} and x.channels() == [] and x.calls() == []
        assert meter.seen == []


def test_nobody_comes_in_by_a_forged_ticket():
    """While a drill is on, a stranger writes the host of a ticket into his From: he stays a stranger and reaches no phone's rights."""
    with Meter() as meter, plan(PLAN, meter) as x:
        one = begin(x)
        procs.poll("a drill is on", lambda: on(x), 10, 0.2)
        for host in ("%032x.drill.invalid" % 0, "%032x.drill.invalid" % 7, ".drill.invalid"):
            with x.stranger("204", domain=host) as s:
                call = s.dial("7")
                call.wait_ok()
                call.hangup()
        one.terminate()
        x.wait_idle()
        records = x.wait_records(3)
        assert len(records) == 3 and all(r["origin"].startswith("stranger:") for r in records), records
        assert meter.seen == []


def test_calls_go_on_during_a_drill():
    """Two phones talk while 40 calls of a drill press keys: their sound has no gap over 60 ms."""
    with Meter() as meter, plan(PLAN, meter) as x:
        with x.raw("200") as a, x.raw("204") as b:
            for _ in range(3):
                one = begin(x)
                procs.poll("a drill is on", lambda: on(x), 10, 0.2)
                talk = Talk(a, b)
                got = figures(talk.measure(10))
                pressed = control(x, {"do": "drill-status"})
                x.cli("drill", "--stop", ok=False)
                one.wait(60)
                talk.call.hangup()
                # A child that was itself kept waiting cannot judge: then the machine had something else to do.
                if max(g[3] for g in got) < 25:
                    break
            worst = max(g[2] for g in got)
            assert worst <= GAP + max(g[3] for g in got), "a gap of %.0f ms: %r" % (worst, got)
            test_calls_go_on_during_a_drill.note = "  (worst gap %.0f ms; %r)" % (worst, pressed)


test_calls_go_on_during_a_drill.alone = True


def test_the_articles_plan_is_drilled():
    """The article's plan: the drill reaches the attendant's keys, the PIN of key 4 and the screening, finds no way out for strangers, and says which lines it passed."""
    with Meter() as meter, house(meter) as x:
        got = drill(x, "--from", "strangers", "--minutes", "1", timeout=200)
        assert got["level"] in ("safe", "unfinished") and not [w for w in got["ways"] if w["outside"]], got["ways"]
        assert got["lines"] - len(got["never"]) > 25, got["never"]
        assert meter.seen == []


test_the_articles_plan_is_drilled.limit = 300


def test_the_portal_drills_and_shows_the_report():
    """The owner presses "Drill now": the first screen says how it goes, then what came of it; the report names the way; what needs the owner says so; it goes on when the browser is closed, and can be ended."""
    with Meter() as meter, plan(PLAN, meter) as x:
        boss, _, _ = owner(x)
        assert "Not drilled yet" in boss.get("/").text
        assert boss.post("/drills", {"do": "begin"}).status == 303
        procs.poll("the first screen tells", lambda: "A drill is on:" in boss.get("/now").text, 10, 0.5)
        again = boss.post("/drills", {"do": "begin"})
        assert again.status == 303 and "already" in boss.get("/drills").text
        time.sleep(25)                          # nobody looks, and it goes on
        procs.poll("a way is found", lambda: (control(x, {"do": "drill-status"})["ok"].get("on") or {"ways": 1})["ways"], 60, 1)
        boss.post("/drills", {"do": "stop"})
        procs.poll("it is over", lambda: "Drilled" in boss.get("/now").text, 90, 1)
        first = boss.get("/").text
        assert "only the gate refuses them" in first and "The last drill found a way" in first, first[:3000]
        report = boss.get("/drills/1").text
        assert "out,s,1 Dial asks for 2025550100" in report and "was stopped" in report and "<script>" not in report
        assert boss.get("/drills/2").status == 404 and "drill-found" in boss.get("/events").text
        assert meter.seen == []


def _short_sounds(x):
    """Every prompt of the house in a tenth of a second: what is drilled is the plan, not the patience of its callers."""
    folder = procs.ROOT + "/crates/tollgate/prompts/"
    for path in glob.glob(folder + "**/*.g722", recursive=True):
        name = x.home + "/sounds/" + os.path.relpath(path, folder)[:-5] + ".wav"
        os.makedirs(os.path.dirname(name), exist_ok=True)
        sound.write_wav(name, sound.sine(440, 0.1))


def test_the_plan_of_a_fresh_install_is_drilled():
    """The default plan as strangers: every key of the attendant, the directory and the mailboxes; every phone would be rung, nobody comes to an outside line, and no line that they can come to stays unpassed."""
    with Meter() as meter, Exchange(meter=meter, start=False) as x:
        _short_sounds(x)
        x.start()
        got = drill(x, "--from", "strangers", "--minutes", "4", code=0, timeout=280)
        assert not [w for w in got["ways"] if w["outside"]] and meter.seen == [], got["ways"]
        entry = got["entries"][0]
        assert entry["tried"] > 200 and entry["lost"] <= 2, entry
        for line in ("attendant,s,4 Background", "attendant,0,1 Goto", "attendant,1,2 Goto", "attendant,t,2 Goto", "attendant,i,2 Goto",
                     "directory,s,2 Directory", "groups,222,1 Dial", "ext-local,204,1 Dial", "mailboxes,204,2 VoiceMail"):
            assert line not in got["never"], (line, got["never"])
        test_the_plan_of_a_fresh_install_is_drilled.note = "  (%s in %d s)" % (got["verdict"], got["seconds"])


test_the_plan_of_a_fresh_install_is_drilled.limit = 320


def test_each_known_bad_plan_is_found_by_pressing():
    """The plans that the proof's tests call bad, and those of which the proof only says that it is possible, drilled: each way is found by real calls with its line and refused by the gate, and a repaired twin is clean."""
    def one(what, text, bad):
        with Meter() as meter, plan(text, meter) as x:
            got = drill(x, "--from", "strangers")
            ways = [w for w in got["ways"] if w["outside"]]
            assert bool(ways) == bad and got["cut_short"] is None, (what, bad, got["ways"], got["verdict"])
            assert all(w["refused"] and w["line"].endswith(" Dial") for w in ways), (what, ways)
            assert meter.seen == [], (what, meter.numbers())

    def job(what, text, bad):
        return lambda: one(what, text, bad)
    jobs = [job(what, text, True) for what, text, _ in PLANS + POSSIBLE]
    jobs += [job(what, text.replace(old, new), False) for what, text, (old, new) in (PLANS[1], POSSIBLE[0])]
    all_of(jobs, at_once=3, timeout=400)


test_each_known_bad_plan_is_found_by_pressing.limit = 420


def test_phones_ring_where_the_owner_wants_it():
    """With --ring the phone of the group rings for the drill's stranger, and an outside line still sees nothing; without it, it does not."""
    with Meter() as meter, plan(PLAN, meter) as x, x.raw("204") as phone:
        one = begin(x, "--from", "strangers", "--ring")
        call = phone.wait_call(40)
        call.refuse(486)
        x.cli("drill", "--stop")
        one.wait(90)
        assert meter.seen == [] and x.calls() == []
