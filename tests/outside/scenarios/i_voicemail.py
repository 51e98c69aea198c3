"""Messages: left by strangers, heard by their owner alone, never lost, never twice, never half."""
import glob
import os
import random
import resource
import threading
import time

import procs
import sound
from meter import Meter
from parts import all_of, hears, hears_not
from voicemail import (HZ, Line, Walk, consistent, exchange, files, hears_prompt, messages, rows, spool)


def leave(x, hz, seconds, number="5", user="2025550100", keys="#1"):
    """A stranger leaves a tone; returns when he has heard that it is kept."""
    with x.stranger(user) as s:
        call = s.dial(number).wait_ok()
        if number == "5":
            hears_prompt(call, "vm-intro", 0)
            call.dtmf("#")
        start = len(call.samples)
        hears_prompt(call, "beep", 0)
        call.play(sound.sine(hz, seconds))
        call.dtmf(keys[0])
        if len(keys) > 1:
            hears_prompt(call, "vm-review", start)
            call.dtmf(keys[1:])
        hears_prompt(call, "vm-msgsaved", start)
        call.hangup()


def owner(x, phone, number="6"):
    """The owner's call to his mailbox, when the menu has been said."""
    call = phone.dial(number).wait_ok()
    hears_prompt(call, "vm-opts", 0)
    return call


def press(call, key, prompt, timeout=10):
    """A key, and what must be said then. Returns the samples heard since."""
    start = len(call.samples)
    call.dtmf(key)
    hears_prompt(call, prompt, start, timeout)
    return call.samples[start:]


def test_a_tone_comes_back():
    """A stranger leaves 3 s of 1000 Hz; the owner dials *97, types his PIN and hears 3 s of 1000 Hz; the file is private."""
    with Meter() as meter, exchange(meter=meter) as x, x.raw("204") as me:
        leave(x, 1000, 3)
        (message,) = messages(x)
        assert message["folder"] == "INBOX" and message["from"] == "2025550100" and message["via"] == "call", message
        assert message["origin"].startswith("stranger:") and abs(message["duration"] - 3000) < 250, message
        assert os.stat(message["file"]).st_mode & 0o777 == 0o600
        hears(message["file"], 1000, 3, "the file")
        pin = x.json("mailbox", "pin", "204")["pin"]
        call = me.dial("*97").wait_ok()
        hears_prompt(call, "vm-password", 0)
        call.dtmf(pin + "#", on=0.06, gap=0.06)
        hears_prompt(call, "vm-opts", 0)
        heard = press(call, "1", "vm-repeat", 20)
        got = hears(heard, 1000, 3, "the owner")
        assert got < 3.4, got
        press(call, "#", "vm-goodbye")
        call.wait_end()
        (message,) = messages(x)
        assert message["folder"] == "Old", message
        consistent(x)
        assert meter.seen == []
        for path in glob.glob(x.home + "/**", recursive=True) + [x.log]:
            if os.path.isfile(path):
                assert pin.encode() not in open(path, "rb").read(), "the PIN stands in " + path


def test_real_telephones():
    """baresip as a stranger gets from the attendant to the mailbox of a phone that is off, speaks and hangs up; baresip as its
    owner dials *97 and hears him."""
    with exchange(tones=False, plan=False) as x:
        with x.baresip("stranger", mic=sound.sine(1000, 60)) as caller:
            caller.dial("4711")
            caller.wait_for("CALL_ESTABLISHED")
            time.sleep(2)
            caller.dtmf("204")
            procs.poll("the mailbox answers", lambda: any("VoiceMail" in (c["at"] or "") for c in x.channels()), 20, 0.2)
            time.sleep(1)
            caller.dtmf("#")
            time.sleep(5)
            caller.hangup()
            caller.wait_for("CALL_CLOSED")
        (message,) = procs.poll("the message", lambda: messages(x), 5, 0.2)
        hears(message["file"], 1000, 3, "the file")
        pin = x.json("mailbox", "pin", "204")["pin"]
        with x.baresip("204", mic=sound.sine(440, 60)) as me:
            me.dial("*97")
            me.wait_for("CALL_ESTABLISHED")
            time.sleep(1)
            me.dtmf(pin + "#")
            procs.poll("the menu", lambda: sound.speech_like(me.heard_samples()[-16000:]), 10, 0.3)
            me.dtmf("1")
            procs.poll("the tone", lambda: sound.tone_in(me.heard_samples(), 1000) > 3, 25, 0.5)
            me.hangup()
            me.wait_for("CALL_CLOSED")
        procs.poll("it was heard", lambda: [m["folder"] for m in messages(x)] == ["Old"], 5, 0.2)


def test_two_at_once():
    """Two strangers speak into one mailbox at the same time: two messages, each with its own tone alone."""
    with exchange() as x:
        all_of([lambda: leave(x, 600, 3, user="1"), lambda: leave(x, 1400, 3, user="2")], at_once=2)
        by = {m["from"]: m for m in messages(x)}
        assert sorted(by) == ["1", "2"], by
        for user, hz, other in (("1", 600, 1400), ("2", 1400, 600)):
            hears(by[user]["file"], hz, 3, user)
            hears_not(by[user]["file"], other, user)
        consistent(x)


def test_a_caller_id_opens_nothing():
    """A stranger who calls himself 204 gets no further than the PIN; the phone 204 itself needs none where the plan says so;
    phone 200 in the same place needs it."""
    with exchange() as x, x.raw("204") as me, x.stranger("204") as forged:
        path = x.home + "/extensions.conf"
        text = open(path).read().replace("[hand]\n", "[hand]\nexten => 9,1,VoiceMailMain(${CALLERID(num)},s)\nexten => 9,2,Hangup()\n")
        open(path, "w").write(text)
        x.json("mailbox", "pin", "204")
        x.proc.send_signal(1)
        procs.poll("the plan is taken over", lambda: "configuration taken over" in x.output(), 5, 0.1)
        leave(x, 1000, 1.5)
        call = forged.dial("9").wait_ok()
        hears_prompt(call, "vm-password", 0)
        for wrong in ("204#", "1234#", "0000#"):
            call.dtmf(wrong, on=0.06, gap=0.06)
            time.sleep(0.7)
        call.wait_end(15)
        assert sound.tone_in(call.samples, 1000) == 0
        own = owner(x, me)
        own.hangup()


def test_review_greetings_and_folders():
    """Through a telephone: record a greeting and hear it as a caller; hear, speak again and mark a message; pass it on with an
    introduction; delete and take back; keep it in a folder."""
    with Meter() as meter, exchange(meter=meter) as x, x.raw("204") as me, x.stranger() as s:
        call = owner(x, me)
        press(call, "0", "vm-options")
        press(call, "1", "beep")
        call.play(sound.sine(720, 1.5))
        press(call, "#", "vm-review")
        heard = press(call, "2", "vm-review", 15)
        hears(heard, 720, 1.5, "the owner, of his greeting")
        press(call, "1", "vm-msgsaved")
        hears_prompt(call, "vm-options", 0)
        press(call, "*", "vm-opts")
        press(call, "#", "vm-goodbye")
        call.wait_end()

        call = s.dial("5").wait_ok()
        hears_prompt(call, "vm-intro", 0)
        hears(call.samples, 720, 1.4, "the caller, of the greeting")
        call.dtmf("#")
        hears_prompt(call, "beep", 0)
        call.play(sound.sine(1040, 2))
        press(call, "#", "vm-review")
        press(call, "3", "beep")
        call.play(sound.sine(1280, 1.5))
        press(call, "#", "vm-review")
        call.dtmf("4")
        time.sleep(0.6)
        press(call, "1", "vm-msgsaved")
        call.wait_end()
        (message,) = messages(x)
        assert message["urgent"], message
        hears_not(message["file"], 1040, "the message that was spoken again")
        hears(message["file"], 1280, 1.5, "the message")

        call = owner(x, me)
        press(call, "1", "vm-delete", 15)
        press(call, "7", "vm-undelete")
        press(call, "7", "vm-delete")
        press(call, "8", "vm-forward")
        press(call, "200#", "vm-forwardoptions")
        press(call, "1", "beep")
        call.play(sound.sine(560, 1.5))
        press(call, "#", "vm-review")
        press(call, "1", "vm-repeat")
        press(call, "9", "vm-savefolder")
        call.dtmf("2")
        hears_prompt(call, "vm-repeat", len(call.samples))
        press(call, "#", "vm-goodbye")
        call.wait_end()
        assert [m["folder"] for m in messages(x)] == ["Work"], messages(x)
        (copy,) = messages(x, "200")
        assert copy["via"] == "forward" and copy["folder"] == "INBOX" and copy["origin"] == message["origin"], copy
        hears(copy["file"], 560, 1.5, "the introduction")
        hears(copy["file"], 1280, 1.5, "what was passed on")

        call = owner(x, me)
        press(call, "2", "vm-changeto")
        press(call, "2", "vm-opts")
        press(call, "1", "vm-delete", 15)
        press(call, "7", "vm-undelete")
        press(call, "#", "vm-goodbye")
        call.wait_end()
        assert messages(x) == [] and len(consistent(x)) == 1 and meter.seen == []


def test_full_disk():
    """The disk is full: the caller hears that his message cannot be kept, nothing of it is left, calls go on; with room again the
    next message is kept."""
    with exchange() as x, x.raw("200") as a, x.raw("204") as b:
        leave(x, 600, 1.5, user="1")
        was = resource.prlimit(x.proc.pid, resource.RLIMIT_FSIZE)
        for size in (4096, max(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(x.home) for f in fs)):
            # No sound fits; then sound fits and no row does.
            resource.prlimit(x.proc.pid, resource.RLIMIT_FSIZE, (size, was[1]))
            with x.stranger("2") as s:
                call = s.dial("55").wait_ok()
                call.play(sound.sine(600, 1.5))
                press(call, "#", "vm-review")
                press(call, "1", "vm-notkept")
                call.wait_end()
            call = a.dial("204")
            other = b.wait_call()
            other.answer()
            call.wait_ok().hangup()
            other.wait_end()
            resource.prlimit(x.proc.pid, resource.RLIMIT_FSIZE, was)
            assert x.proc.poll() is None
            procs.poll("the store writes again", lambda: x.metrics()["tollgate_store_healthy"] == 1 or x.calls() and False, 15, 0.3)
            assert [m["from"] for m in messages(x)] == ["1"] and len(files(x)) == 1
        leave(x, 600, 1.5, user="3")
        assert [m["from"] for m in messages(x)] == ["1", "3"]
        consistent(x)


def test_spool_in_and_out():
    """An Asterisk spool comes in beside a running exchange, once however often; it goes out as it came; the owner hears it."""
    with exchange() as x, x.raw("204") as me:
        place = spool(procs.tempdir("spool") + "/default", 3, seconds=1.5)
        got = x.json("mailbox", "import", place)
        assert (got["messages"], got["there_before"], got["skipped"]) == (3, 0, []), got
        got = x.json("mailbox", "import", place)
        assert (got["messages"], got["there_before"]) == (0, 3), got
        call = owner(x, me)
        heard = press(call, "1", "vm-repeat", 15)
        hears(heard, 440, 1.4, "the owner")
        press(call, "#", "vm-goodbye")
        call.wait_end()
        out = procs.tempdir("export")
        assert x.json("mailbox", "export", out)["messages"] == 3
        for folder, n in (("INBOX", 2), ("Old", 1)):
            names = sorted(os.listdir("%s/default/204/%s" % (out, folder)))
            assert names == sorted(["msg%04d.%s" % (k, e) for k in range(n) for e in ("txt", "wav")]), names
        text = open(out + "/default/204/INBOX/msg0000.txt").read()
        assert "origtime=1700000001" in text and '"Caller 1" <2025550101>' in text, text
        hears(out + "/default/204/Old/msg0000.wav", 440, 1.4, "the file")
        assert "exists already" in _fails(x, "mailbox", "export", out)
        consistent(x)


def _fails(x, *args):
    try:
        return x.cli(*args)
    except AssertionError as e:
        return str(e)


def test_every_key_at_every_prompt():
    """Breadth first over everything that is said, by real calls that hum: as a caller, at the log-in, and inside the mailbox, every
    key. Nobody but 204, whom the plan names, is rung, and the money meter stays at 0."""
    with Meter() as meter, exchange("silence = 2\nlongest = 5\nshortest = 0\n", meter=meter) as x, x.raw("204") as me, x.raw("200") as other:
        me.on_call = lambda call: call.refuse()
        x.json("mailbox", "pin", "204")
        x.json("mailbox", "import", spool(procs.tempdir("spool") + "/default", 90))
        strangers = [x.stranger("19005550100") for _ in range(6)]
        try:
            turn = iter(range(10 ** 6))

            def outside(number):
                return lambda: strangers[next(turn) % 6].dial(number).wait_ok()
            caller, login, inside = Walk(outside("5")), Walk(outside("7"), hum=False), Walk(lambda: me.dial("6").wait_ok())
            all_of([lambda: login.run(2, 180), lambda: (caller.run(4, 60), inside.run(9, 180))], at_once=2, timeout=260)
        finally:
            for s in strangers:
                s.close()
        assert meter.seen == [], meter.numbers()
        assert other.rang == 0 and me.rang > 0, (other.rang, me.rang)
        found = {part for walk in (caller, login, inside) for state in walk.states() for part in state.replace("after ", "").split()}
        must = {"vm-intro", "beep", "vm-review", "vm-saveoper", "vm-login", "vm-password", "vm-opts", "vm-repeat", "vm-undelete", "vm-changeto",
                "vm-savefolder", "vm-leavemsg", "vm-tohearenv", "vm-forward", "vm-options", "vm-tempgreeting", "vm-newpassword"}
        assert must <= found, "never heard: %r" % sorted(must - found)
        keys = sum(len(walk.edges) for walk in (caller, login, inside))
        left = [what for walk in (caller, login, inside) for what in walk.left()]
        assert keys > 450 and len(left) <= keys // 20, (keys, left)
        x.wait_idle(30)
        consistent(x)
        test_every_key_at_every_prompt.note = "  (%d keys at %d prompts in %d calls, %d left)" % (
            keys, sum(len(w.states()) for w in (caller, login, inside)), sum(w.calls for w in (caller, login, inside)), len(left))


KILLS = 200


def _kill(x, chance, n, told, gone):
    """One power cut while a stranger's message and the owner's deeds are under way: the moment a file of a message appears or
    vanishes, soon after the last key of either, or at any time. Returns how many messages there are then, how many were kept in
    part when it came (a file without its row), and how many were deleted in part."""
    before = {r["uid"]: r for r in rows(x)}
    name, saved = "k%d" % n, threading.Event()
    spoken, leaves = threading.Event(), threading.Event()

    def stranger():
        try:
            with x.stranger(name) as s:
                call = s.dial("55", timeout=3).wait_ok(3)
                call.play(sound.sine(700, 0.2))
                spoken.set()
                call.dtmf("#", on=0.04, gap=0)
                hears_prompt(call, "vm-msgsaved", 0, 3)
                saved.set()
        except (AssertionError, TimeoutError, OSError):
            pass

    def owner_deletes():
        try:
            with x.raw("204") as me:
                call = me.dial("6", timeout=3).wait_ok(3)
                hears_prompt(call, "vm-opts", 0, 3)
                start = len(call.samples)
                call.dtmf("17", on=0.04, gap=0.06)
                hears_prompt(call, "vm-undelete", start, 3)
                if chance.random() < 0.4:
                    call.dtmf("90", on=0.04, gap=0.04)
                leaves.set()
                call.dtmf("#", on=0.04, gap=0)
                call.wait_end(2)
        except (AssertionError, TimeoutError, OSError):
            pass
    threads = [threading.Thread(target=stranger, daemon=True), threading.Thread(target=owner_deletes, daemon=True)]
    for t in threads:
        t.start()
    event = chance.choice([spoken, leaves, "appears", "appears", "vanishes", None])
    if event is None:
        time.sleep(0.25 + chance.random() * 0.55)
    elif isinstance(event, str):
        _until(x, event == "appears", before)
        time.sleep(chance.random() * 0.004)
    else:
        event.wait(3)
        time.sleep(chance.random() * 0.15)
    x.kill()
    if saved.is_set():
        told.add(name)
    cut = {r["uid"]: r["gone"] for r in rows(x)}
    begun = len(set(files(x, parts=True)) - set(cut))
    x.start()
    for t in threads:
        t.join(4)
    have = consistent(x)
    callers = [r["caller"] for r in have]
    assert len(callers) == len(set(callers)), "a message is there twice: %r" % callers
    # Only what the owner was at may be gone, one message at most; whatever a caller was told is kept is there.
    lost = {r["caller"] for r in before.values()} - set(callers)
    assert len(lost) <= 1, "lost in one cut: %r" % lost
    gone |= lost
    missing = told - set(callers) - gone
    assert not missing, "told that they are kept, and lost: %r" % missing
    return len(have), begun, sum(map(bool, cut.values()))


def _until(x, appears, before, limit=3):
    """Wait until a file of a message is there that was not, or one is no more; asks as often as it can."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        have = set(files(x, parts=True))
        if have - set(before) if appears else set(before) - have:
            return


def test_power_cuts():
    """kill -9 at random moments while messages are spoken, stored, heard, moved and deleted, 200 times: every message whose caller
    was told is there, none twice, none half; what is not deleted stays."""
    cuts, erased = [], []

    def one(seed, count):
        chance, told, gone = random.Random(seed), set(), set()
        with exchange("review = false\nshortest = 0\noperator = false\n", ports=200) as x:
            for n in range(count):
                cuts.append(_kill(x, chance, n, told, gone))
            erased.extend(gone)
            assert len(told) > count / 8, "only %d of %d callers were told" % (len(told), count)
    lanes = 4
    all_of([lambda seed=seed: one(seed, KILLS // lanes) for seed in range(lanes)], at_once=lanes, timeout=190)
    begun, going = sum(c[1] for c in cuts), sum(c[2] for c in cuts)
    assert len(cuts) == KILLS and begun and going and erased, (len(cuts), begun, going, len(erased))
    test_power_cuts.note = "  (%d cuts: %d while a message was kept, %d while one was deleted; %d were deleted)" % (
        len(cuts), begun, going, len(erased))


test_power_cuts.limit = 220
test_every_key_at_every_prompt.limit = 300
test_power_cuts.alone = test_every_key_at_every_prompt.alone = True
