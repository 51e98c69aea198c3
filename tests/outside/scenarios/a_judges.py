"""The judges and telephones themselves: what they say must be true before they judge the exchange."""
import array

import procs
import sound
from baresip import Baresip
from linphone import Linphone
from meter import TONE, Meter
from rawphone import RawPhone
from sipp import Sipp


def test_judges_of_sound():
    """A tone is heard at its own frequency only; silence, tones and noise are not speech; digits are read."""
    tone = sound.sine(1000, 2)
    assert sound.tone_in(tone, 1000) == 2.0, sound.tone_in(tone, 1000)
    assert sound.tone_in(tone, 1100) == 0 and sound.tone_in(array.array("h", [0] * 16000), 1000) == 0
    coded = sound.g711_decode(sound.g711_encode(tone, 0), 0)
    assert sound.tone_in(coded, 1000) == 2.0
    speech = sound.make_speech("If you know the extension of the person you are calling, you may dial it at any time.",
                               procs.tempdir("speech") + "/s.wav")
    assert sound.speech_like(speech)
    speech_samples = sound.load(speech)[1]
    assert not sound.speech_like(tone) and not sound.speech_like(array.array("h", [0] * 80000))
    assert not sound.speech_like(sound.sine((440, 480), 4))
    row = sound.sine(700, 1) + array.array("h", [0] * 4000) + sound.sine(1900, 0.5) + sound.sine(2300, 0.05) + sound.sine(2700, 0.5)
    assert [hz for hz, _, _ in sound.tones_in_order(row, (700, 1900, 2300, 2700))] == [700, 1900, 2700]
    assert sound.tones_in_order(speech_samples, (1900, 2300, 2700)) == []
    assert sound.dtmf_in(sound.dtmf_samples("0123456789*#")) == "0123456789*#"


def test_raw_phones_talk():
    """Two raw phones hear each other's tone and digits, by UDP on IPv4 and on IPv6."""
    for ip in (None, "::1"):
        with RawPhone("2", ip=ip, exchange=("127.0.0.1" if not ip else "::1", 9)) as b, \
                RawPhone("1", exchange=(b.ip, b.port), ip=ip) as a:
            call = a.dial("2")
            other = b.wait_call(5)
            other.ring()
            call.wait_status(180)
            other.answer()
            call.wait_ok()
            t = call.speak(sound.sine(1000, 1))
            other.play(sound.sine(440, 1))
            t.join(5)
            call.dtmf("12#")
            other.wait_digits("12#")
            assert call.info("5").status == 200 and other.digits == "12#5"
            call.hangup()
            assert other.wait_end() == "BYE"
            assert sound.tone_in(other.samples, 1000) > 0.8 and sound.tone_in(call.samples, 440) > 0.8


def test_real_phones_talk_to_a_raw_one():
    """baresip and Linphone, each on an address of its own, hear and are heard."""
    with RawPhone("200", exchange=("127.0.0.1", 9)) as raw:
        with Baresip("100", exchange=(raw.ip, raw.port), register=False, mic=sound.sine(700, 20)) as b:
            b.dial("200")
            call = raw.wait_call()
            call.answer()
            call.play(sound.sine(440, 2))
            b.dtmf("42")
            call.wait_digits("42")
            assert call.packets[-1][1][0] == b.ip
            b.hangup()
            call.wait_end()
            assert sound.tone_in(b.heard(), 440) > 1.2 and sound.tone_in(call.samples, 700) > 1.2
        with Linphone("300", exchange=(raw.ip, raw.port), register=False, mic=sound.sine(900, 20)) as lin:
            lin.dial("200")
            call = raw.wait_call()
            call.answer()
            lin.wait_state("StreamsRunning")
            lin.play()
            call.play(sound.sine(440, 2))
            assert call.packets[-1][1][0] == lin.ip
            assert sound.tone_in(call.samples, 900) > 1.2
            call.hangup()


def test_meter_counts():
    """The money meter counts calls, not retransmissions, and can be heard."""
    with Meter() as meter, RawPhone("1", exchange=(meter.ip, meter.port)) as a:
        call = a.dial("12025550123").wait_ok()
        call.wait_sound(1)
        a.send_raw(call.sent)                       # a retransmitted INVITE is not another call
        call.hangup()
        assert meter.numbers() == ["12025550123"], meter.numbers()
        assert sound.tone_in(call.samples, TONE) > 0.7
        result = Sipp("uac", (meter.ip, meter.port), calls=5, rate=20, service="911").run()
        assert result["ok"] == 5 and meter.numbers()[1:] == ["911"] * 5, (result, meter.numbers())


def test_sipp_against_itself():
    """sipp calls sipp, and its counters are read."""
    server = Sipp("uas", calls=20).start()
    procs.poll("sipp listens", lambda: _bound(server), 5)
    result = Sipp("uac", (server.ip, server.port), calls=20, rate=50).run()
    assert result["ok"] == 20 and result["failed"] == 0, result
    assert server.wait(10)["ok"] == 20


def _bound(server):
    hexport = ":%04X " % server.port
    return any(hexport in line for line in open("/proc/net/udp"))
