"""The article's own plan, called by real telephones: every key of its attendant, its strangers without a name, its DISA,
its DID routes. The plan is crates/dialplan/tests/article.conf, unchanged."""
import contextlib
import glob
import os
import time

import procs
import sound
from exchange import TOML, Exchange
from meter import TONE, Meter
from parts import hears, hears_not
from scenarios.o_language import ARTICLE
from sipp import Sipp
from voicemail import messages

# What the article takes for given: phones and a ring group in from-internal, a parking lot, the owner's leave for key 4.
MORE = """
[parking.default]
number = "70"
slots = "71-78"

[grant.key-four]
kind = "disa"
pin = "plan"
context = "from-internal"
may = ["national"]

[dialplan]
files = ["extensions_custom.conf"]
"""
# Sounds of the house that a test must tell apart.
WELCOME, MUSIC, WRONG, CONNECTING, SEVEN, ONE, TWO = 900, 500, 1300, 1500, 1900, 2300, 2700
SOUNDS = {"custom/welcome": (WELCOME, 2), "moh/default": (MUSIC, 20), "pbx-invalid": (WRONG, 0.6),
          "pls-wait-connect-call": (CONNECTING, 0.6), "digits/7": (SEVEN, 0.6), "digits/1": (ONE, 0.6), "digits/2": (TWO, 0.6),
          "agent-pass": (620, 0.5), "auth-thankyou": (660, 0.3), "auth-incorrect": (640, 0.3)}


@contextlib.contextmanager
def house(meter=None, plan=lambda text: text, fix=False):
    """An exchange whose strangers reach the article's plan."""
    x = Exchange(start=False, meter=meter, more=MORE,
                 toml=TOML.replace('answer = "menu:attendant"', 'answer = "context:from-sip-external"'))
    with open(x.home + "/extensions_custom.conf", "w") as f:
        f.write(plan(open(ARTICLE).read()))
    for name, (hz, seconds) in SOUNDS.items():
        path = "%s/sounds/%s.wav" % (x.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        sound.write_wav(path, sound.sine(hz, seconds))
    if fix:
        x.cli("check", "--fix", ok=False)
    with x:
        x.start()
        for user in ("200", "204"):
            x.rotate(user)
        yield x


def _heard(phone, hz, seconds=0.3, timeout=20):
    """Until a baresip has heard a tone, by the recording that it writes while it listens."""
    def test():
        try:
            return sound.tone_in(phone.heard_samples(), hz) >= seconds
        except (OSError, ValueError, TimeoutError):
            return False
    procs.poll("%s hears %d Hz" % (phone.user, hz), test, timeout, 0.2)


def _greeted(caller):
    """A baresip calls and hears the welcome of the plan."""
    caller.dial("4711")
    caller.wait_for("CALL_ESTABLISHED", 15)
    _heard(caller, WELCOME)


def test_attendant_by_baresip():
    """A known caller hears no information tone but the welcome; 1 rings the group with hold music until 204 answers, they hear each other; a wrong key says so, and the silence behind it rings 204 by t."""
    with house() as x, x.baresip("200") as one, x.baresip("204", mic=sound.sine(440, 120)) as two, \
            x.baresip("12025550123", mic=sound.sine(1000, 120)) as caller:
        _greeted(caller)
        caller.dtmf("1")
        one.wait_for("CALL_INCOMING", 15)
        two.wait_for("CALL_INCOMING", 15)
        _heard(caller, MUSIC, 1)
        two.answer()
        two.wait_for("CALL_ESTABLISHED")
        one.wait_for("CALL_CLOSED")
        time.sleep(3)
        caller.hangup()
        two.wait_for("CALL_CLOSED")
        heard = caller.heard_samples()
        for hz in (950, 1400, 1800):
            hears_not(heard, hz, "a caller with caller ID")
        hears(heard, 440, 2.5, "the caller")
        hears(two.heard_samples(), 1000, 2.5, "204")
        x.wait_idle()
        with x.stranger("12025550123") as s:
            call = s.dial("4711").wait_ok()
            call.speak(sound.sine(1000, 60))
            call.wait_sound(3)
            call.dtmf("9")
            procs.poll("the wrong key is told", lambda: sound.tone_in(call.samples, WRONG) >= 0.3, 15, 0.2)
            two.wait_for("CALL_INCOMING", 25)
            assert one.count("CALL_INCOMING") == 1, "t rang 200 too"
            call.hangup()
            two.wait_for("CALL_CLOSED")
        x.wait_idle()


def _at(x, what, n=1, timeout=30):
    """Until n calls are at a line of the plan that holds this text."""
    def places():
        return sorted({(c["id"], c["at"] or "") for c in x.channels()})
    try:
        procs.poll("calls", lambda: sum(what in at for _, at in places()) == n, timeout, 0.2)
    except TimeoutError:
        raise AssertionError("not %d calls at %s, but at %r" % (n, what, places())) from None


def _says_his_name(x, caller, phone):
    """A stranger calls who speaks all the time: he is recorded from the beep on, ends that by #, and is parked: 204 rings."""
    caller.dial("4711")
    caller.wait_for("CALL_ESTABLISHED", 15)
    _at(x, "Record")
    time.sleep(3)
    caller.dtmf("#")
    phone.wait_for("CALL_INCOMING", 20)
    phone.answer()
    phone.wait_for("CALL_ESTABLISHED")
    return time.monotonic()


def test_who_is_there_by_baresip():
    """A stranger without caller ID hears the information tone, says a name and is parked with music; 204 is told name and slot and does not come: 40 s after he was parked the stranger is in the voicemail of 204, and his tone is the message. A second one, meanwhile, is fetched by dialling his slot."""
    with house() as x, x.baresip("204", mic=sound.sine(440, 240)) as phone, \
            x.baresip("anonymous", name="Anonymous", mic=sound.sine(700, 240)) as one, \
            x.baresip("anonymous", name="Anonymous", mic=sound.sine(1100, 240)) as two:
        parked = _says_his_name(x, one, phone)
        phone.wait_for("CALL_CLOSED", 40)
        said = sound.tones_in_order(phone.heard_samples(), (700, SEVEN, ONE, TWO))
        assert [hz for hz, _, _ in said] == [700, SEVEN, ONE], "204 heard %r" % said
        words = phone.heard_samples()[said[0][2]:said[1][1]]
        assert sound.sound_in(words) > 1 and sound.speech_like(words), "no words between the name and the slot: %r" % said
        _says_his_name(x, two, phone)
        phone.hangup()                                      # who knows the slots need not hear it all
        phone.wait_for("CALL_CLOSED")
        phone.dial("72")
        phone.wait_for("CALL_ESTABLISHED")
        time.sleep(3)
        phone.hangup()
        two.wait_for("CALL_CLOSED")
        hears(two.heard_samples(), 440, 2, "the second stranger")
        hears(phone.heard_samples(), 1100, 2, "204")
        _at(x, "ask-name,s,7 VoiceMail", 1, 30)
        assert 39 <= time.monotonic() - parked <= 43, "the voicemail came after %.1f s" % (time.monotonic() - parked)
        time.sleep(1)
        one.dtmf("#")                                       # the greeting was long enough
        time.sleep(4)
        one.hangup()
        one.wait_for("CALL_CLOSED")
        (message,) = procs.poll("the message", lambda: messages(x), 5, 0.2)
        hears(message["file"], 700, 2, "the message")
        heard = one.heard_samples()
        assert [hz for hz, _, _ in sound.tones_in_order(heard, (950, 1400, 1800))] == [950, 1400, 1800]
        hears(heard, MUSIC, 30, "the parked stranger")
        hears_not(heard, 1100, "the first stranger")
        assert not glob.glob("/tmp/unknown-caller*"), "the name of a stranger lies in /tmp"
        x.wait_idle()


test_who_is_there_by_baresip.limit = 180


def test_key_four_by_baresip():
    """Key 4: the plan's PIN opens the dial tone that the owner granted, a national number goes out by the trunk and is heard; a number abroad does not; a wrong PIN, three times, ends the call."""
    with Meter() as meter, house(meter) as x:
        assert "nothing that costs money" in x.cli("reach", "--from", "strangers").splitlines()[-4], x.cli("reach")
        for pin, number, goes in (("246813#", "92025550100", True), ("246813#", "9011441632960000#", False), ("111111#", "", False)):
            with x.baresip("12025550123", mic=sound.sine(1000, 120)) as caller:
                before = len(meter.numbers())
                _greeted(caller)
                caller.dtmf("4")
                _at(x, "Authenticate")
                for _ in range(1 if number else 3):
                    time.sleep(1.5)
                    caller.dtmf(pin, gap=0.15)
                if number:
                    _at(x, "DISA")
                    _heard(caller, CONNECTING, 0.3)
                    time.sleep(1)
                    caller.dtmf(number, gap=0.15)
                if goes:
                    procs.poll("the call goes out", lambda: len(meter.numbers()) > before, 15, 0.2)
                    _heard(caller, TONE, 1)
                    caller.hangup()
                caller.wait_for("CALL_CLOSED", 30)
                assert len(meter.numbers()) == before + goes, meter.numbers()
                if number:
                    dial = sound.tone_in(caller.heard_samples(), 350, share=0.3)
                    assert dial > 0.3, "no dial tone: %.2f s" % dial
            x.wait_idle()
        assert meter.numbers() == ["2025550100"] or meter.numbers() == ["+12025550100"], meter.numbers()
        assert any("/key-four" in str(r.get("permit")) for r in x.calls())
        out = x.output() + x.cli("calls") + x.cli("events")
        assert "246813" not in out and "111111" not in out, "a PIN stands in the log"


def test_directory_by_baresip():
    """Key 0, the last name on the keypad, 1: that phone rings and they hear each other; 0 in the directory is the operator, extension o, which rings 204."""
    with house() as x, x.baresip("200", mic=sound.sine(440, 120)) as one, x.baresip("204") as two:
        with x.baresip("12025550123", mic=sound.sine(1000, 120)) as caller:
            _greeted(caller)
            caller.dtmf("0")
            _at(x, "Directory")
            time.sleep(1)
            caller.dtmf("200")                      # Phone 200: its last name is 200
            time.sleep(2)
            caller.dtmf("1")
            one.wait_for("CALL_INCOMING", 30)
            one.answer()
            time.sleep(3)
            caller.hangup()
            one.wait_for("CALL_CLOSED")
            hears(caller.heard_samples(), 440, 2, "the caller")
            hears(one.heard_samples(), 1000, 2, "200")
            assert two.count("CALL_INCOMING") == 0
        x.wait_idle()
        with x.baresip("12025550123", mic=sound.sine(1000, 120)) as caller:
            _greeted(caller)
            caller.dtmf("0")
            _at(x, "Directory")
            time.sleep(1)
            caller.dtmf("0")
            two.wait_for("CALL_INCOMING", 20)
            caller.hangup()
            two.wait_for("CALL_CLOSED")
        x.wait_idle()


def _speaker(x, number, key):
    """A sipp that calls, speaks 1000 Hz, and presses a key by INFO after four seconds."""
    sipp = Sipp("speaks.xml", x.sip, service=number, keys={"key": key})
    with open(sipp.dir + "/voice.ulaw", "wb") as f:
        f.write(sound.g711_encode(sound.sine(1000, 8)))
    return sipp.start()


def test_did_routes_by_sipp():
    """As the article says to insert it, ext-did is never reached, for _. matches every number, and `check` says so; moved behind the include, as `check` advises, each number of the house leads where it should and all others to the attendant."""
    def moved(text):
        lines = text.replace("exten => 12025550142,1,Goto(from-external-custom,2,1)",
                             "exten => 12025550142,1,Dial(SIP/200|20)\nexten => 12025550143,1,Goto(from-external-custom,1,1)")
        assert lines != text
        own = "exten => _.,1,Wait(1)\nexten => _.,2,Goto(from-external-custom,s,1)\n"
        assert own in lines
        return lines.replace(own, "include => everybody-else\n\n[everybody-else]\n" + own)
    with house() as x:
        assert "include-shadowed" in x.cli("check", ok=False)
    with house(plan=moved) as x, x.raw("200") as one, x.raw("204") as two:
        assert "include-shadowed" not in x.cli("check", ok=False)
        for number, rings in (("12025550142", [one]), ("12025550143", [one, two])):
            sipp = _speaker(x, number, "5")
            arrived = [phone.wait_call(20) for phone in rings]
            arrived[0].answer()
            arrived[0].play(sound.sine(440, 1))
            got = sipp.wait(30)
            assert got["ok"] == 1 and not got["failed"], (got, sipp.text())
            assert [a.wait_end(5) for a in arrived] == ["BYE"] + ["CANCEL"] * (len(rings) - 1), number
            hears(arrived[0].samples, 1000, 1.5, number)
        assert (one.rang, two.rang) == (2, 1)
        # Any other number: the attendant, and its key 1 by INFO.
        sipp = _speaker(x, "12025550199", "1")
        arrived = [phone.wait_call(20) for phone in (one, two)]
        arrived[1].answer()
        got = sipp.wait(30)
        assert got["ok"] == 1 and not got["failed"], (got, sipp.text())
        hears(arrived[1].samples, 1000, 0.5, "204")
        x.wait_idle()


def test_busy_extension_is_mended_and_goes_to_its_mailbox():
    """The article's 2XX lacks its underscore: `check --fix` gives it one, and then 200 rings by its own keys; when it is busy the call goes on at n+101, and the tone is a message in the mailbox of 200."""
    with house(fix=True) as x, x.raw("200") as phone, x.baresip("12025550123", mic=sound.sine(1000, 120)) as caller:
        text = open(x.home + "/extensions_custom.conf").read()
        assert "exten => _2XX,103" in text and "exten => 2XX" not in text
        _greeted(caller)
        caller.dtmf("200")
        phone.wait_call(20).refuse(486)
        _at(x, "VoiceMail")
        time.sleep(1)
        caller.dtmf("#")
        time.sleep(4)
        caller.hangup()
        caller.wait_for("CALL_CLOSED")
        (message,) = procs.poll("the message", lambda: messages(x, "200"), 5, 0.2)
        hears(message["file"], 1000, 2, "the message")
        x.wait_idle()
