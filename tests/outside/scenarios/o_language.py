"""The plan of 2005, unchanged, answered by a present telephone: dialect 1.2 found by itself, keys by RFC 4733 and by INFO."""
import os
import time

import procs
import sound
from exchange import TOML, Exchange
from parts import closed_records

ARTICLE = os.path.join(procs.ROOT, "crates", "dialplan", "tests", "article.conf")

# What the article leaves to its reader: an underscore, and a line that goes on at n+101 when 204 is busy.
MORE = """
[from-external-custom]
exten => 7,1,Dial(SIP/204|20)
exten => 7,2,Hangup
exten => 7,102,Playback(tt-monkeys)
exten => 7,103,Hangup
"""


def _exchange():
    """A home whose strangers reach the article's plan."""
    x = Exchange(start=False, toml=TOML.replace('answer = "menu:attendant"', 'answer = "context:from-sip-external"'),
                 more='[dialplan]\nfiles = ["extensions_custom.conf"]\n')
    with open(x.home + "/extensions_custom.conf", "w") as f:
        f.write(open(ARTICLE).read() + MORE)
    x.start()
    for user in ("200", "204"):
        x.rotate(user)
    return x


def test_the_article_is_answered_and_hears_keys():
    """The article's lines load unchanged; a caller with a number hears the greeting and rings the group by RFC 4733 and by INFO."""
    with _exchange() as x:
        said = x.cli("check", ok=False)
        assert "dialect 1.2" in said and "jump-to-nowhere" in said, said[:2000]
        with x.raw("200") as one, x.raw("204") as two:
            for press in ("rfc4733", "info"):
                with x.stranger("2025550142") as s:
                    call = s.dial("anything").greeted()
                    call.wait_sound(1)
                    call.dtmf("1") if press == "rfc4733" else call.info("1")
                    rings = [one.wait_call(15), two.wait_call(15)]
                    call.hangup()
                    assert [r.wait_end(5) for r in rings] == ["CANCEL", "CANCEL"], press
            assert (one.rang, two.rang) == (2, 2), (one.rang, two.rang)
        x.wait_idle()
        came = [r for r in closed_records(x, 8) if r["direction"] == "in" and r["to"] == "anything"]
        assert len(came) == 2 and all(any("from-external-custom" in p for p in r["path"]) for r in came), came


def test_busy_goes_on_at_n_plus_101():
    """Dial finds 204 busy and the call goes on 101 priorities further, as it did then: the caller hears that line's sound."""
    with _exchange() as x, x.raw("200"), x.raw("204") as two, x.stranger("2025550142") as s:
        call = s.dial("anything").greeted()
        call.wait_sound(1)
        call.dtmf("7")
        two.wait_call(15).refuse(486)
        before = len(call.samples)
        time.sleep(4)
        assert sound.sound_in(call.samples[before:]) > 1, "nothing is heard at n+101"
        call.hangup()
        x.wait_idle()


def test_silence_rings_the_home_phone():
    """No key: after the greeting and the three seconds that ResponseTimeout set, 204 rings and no other phone does."""
    with _exchange() as x, x.raw("200") as one, x.raw("204") as two, x.stranger("2025550142") as s:
        call = s.dial("anything").greeted()
        call.speak(sound.sine(1000, 60))
        ringing = two.wait_call(60)
        assert one.rang == 0
        call.hangup()
        assert ringing.wait_end(5) == "CANCEL"
        x.wait_idle()
