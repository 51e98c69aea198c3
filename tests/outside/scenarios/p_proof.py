"""The proof against real calls: the way that `tollgate reach` shows works when a telephone goes it, the gate stops it all the
same, and the repaired twin of the plan reaches nothing."""
import json
import time

import procs
import sound
from exchange import Exchange
from meter import Meter
from parts import closed_records

PAY = "Dial(PJSIP/2025550100@meter)"
MENU = "[open]\nexten => s,1,Goto(menu,s,1)\n[menu]\nexten => s,1,Answer\n same => n,Background(beep)\n same => n,WaitExten(4)\n"
OUT = "[out]\nexten => _9NXXNXXXXXX,1,Dial(PJSIP/${EXTEN:1}@meter)\n"

# (which attack, the plan, the change that repairs it)
PLANS = [
    ("outbound lines in the context of guests", "[open]\nexten => s,1,Answer\ninclude => out\n" + OUT, ("include => out\n", "")),
    ("a menu that includes outbound lines", MENU + "include => out\n" + OUT, ("include => out\n", "")),
    ("caller ID as a lock", "[open]\nexten => s,1,Answer\n same => n,GotoIf($[\"${CALLERID(num)}\" = \"2025550188\"]?boss,s,1)\n"
     " same => n,Hangup()\n[boss]\nexten => s,1," + PAY + "\n", (PAY, "Hangup()")),
    ("a feature code that strangers can key", MENU + "exten => _*9NXXNXXXXXX,1,Dial(PJSIP/${EXTEN:2}@meter)\n", ("Dial(PJSIP/${EXTEN:2}@meter)", "Hangup()")),
    ("a ring group with a member outside", MENU + "exten => 1,1,Dial(PJSIP/204&PJSIP/2025550100@meter,5)\n", ("&PJSIP/2025550100@meter", "")),
    ("a Local channel that leads out", MENU + "exten => 1,1,Dial(Local/9@inner)\n[inner]\nexten => 9,1," + PAY + "\n", (PAY, "Hangup()")),
    ("a context named in an argument", MENU.replace("Background(beep)", "Background(vm-intro,,,inner)") + "[inner]\nexten => 9,1," + PAY + "\n", (PAY, "Hangup()")),
    ("a wrong key that dials", MENU + "exten => i,1," + PAY + "\n", (PAY, "Hangup()")),
    ("silence that dials", MENU + "exten => t,1," + PAY + "\n", (PAY, "Hangup()")),
]

# What the proof can only call possible, because it plays no keys there; the drill presses them.
POSSIBLE = [
    ("a short number that matches elsewhere", "[open]\nexten => s,1,Answer\n same => n,Read(n,beep,3,,,3)\n same => n,Goto(short,${n},1)\n"
     "[short]\nexten => _9X.,1," + PAY + "\nexten => _X.,1,Hangup()\nexten => i,1,Hangup()\n", (PAY, "Hangup()")),
    ("an operator that dials", "[open]\nexten => s,1,Answer\n same => n,VoiceMail(204,s)\n same => n,Hangup()\nexten => o,1," + PAY + "\n", (PAY, "Hangup()")),
]


def reach(x):
    """The verdict on strangers and the meter, or None."""
    told = json.loads(x.cli("reach", "--from", "strangers", "--json"))
    return next((s for s in told["entries"][0]["sinks"] if s["sink"] == "trunk meter"), None)


def go(x, witness):
    """A telephone does what the witness says."""
    with x.stranger(witness["caller"] or "stranger") as s:
        # people speak: nothing is dialled for a caller who sends no sound
        call = s.dial(witness["dialled"]).wait_ok()
        call.speak(sound.sine(300, 60))
        for move in filter(None, witness["keys"].split(",")):
            if move.startswith("wait"):
                time.sleep(float(move.split()[1]))
            elif move == "hangup":
                return call.hangup()
            else:
                time.sleep(1.2)
                call.dtmf(move)
        # the refusal is recorded as soon as the plan dials
        procs.poll("the plan dials and is refused", lambda: any(r["disposition"] == "refused" for r in x.calls()), 20, 0.3)
        if call.final and call.final.status == 200 and not call.ended:
            call.hangup()


def test_what_reach_shows_works_by_telephone_and_the_gate_stops_it():
    """Three bad plans: each is found with a witness; a telephone that plays it gets the plan to dial; the meter stays at 0; each repaired twin is proved."""
    for what, plan, (old, new) in PLANS:
        with Meter() as meter, Exchange(meter=meter, start=False) as x:
            path, lines = x.home + "/tollgate.toml", x.home + "/extensions.conf"
            text = open(path).read().replace('answer = "menu:attendant"', 'answer = "context:open"')
            with open(path, "w") as f:
                f.write('[dialplan]\nfiles = ["extensions.conf"]\ndialect = "safe"\n' + text)
            with open(lines, "w") as f:
                f.write(plan.replace(old, new))
            assert reach(x) is None, "%s: the twin is not proved: %r" % (what, reach(x))
            with open(lines, "w") as f:
                f.write(plan)
            found = reach(x)
            assert found and found["verdict"] == "reachable", "%s: %r" % (what, found)
            x.start()
            go(x, found["witness"])
            x.wait_idle()
            refused = [r for r in closed_records(x, 2) if r["disposition"] == "refused"]
            assert refused and not any(r["permit"] for r in x.calls()), "%s: %r" % (what, x.calls())
            assert meter.seen == [], "%s: the meter counts %r" % (what, meter.numbers())

