"""PINs that many callers guess at, grants behind them, the message lamp, and mail to a real SMTP server."""
import email
import email.policy
import glob
import os
import re
import subprocess
import time

import procs
import sound
from exchange import TOML, Exchange
from meter import Meter
from parts import all_of

PLAN = """
[guarded]
exten => s,1,VMAuthenticate(204)
 same => n,NoOp(inside)
 same => n,Wait(2)
 same => n,Hangup()
exten => _X.,1,Goto(s,1)

[leave]
exten => s,1,VoiceMail(204,s)
 same => n,Hangup()
exten => _X.,1,Goto(s,1)
"""


def _exchange(answer, more="", **kw):
    x = Exchange(toml=TOML.replace('answer = "menu:attendant"', 'answer = "context:%s"' % answer), start=False,
                 more='[dialplan]\nfiles = ["extensions.conf"]\n[voicemail]\nreview = false\n' + more, **kw)
    with open(x.home + "/extensions.conf", "w") as f:
        f.write(PLAN)
    x.start()
    for u in ("200", "204"):
        x.rotate(u)
    return x


def _type(call, digits):
    call.dtmf(digits, on=0.08, gap=0.08)


def _events(x, kind):
    return [e for e in x.json("events", "--limit", "500") if e["kind"] == kind]


def _locked(x):
    return next(m["locked"] for m in x.json("mailbox", "list") if m["number"] == "204")


def _records(x, text):
    return [r for r in x.calls() if text in str(r)]


def test_wrong_pins_over_fifty_calls_and_ten_sources():
    """Callers from ten addresses guess in fifty calls: three are looked at, then all are locked out, the owner is told, the right PIN does not open either; the owner's phone is not locked out, and its own lock ends by itself. No PIN is in any log, record, event or file."""
    with _exchange("guarded") as x:
        pin = x.json("mailbox", "pin", "204")["pin"]
        assert re.fullmatch(r"\d{6}", pin), pin
        wrong = "739164" if pin != "739164" else "739165"
        sources = [procs.address() for _ in range(10)]

        def guess(n, digits=wrong):
            with x.stranger(ip=sources[n % 10]) as s:
                call = s.dial("5551000").wait_ok()
                call.wait_sound(0.2)
                _type(call, digits + "#")
                call.wait_sound(2.0)
                call.hangup()
        all_of([lambda n=n: guess(n) for n in range(50)], at_once=10)
        assert "outside" in _locked(x), _locked(x)
        told = _events(x, "pin-locked")
        assert told and "mailbox 204" in told[0]["text"] and "callers from outside" in told[0]["text"], told
        with x.stranger() as s:
            call = s.dial("5551000").wait_ok()
            call.wait_sound(0.2)
            _type(call, pin + "#")
            call.wait_end(20)
        assert not _records(x, "guarded,s,2"), "somebody got in"
        with x.raw("204") as phone:
            begin = time.monotonic()
            for n in range(3):
                _visit(phone, wrong)
            assert "extension:204" in _locked(x), _locked(x)
            assert _visit(phone, pin) == "refused", "not during the pause"
            procs.poll("the pause of 204's phone ends", lambda: "extension:204" not in _locked(x), 60, 1)
            assert time.monotonic() - begin > 25
            assert _visit(phone, pin) == "in", "the right PIN after the pause"
        x.wait_idle()
        x.stop()
        for path in [x.log] + glob.glob(x.home + "/**", recursive=True):
            if os.path.isfile(path) and not path.endswith(".sock"):
                data = open(path, "rb").read()
                assert pin.encode() not in data and wrong.encode() not in data, "a PIN stands in " + path


test_wrong_pins_over_fifty_calls_and_ten_sources.limit = 240


def _visit(phone, pin):
    """*98, mailbox 204, this PIN: 'in' or 'refused'."""
    call = phone.dial("*98").wait_ok()
    call.wait_sound(0.3)
    _type(call, "204#")
    time.sleep(0.6)
    _type(call, pin + "#")
    try:
        call.wait_end(6)
        return "refused"
    except TimeoutError:
        heard = "in" if call.phone.calls else "refused"
        # A wrong PIN is asked for again: whoever is inside hears the menu, and # leads out with a good-bye.
        call.hangup()
        return heard


def test_disa():
    """Key 4 of the attendant does not exist before a grant; with one, its PIN gives a dial tone and its caps bind: another number, another class, 911 and a call too many do not go out; forty guesses by many lock strangers out and no guess is in the logs."""
    with Meter() as meter:
        with Exchange(toml=TOML.replace('keys = {{ 0 = "directory", 1 = "group:222" }}\n', ""), meter=meter) as x:
            with x.stranger() as s:
                call = s.dial("x").greeted()
                _type(call, "4")
                time.sleep(1)
                _type(call, "92025550100")
                time.sleep(3)
                call.hangup()
            assert not meter.numbers(), meter.numbers()
            assert "grant" not in x.cli("reach")
            pin = x.json("grant", "add", "disa-me", "--may", "national", "--to", "1202NXXXXXX", "--calls-per-day", "2")["pin"]
            assert re.fullmatch(r"\d{8}", pin), pin
            reach = x.cli("reach", "--from", "strangers")
            assert "guarded" in reach and "nothing that costs money" in reach, reach
            for number in ("93125550100", "9011441632960000", "911"):
                assert not _disa(x, pin, number, meter), number
            assert _disa(x, pin, "92025550100", meter) and _disa(x, pin, "92025550101", meter)
            assert not _disa(x, pin, "92025550102", meter), "a third call on one day"
            permits = [r for r in x.calls() if "/disa-me" in str(r.get("permit"))]
            assert len(permits) == 2, [r.get("permit") for r in x.calls()]
            assert len(_events(x, "grant-used")) >= 5 and len(_events(x, "grant-call")) == 2
            wrong = "73916482" if pin != "73916482" else "73916483"
            all_of([lambda: _disa(x, wrong, "92025550103", meter) for _ in range(40)], at_once=10)
            assert "outside" in next(g["locked"] for g in x.json("grant", "list") if g["name"] == "disa-me")
            assert any("grant disa-me" in e["text"] for e in _events(x, "pin-locked"))
            assert not _disa(x, pin, "92025550104", meter), "the right PIN while locked"
            x.stop()
            for path in [x.log] + glob.glob(x.home + "/**", recursive=True):
                if os.path.isfile(path):
                    data = open(path, "rb").read()
                    assert pin.encode() not in data and wrong.encode() not in data, "a PIN stands in " + path


test_disa.limit = 200


def _disa(x, pin, number, meter):
    """A stranger dials through the grant; whether one more call reached the meter."""
    before = len(meter.numbers())
    with x.stranger() as s:
        call = s.dial("x").greeted()
        _type(call, "4")
        time.sleep(0.8)
        _type(call, pin + "#")
        time.sleep(1.2)
        _type(call, number + "#")
        end = time.monotonic() + 6
        while time.monotonic() < end and len(meter.numbers()) == before and not call.ended:
            time.sleep(0.1)
        call.hangup()
    return len(meter.numbers()) > before


def test_lamp():
    """A phone that subscribes and one that does not: both are told of a message, and when it was deleted; strangers and other mailboxes are refused, other packages too."""
    with _exchange("leave") as x, x.raw("204") as asks, x.raw("204") as silent:
        uri = "sip:204@%s:%d" % x.sip
        head = [["Event", "message-summary"], ["Accept", "application/simple-message-summary"], ["Expires", "600"]]
        ok = asks.request("SUBSCRIBE", uri, headers=head)
        assert ok.status == 200 and ok.get("expires") == "600", ok.start
        _told(asks, "no", "0/0", "active")
        _told(silent, "no", "0/0", "terminated")
        other = asks.request("SUBSCRIBE", uri, headers=[["Event", "presence"]])
        assert other.status == 489 and other.get("allow-events") == "message-summary", other.start
        assert asks.request("SUBSCRIBE", "sip:200@%s:%d" % x.sip, headers=head).status == 403
        with x.stranger() as s:
            assert s.request("SUBSCRIBE", uri, headers=head).status in (401, 403)
            _leave(s)
        for phone, state in ((asks, "active"), (silent, "terminated")):
            _told(phone, "yes", "1/0", state)
        pin = x.json("mailbox", "pin", "204")["pin"]
        call = asks.dial("*97").wait_ok()
        call.wait_sound(0.5)
        _type(call, pin + "#")
        time.sleep(3)
        _type(call, "1")
        procs.poll("the message is heard", lambda: sound.tone_in(call.samples, 700) > 2.5, 20, 0.3)
        time.sleep(1)
        _type(call, "7")
        time.sleep(2)
        call.hangup()
        for phone, state in ((asks, "active"), (silent, "terminated")):
            _told(phone, "no", "0/0", state)
        x.wait_idle()


def _told(phone, waiting, counts, state):
    """Until the newest NOTIFY says this."""
    def newest():
        m = phone.notifies[-1] if phone.notifies else None
        text = m.body.decode() if m else ""
        right = "Messages-Waiting: %s" % waiting in text and "Voice-Message: %s" % counts in text
        return m and right and m.get("subscription-state").startswith(state) and m
    m = procs.poll("lamp of %s: %s" % (phone.port, waiting), newest, 20, 0.1)
    assert m.get("event") == "message-summary", bytes(m)


def _leave(stranger, hz=700, seconds=3):
    """A message of a tone in mailbox 204."""
    call = stranger.dial("5551000").wait_ok()
    call.wait_sound(0.2)                                      # the beep
    path = sound.write_wav(procs.tempdir("msg") + "/m.wav", sound.sine(hz, seconds))
    call.play(path)
    time.sleep(0.7)
    call.hangup()


class Smtp:
    """aiosmtpd with TLS, its mail in a Maildir."""

    def __init__(self, port, tls=True):
        self.dir, self.port = procs.tempdir("smtp"), port
        self.pem, key = self.dir + "/cert.pem", self.dir + "/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", self.pem, "-days", "2",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.tls = ["--tlscert", self.pem, "--tlskey", key] if tls else []
        self.p = None

    def start(self):
        """Take mail from now on."""
        self.p = procs.spawn(["/usr/bin/python3", "-m", "aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Mailbox", "-l",
                              "127.0.0.1:%d" % self.port, *self.tls, self.dir + "/mail"], self.dir + "/log")

    def mails(self):
        """What has arrived."""
        found = sorted(glob.glob(self.dir + "/mail/new/*"))
        return [email.message_from_bytes(open(f, "rb").read(), policy=email.policy.default) for f in found]


def test_mail():
    """A message waits while the mail server is down, survives kill -9, and arrives with its sound over TLS once the server is up; a server with a foreign certificate or without TLS gets nothing."""
    smtp, plain = Smtp(procs.free_port()), Smtp(procs.free_port(), tls=False)
    more = ('[mail]\nserver = "127.0.0.1"\nport = %d\nfrom = "pbx@example.net"\nca = "%s"\n[mailbox.204]\nemail = "you@example.net"\n'
            % (smtp.port, smtp.pem))
    with _exchange("leave", more) as x, x.stranger("thief%22%3E%3Cb") as s:
        _leave(s, 700)
        waiting = procs.poll("the mail waits", lambda: [m for m in x.json("mail", "list") if m["tries"]], 20, 0.3)
        assert waiting[0]["mailbox"] == "204" and str(smtp.port) in waiting[0]["trouble"], waiting
        assert "mailbox 204" in _events(x, "mail-late")[0]["text"]
        x.kill()
        x.start()
        assert x.json("mail", "list"), "the queue was lost"
        smtp.start()
        mail = procs.poll("the mail", smtp.mails, 60, 0.5)[0]
        assert mail["to"] == "you@example.net" and mail["from"] == "pbx@example.net", dict(mail)
        assert "Message of" in mail["subject"] and "204" in mail["subject"], mail["subject"]
        wav = next(mail.iter_attachments()).get_content()
        path = procs.tempdir("mail") + "/m.wav"
        open(path, "wb").write(wav)
        assert sound.tone_in(path, 700), "not the caller's tone"
        procs.poll("the queue is empty", lambda: not x.json("mail", "list"), 10, 0.3)
        assert len(smtp.mails()) == 1, "once only"
        assert "taken a mail" in x.cli("mail", "test", "you@example.net")
        text = open(x.home + "/tollgate.toml").read()
        plain.start()
        procs.poll("the plain server", lambda: _listens(plain.port), 10)
        for what, bad in (("no TLS", text.replace("port = %d" % smtp.port, "port = %d" % plain.port)),
                          ("a foreign certificate", re.sub(r'ca = ".*"\n', "", text))):
            with open(x.home + "/tollgate.toml", "w") as f:
                f.write(bad)
            before = len(smtp.mails())
            said = subprocess.run([os.environ.get("TOLLGATE") or x_binary(), "mail", "test", "you@example.net", "--home", x.home],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
            assert said.returncode == 1 and "127.0.0.1" in said.stdout, (what, said.stdout)
            assert not plain.mails() and len(smtp.mails()) == before, what


def x_binary():
    """The binary under test."""
    from exchange import BINARY
    return BINARY


def _listens(port):
    import socket
    with socket.socket() as c:
        return c.connect_ex(("127.0.0.1", port)) == 0
