"""What the voicemail scenarios share: an exchange whose prompts are short tones, messages as they lie on the disk, and a
walk that presses every key wherever a caller can press one. Next: scenarios/i_voicemail.py."""
import array
import collections
import contextlib
import json
import os
import sqlite3
import struct
import threading
import time

import procs
import sound
from exchange import TOML, Exchange

# Prompts at which a caller is waited for, or which say how something ended: each has a tone of its own.
TOLD = ["beep", "vm-theperson", "vm-intro", "vm-review", "vm-saveoper", "vm-msgsaved", "vm-notkept", "vm-mailboxfull", "vm-tooshort",
        "vm-login", "vm-password", "vm-locked", "vm-opts", "vm-repeat", "vm-delete", "vm-undelete", "vm-changeto", "vm-savefolder",
        "vm-leavemsg", "vm-toreply", "vm-tohearenv", "vm-whichbox", "vm-forward", "vm-forwardoptions", "vm-options", "vm-tempgreeting",
        "vm-tempgreeting2", "vm-newpassword", "vm-reenterpassword", "vm-goodbye", "vm-deleted", "vm-undeleted"]
HZ = {name: 520 + 80 * n for n, name in enumerate(TOLD)}
LONG = {"vm-intro": 1.2}        # time to press a key during the greeting

PLAN = """\
[hand]
exten => s,1,Goto(5,1)
exten => 5,1,VoiceMail(204,u)
exten => 5,2,Hangup()
exten => 55,1,VoiceMail(204,st)
exten => 55,2,Hangup()
exten => 7,1,VoiceMailMain()
exten => 7,2,Hangup()
exten => 8,1,VMAuthenticate()
exten => 8,2,Hangup()
exten => o,1,Dial(PJSIP/204,5)
exten => o,2,Hangup()
exten => a,1,Wait(0.1)
exten => a,2,Hangup()
[own]
include => from-internal
exten => 6,1,VoiceMailMain(204,s)
exten => 6,2,Hangup()
"""


def exchange(settings="", tones=True, plan=True, **kw):
    """An exchange whose prompts are tones and whose strangers arrive in PLAN, already started."""
    text = TOML
    if tones:
        text = text.replace("[media]\n", '[media]\nsounds = "sounds"\n')
    if plan:
        text = text.replace('answer = "menu:attendant"', 'answer = "context:hand"')
        settings += '\n[dialplan]\nfiles = ["extensions.conf"]\n'
    x = Exchange(start=False, toml=text, more="[voicemail]\n" + settings, **kw)
    if plan:
        path = x.home + "/tollgate.toml"
        body = open(path).read()
        own = body.replace('name = "Phone 204"\ncontext = "from-internal"', 'name = "Phone 204"\ncontext = "own"')
        assert own != body
        open(path, "w").write(own)
        open(x.home + "/extensions.conf", "w").write(PLAN)
    if tones:
        write_prompts(x.home + "/sounds/en")
    x.start()
    for user in ("200", "204"):
        x.rotate(user)
    return x


def write_prompts(folder):
    """A tone for each prompt that is told apart, a breath of silence for every other one."""
    catalogue = os.path.join(procs.ROOT, "crates/tollgate/prompts/catalogue.tsv")
    names = [line.split("\t")[0] for line in open(catalogue) if line.startswith(("vm-", "digits/"))]
    os.makedirs(folder + "/digits", exist_ok=True)
    for name in names + ["beep", "seconds"]:
        pcm = sound.sine(HZ[name], LONG.get(name, 0.08)) if name in HZ else array.array("h", [0] * 160)
        sound.write_wav("%s/%s.wav" % (folder, name), pcm)


def named(samples):
    """The prompts that were heard, in order."""
    got, last = [], None
    for at in range(0, len(samples) - 320, 160):
        block = samples[at:at + 320]
        if max(block, default=0) < 1500:
            last = None
            continue
        crossings = sum((a < 0) != (b < 0) for a, b in zip(block, block[1:]))
        hz = crossings * 12.5
        name = min(HZ, key=lambda n: abs(HZ[n] - hz))
        if abs(HZ[name] - hz) > 30:
            name = None
        if name and name == last and (not got or got[-1] != name):
            got.append(name)
        last = name
    return got


def hears_prompt(call, name, start, timeout=10):
    """Until the prompt has been heard since sample `start`; returns what was heard."""
    return procs.poll("%s hears %s" % (call.phone.user, name),
                      lambda: (lambda got: got if name in got else None)(named(call.samples[start:])), timeout, 0.05)


class Line:
    """Somebody who hums all the time, so that a recording holds something. One packet of sound again and again."""

    def __init__(self, call, hz=400):
        self.call, self.on = call, True
        self.data = sound.g711_encode(sound.sine(hz, 0.02), call.pt)
        self.thread = threading.Thread(target=self._hum, daemon=True)
        self.thread.start()

    def _hum(self):
        due = time.monotonic()
        while self.on and not self.call.ended:
            with self.call._send:
                self.call.packet(self.data)
                self.call.ts += 160
            due = max(due + 0.02, time.monotonic() - 0.1)
            time.sleep(max(0, due - time.monotonic()))

    def stop(self):
        self.on = False
        self.thread.join(2)


# -- what is kept

def rows(x):
    """Every message row, read from the database itself."""
    with contextlib.closing(sqlite3.connect("file:%s/tollgate.db?mode=ro" % x.home, uri=True, timeout=5)) as db:
        db.row_factory = sqlite3.Row
        return [dict(r) for r in db.execute("SELECT * FROM messages")]


def files(x, parts=False):
    """{uid: path} of every message file; with `parts` also of those that are being written."""
    found, root = {}, x.home + "/voicemail"
    for box in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        for name in os.listdir(root + "/" + box):
            if name.endswith(".wav") and name[:-4] not in ("unavail", "busy", "temp", "greet"):
                found[name[:-4]] = "%s/%s/%s" % (root, box, name)
            elif parts:
                found[name] = "%s/%s/%s" % (root, box, name)
            else:
                assert not name.startswith(".part"), "an unfinished file: " + name
    return found


def whole(path):
    """Fail unless a file is a whole WAV with its facts; returns the facts."""
    raw = open(path, "rb").read()
    assert raw[:4] == b"RIFF" and struct.unpack("<I", raw[4:8])[0] + 8 == len(raw), "half a file: " + path
    at = raw.index(b"tgml")
    return json.loads(raw[at + 8:at + 8 + struct.unpack("<I", raw[at + 4:at + 8])[0]])


def consistent(x):
    """Every row has its whole file, every file its row, none is there twice. Returns the rows."""
    have, found = [r for r in rows(x)], files(x)
    assert not [r for r in have if r["gone"]], "a deletion that was not finished: %r" % have
    uids = [r["uid"] for r in have]
    assert sorted(uids) == sorted(found), "rows and files differ: %r %r" % (sorted(set(uids) - set(found)), sorted(set(found) - set(uids)))
    for r in have:
        facts = whole(found[r["uid"]])
        rate, samples = sound.read_wav(found[r["uid"]])
        assert facts["uid"] == r["uid"] and abs(len(samples) / rate * 1000 - r["duration"]) < 25, (facts, len(samples))
    return have


def messages(x, box="204"):
    """What the command line lists."""
    got = x.json("mailbox", "messages", box)
    return got if isinstance(got, list) else [got]


def spool(folder, n, box="204", seconds=0.3, name="INBOX"):
    """An Asterisk voicemail folder with n messages in one box; returns its path."""
    place = "%s/%s/%s" % (folder, box, name)
    os.makedirs(place)
    for k in range(n):
        sound.write_wav("%s/msg%04d.wav" % (place, k), sound.sine(440, seconds))
        with open("%s/msg%04d.txt" % (place, k), "w") as f:
            f.write(";\n; Message Information file\n;\n[message]\norigmailbox=%s\ncontext=default\nexten=%s\ncallerid=\"Caller %d\" "
                    "<20255501%02d>\norigdate=Mon Nov 13 10:00:00 PM UTC 2023\norigtime=%d\ncategory=\nmsg_id=%d-%d\nflag=\nduration=1\n"
                    % (box, box, k, k % 100, 1700000000 + k, 1700000000 + k, k))
    return folder


# -- the walk

class Walk:
    """Presses every key in every state it finds, on several calls at once, nearest first. A state is what was said last. The same
    key may lead elsewhere another time (the last message was heard, the third wrong number): every outcome is remembered as a way."""
    KEYS = "0123456789*#"
    TRIES = 250         # keys spent on the way to one state before it counts as not to be found again

    def __init__(self, dial, hum=True, most=60):
        self.dial, self.hum, self.until, self.most = dial, hum, 0, most
        self.edges, self.taken, self.tries = {}, set(), collections.Counter()
        self.lock, self.problems, self.calls = threading.Lock(), [], 0

    def run(self, callers, seconds):
        self.until = time.monotonic() + seconds
        threads = [threading.Thread(target=self._caller, daemon=True) for _ in range(callers)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(max(1, self.until - time.monotonic()) + 15)
        if self.problems:
            raise self.problems[0]
        return self

    def states(self):
        return {state for state, _ in self.edges}

    def left(self):
        """Keys of found states that were not pressed."""
        known = self.states().union(*self.edges.values())
        return [(s, k) for s in known if s != "end" for k in self.KEYS if (s, k) not in self.edges]

    def _caller(self):
        try:
            idle = 0                            # calls in which there was no way to a key that nobody had pressed
            while time.monotonic() < self.until and idle < 3:
                call = self.dial()
                self.calls += 1
                line = Line(call) if self.hum else None
                try:
                    idle = 0 if self._walk(call) else idle + 1
                finally:
                    if line:
                        line.stop()
                    if not call.ended:
                        call.hangup()
        except Exception as e:
            self.problems.append(e)

    def _walk(self, call):
        state, pressed = self._hear(call, 0, None), 0
        while state != "end" and time.monotonic() < self.until and pressed < self.most:
            key = self._choose(state)
            if key is None:
                break
            start, pressed = len(call.samples), pressed + 1
            call.dtmf(key, on=0.05, gap=0.03)
            after = self._hear(call, start, state)
            with self.lock:
                self.edges.setdefault((state, key), set()).add(after)
            state = after
        return pressed

    def _choose(self, state):
        """A key that was not pressed here, else the way to the nearest one."""
        with self.lock:
            fresh = [k for k in self.KEYS if (state, k) not in self.taken]
            if fresh:
                self.taken.add((state, fresh[0]))
                return fresh[0]
            seen, todo = {state}, [(state, None)]
            while todo:
                here, first = todo.pop(0)
                for k in self.KEYS:
                    for there in sorted(self.edges.get((here, k), ()), key=str):
                        if there == "end" or there in seen:
                            continue
                        if self.tries[there] < self.TRIES and any((there, key) not in self.taken for key in self.KEYS):
                            self.tries[there] += 1
                            return first or k
                        seen.add(there)
                        todo.append((there, first or k))
        return None

    @staticmethod
    def _hear(call, start, before):
        """What is said until it is quiet, as a state; "end" when the call is over."""
        end, quiet, size = time.monotonic() + 4, time.monotonic(), start
        while time.monotonic() < end:
            if call.ended:
                return "end"
            if len(call.samples) > size:
                loud = max(call.samples[size:], default=0) > 1500
                size = len(call.samples)
                quiet = time.monotonic() if loud else quiet
                if loud and "vm-intro" in named(call.samples[max(start, size - 1600):]):
                    break
            if time.monotonic() - quiet > 0.3:
                break
            time.sleep(0.02)
        heard = named(call.samples[start:])
        if heard:
            return " ".join(sorted(set(heard)))
        return before if before is None or before.startswith("after ") else "after " + before
