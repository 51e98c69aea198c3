"""What the article does with a call, heard by telephones; and scripts that steer calls."""
import contextlib
import os
import subprocess
import sys
import time

import procs
import sound
from exchange import Exchange
from parts import hears, hears_not, talk

PLAN = """\
[attendant]
exten => s,1,Zapateller(answer|nocallerid)
exten => s,2,Wait(1)
exten => s,3,SetMusicOnHold(jazz)
exten => s,4,GotoIf($["${CALLERIDNUM}" = "anonymous"]?who-r-u,s,1)
exten => s,5,DigitTimeout,3
exten => s,6,ResponseTimeout,10
exten => s,7,Background(custom/welcome)
exten => 0,1,AGI(directory,general,ext-local,f)
exten => 1,1,Dial(local/222@groups,20,m)
exten => 8,1,AGI(reads.py|one)
exten => 8,2,NoOp(${AGISTATUS})
exten => 8,3,Hangup
exten => 9,1,AGI(speaks.pl)
exten => 9,2,Hangup
exten => 6,1,AGI(/bin/sh)
exten => 6,2,AGI(../outside.sh)
exten => 6,3,System(touch ${HOMEDIR}/broken)
exten => 6,4,Playback(beep)
exten => 6,5,Hangup
exten => 5,1,AGI(forever.sh)
exten => _7X,1,ParkedCall(${EXTEN})
exten => _7X,2,Hangup

[who-r-u]
exten => s,1,Background(privacy-unident)
exten => s,2,Background(vm-rec-name)
exten => s,3,Record(/tmp/asterisk-stranger:gsm|2|15)
exten => s,4,Background(pls-hold-while-try)
exten => s,5,Goto(ext-park,70,1)
exten => s,7,Playback(goodbye)
exten => s,8,Hangup

[ext-park]
exten => 70,1,Answer
exten => 70,2,SetMusicOnHold(jazz)
exten => 70,3,SetCIDNum(200|a)
exten => 70,4,SetCIDName(Parked Call Info|a)
exten => 70,5,ParkAndAnnounce(/tmp/asterisk-stranger:vm-isonphone:at-following-number:PARKED|25|local/204@ext-local|who-r-u,s,7)
exten => 70,6,Hangup
"""
MORE = """
[parking.default]
number = "70"
slots = "71-78"

[programs]
folder = "scripts"
seconds = 20

[dialplan]
files = ["plan.conf"]
dialect = "1.2"
"""

# Three digits of the house are tones, so that a test can tell which slot was read out.
DIGITS = {"7": 1900, "1": 2300, "2": 2700}


@contextlib.contextmanager
def article(scripts=()):
    """An exchange with a plan like the article's, hold music of 500 Hz, and scripts."""
    x = Exchange(start=False, more=MORE)
    with open(x.home + "/plan.conf", "w") as f:
        f.write(PLAN)
    os.makedirs(x.home + "/sounds/moh")
    sound.write_wav(x.home + "/sounds/moh/jazz.wav", sound.sine(500, 20))
    os.makedirs(x.home + "/sounds/digits")
    for digit, hz in DIGITS.items():
        sound.write_wav(x.home + "/sounds/digits/%s.wav" % digit, sound.sine(hz, 0.6))
    os.mkdir(x.home + "/scripts", 0o700)
    for name, text in scripts:
        with open(x.home + "/scripts/" + name, "w") as f:
            f.write(text)
        os.chmod(x.home + "/scripts/" + name, 0o700)
    with x:
        x.start()
        for user in ("200", "204"):
            x.rotate(user)
        yield x


def test_information_tone_for_strangers_without_caller_id():
    """A baresip without caller ID hears 950, 1400 and 1800 Hz, a third of a second each; one with caller ID hears none."""
    with article() as x:
        with x.baresip("anonymous") as caller:
            caller.dial("1")
            caller.wait_for("CALL_ESTABLISHED")
            time.sleep(3)
            caller.hangup()
            caller.wait_for("CALL_CLOSED")
            time.sleep(0.3)
            heard = caller.heard_samples()
        for hz in (950, 1400, 1800):
            got = sound.tone_in(heard, hz, share=0.6)
            assert 0.25 <= got <= 0.4, "%d Hz for %.2f s" % (hz, got)
        begins = [next(i for i in range(0, len(heard) - 160, 80) if sound.rms(heard[i:i + 160]) > 100
                       and sound.goertzel(heard[i:i + 160], 8000, hz) > 0.6) / 8000 for hz in (950, 1400, 1800)]
        assert begins == sorted(begins), begins
        for first, second in zip(begins, begins[1:]):
            assert 0.29 <= second - first <= 0.37, begins
        with x.stranger("12025550123") as known:
            call = known.dial("1").wait_ok()
            call.wait_sound(3)
            for hz in (950, 1400, 1800):
                hears_not(call.samples, hz, "a caller with caller ID")
            call.hangup()
        x.wait_idle()


def _say_name(caller, hz):
    """A stranger without caller ID speaks his name, a tone, once he is asked for it."""
    call = caller.dial("1").wait_ok()
    call.speak(sound.sine(1800, 0.2))
    # The tone, a second, and three prompts: he speaks when the beep has been heard.
    procs.poll("the beep", lambda: sound.tone_in(call.samples[16000:], 1000, share=0.8) >= 0.15, 25, 0.1)
    call.spoken = len(call.samples)
    call.speak(sound.sine(hz, 2))
    return call


def _announced(heard, name, slot):
    """Fail unless the name (a tone) was heard, behind it words, and behind those the digits of the slot, all in this order."""
    said = sound.tones_in_order(heard, [name] + sorted(set(DIGITS.values())))
    assert [hz for hz, _, _ in said] == [name] + [DIGITS[d] for d in slot], "204 heard %r for slot %s" % (said, slot)
    words = heard[said[0][2]:said[1][1]]
    assert sound.sound_in(words) > 1 and sound.speech_like(words), "no words between the name and the slot: %r" % said
    for _, begin, end in said[1:]:
        assert 0.4 <= (end - begin) / 8000 <= 0.8, "204 heard %r for slot %s" % (said, slot)


def test_who_r_u_with_two_strangers_at_once():
    """Two strangers say who they are; 204 hears each name by itself, words behind it and the digits of its slot, fetches the first by dialling 71, they talk; a stranger who dials 71 gets nobody; the second goes on in the plan when nobody came."""
    with article() as x, x.raw("204") as phone, x.stranger("anonymous") as one, x.stranger("anonymous") as two, \
            x.stranger("12025550199") as thief:
        first = _say_name(one, 700)
        told = phone.wait_call(20)
        told.answer()
        told.speak(sound.sine(1800, 0.1))
        second = _say_name(two, 1100)
        assert told.wait_end(25) == "BYE"
        hears(told.samples, 700, 1.8, "204")
        hears_not(told.samples, 1100, "204")
        _announced(told.samples, 700, "71")
        again = phone.wait_call(20)
        again.answer()
        # A stranger guesses the slot.
        guess = thief.dial("1").wait_ok()
        guess.speak(sound.sine(1300, 0.5))
        guess.wait_sound(3)
        guess.dtmf("71")
        assert guess.wait_end(20) == "BYE"
        hears_not(guess.samples, 500, "the thief")
        assert not first.ended, "the thief took or ended the parked call"
        assert again.wait_end(25) == "BYE"
        hears(again.samples, 1100, 1.8, "204")
        hears_not(again.samples, 700, "204")
        _announced(again.samples, 1100, "72")
        hears(first.samples[first.spoken:], 500, 3, "the parked stranger")
        fetch = phone.dial("71").wait_ok()
        fetch.speak(sound.sine(1800, 0.1))
        first.speak(sound.sine(1800, 0.1))
        time.sleep(0.5)
        talk(fetch, first, 3)
        fetch.hangup()
        assert first.wait_end(10) == "BYE"
        before = len(second.samples)
        assert second.wait_end(40) == "BYE", "nobody came for the second stranger"
        assert len(second.samples) > before
        assert phone.rang == 2, phone.rang
        x.wait_idle()


test_who_r_u_with_two_strangers_at_once.limit = 160


def test_directory_and_hold_music():
    """By 0 and the first letters a stranger reaches a person of the directory; a ring group plays hold music of a class."""
    with article() as x, x.raw("200") as one, x.raw("204") as two, x.stranger("12025550123") as s:
        call = s.dial("1").wait_ok()
        call.speak(sound.sine(1800, 0.5))
        call.wait_sound(3)
        call.dtmf("0")
        before = len(call.samples)
        call.wait_sound(before / 8000 + 2, 15)
        call.dtmf("746")                        # Pho(ne): both fit, each is offered
        time.sleep(3)
        call.dtmf("1")
        ringing = one.wait_call(30)
        ringing.answer()
        talk(call, ringing, 2)
        call.hangup()
        assert ringing.wait_end(5) == "BYE"
        x.wait_idle()
        group = s.dial("1").wait_ok()
        group.speak(sound.sine(1800, 0.5))
        group.wait_sound(3)
        group.dtmf("1")
        rings = [one.wait_call(15), two.wait_call(15)]
        before = len(group.samples)
        group.wait_sound(before / 8000 + 3, 10)
        hears(group.samples[before:], 500, 2.5, "the waiting stranger")
        rings[1].answer()
        talk(group, rings[1], 2)
        group.hangup()
        x.wait_idle()


PYTHON = """#!%s
import sys
sys.path.insert(0, %r)
from asterisk.agi import AGI
agi = AGI()
assert agi.env["agi_arg_1"] == "one", agi.env
assert agi.env["agi_extension"] == "8", agi.env
agi.answer()
agi.verbose("hello")
agi.set_variable("WHO", "Ann; touch /tmp/x")
assert agi.get_variable("WHO") == "Ann; touch /tmp/x"
agi.database_put("fam", "key", "value")
assert agi.database_get("fam", "key") == "value"
agi.stream_file("beep")
agi.say_digits("42")
keys = agi.get_data("beep", timeout=8000, max_digits=3)
open("keys", "w").write(keys + " " + agi.get_variable("CALLERID(num)"))
agi.appexec("Dial", "PJSIP/204,15")
"""
PERL = """#!/usr/bin/perl
use strict;
use Asterisk::AGI;
my $AGI = new Asterisk::AGI;
my %input = $AGI->ReadParse();
die unless $input{extension} eq '9';
$AGI->answer();
$AGI->set_variable('WHO', 'Bob');
my $who = $AGI->get_variable('WHO');
$AGI->stream_file('beep');
$AGI->say_number(7);
my $key = $AGI->wait_for_digit(8000);
open(my $f, '>', 'perl');
print $f "$who ", chr($key), " ", join(',', sort grep { !/^(PATH|LANG|AST_AGI_DIR|PWD|_|SHLVL)$/ } keys %ENV);
close($f);
"""


def pyst():
    """Folder of pyst2, as PyPI has it."""
    folder = procs.tempdir("pyst")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, "pyst2==0.5.1"],
                   check=True, timeout=60, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return folder


def _calls(x, s, keys, more=""):
    call = s.dial("1").wait_ok()
    call.speak(sound.sine(1800, 0.5))
    call.wait_sound(3)
    call.dtmf(keys)
    if more:
        time.sleep(5)
        call.dtmf(more)
    return call


def test_scripts_of_pyst2_and_perl_steer_calls():
    """A script with pyst2 reads keys and calls 204, one of Debian's Perl library hears a key; both run with a clean environment."""
    scripts = [("reads.py", PYTHON % (sys.executable, pyst())), ("speaks.pl", PERL)]
    with article(scripts) as x, x.raw("204") as phone, x.stranger("12025550123") as s:
        call = _calls(x, s, "8", "357")
        ringing = phone.wait_call(20)
        ringing.answer()
        talk(call, ringing, 2)
        call.hangup()
        assert ringing.wait_end(5) == "BYE"
        x.wait_idle()
        assert open(x.home + "/scripts/keys").read() == "357 12025550123"
        call = _calls(x, s, "9", "5")
        assert call.wait_end(15) == "BYE"
        assert open(x.home + "/scripts/perl").read() == "Bob 5 "
        x.wait_idle()


def test_what_is_no_script_of_the_folder_does_not_run():
    """A path, a way out of the folder and a shell line run nothing; a script that never ends is ended with its children when the caller goes."""
    scripts = [("forever.sh", "#!/bin/sh\nsleep 300 &\necho $! > child\nwhile read line; do :; done\nsleep 300\n")]
    with article(scripts) as x, x.stranger("12025550123") as s:
        with open(x.home + "/outside.sh", "w") as f:
            f.write("#!/bin/sh\ntouch %s/broken\n" % x.home)
        os.chmod(x.home + "/outside.sh", 0o700)
        call = _calls(x, s, "6")
        assert call.wait_end(20) == "BYE"
        assert not os.path.exists(x.home + "/broken"), "something ran"
        call = _calls(x, s, "5")
        pid = procs.poll("the script's child", lambda: os.path.exists(x.home + "/scripts/child")
                         and open(x.home + "/scripts/child").read().strip(), 10)
        call.hangup()
        procs.poll("the end of the script's child", lambda: not os.path.exists("/proc/" + pid)
                   or "\nState:\tZ" in open("/proc/%s/status" % pid).read(), 15)
        x.wait_idle()
