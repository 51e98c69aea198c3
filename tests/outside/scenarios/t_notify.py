"""The owner is told: unusual use of the attendant, refused calls, new countries, by a signed webhook and by mail; nothing
twice, nothing left out over a restart."""
import hashlib
import hmac
import http.server
import json
import threading
import time

import procs
import sound
from exchange import Exchange
from meter import Meter
from scenarios.j_pins_lamp_mail import Smtp


class Hook(http.server.ThreadingHTTPServer):
    """A webhook that keeps what it is sent and checks the signature with Python's own HMAC."""

    def __init__(self):
        self.got, self.status, self.secret, self.bad = [], 200, "", []
        super().__init__(("127.0.0.1", procs.free_port()), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.server.status == 200:
                fields = dict(part.split("=", 1) for part in self.headers["X-Tollgate-Signature"].split(","))
                good = hmac.new(self.server.secret.encode(), fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
                if fields["v1"] != good or abs(time.time() - int(fields["t"])) > 60:
                    self.server.bad.append(self.headers["X-Tollgate-Signature"])
                self.server.got += json.loads(body)["events"]
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *a):
            pass

    def kinds(self):
        return [e["kind"] for e in self.got]

    def wait(self, kind, timeout=30):
        procs.poll("the owner hears of %s (heard %r)" % (kind, self.kinds()), lambda: kind in self.kinds(), timeout, 0.2)
        return [e for e in self.got if e["kind"] == kind]

    def url(self):
        return "http://127.0.0.1:%d/hook?house=1" % self.server_address[1]


def press_many(x, keys):
    """A stranger wanders about in the attendant."""
    with x.stranger("wanderer") as s:
        call = s.dial("anything").wait_ok()
        call.speak(sound.sine(300, 30))
        for key in keys:
            if call.ended:
                break
            call.dtmf(key, on=0.06, gap=0.06)
        time.sleep(0.5)
        if not call.ended:
            call.hangup()


def test_a_signed_webhook_tells_once_what_happens():
    """A stranger presses thirty keys, a phone wants a premium number and one abroad: each is posted once with what was done and what the owner may do, signed; while the webhook is broken nothing is lost, and after kill -9 nothing is repeated."""
    hook = Hook()
    with Meter() as meter, Exchange(meter=meter, start=False, may=("internal", "national", "international"),
                                    more='[notify]\nwebhook = "%s"\n' % hook.url()) as x:
        x.start()
        for user in ("200", "204"):
            x.rotate(user)
        told = x.cli("notify", "test", "--json", ok=False)
        assert "secret" in json.loads(told)[0]["wrong"], told
        hook.secret = x.json("notify", "secret")["secret"]
        assert json.loads(x.cli("notify", "test", "--json"))[0] == {"way": "webhook", "wrong": None}
        assert hook.wait("notify-test")[0]["may"] and not hook.bad
        time.sleep(1.5)
        press_many(x, "3" * 30)
        event = hook.wait("attendant-keys")[0]
        assert "127.0" in event["text"] and event["done"] and "tollgate ban add" in event["may"], event
        hook.status = 500                       # broken for a while
        with x.raw("204") as phone:
            for number in ("99005550100", "9011442079460000"):
                call = phone.dial(number)
                call.wait_answer(20)
                if not call.ended and call.answered:
                    call.hangup()
        time.sleep(4)
        hook.status = 200
        refused, country = hook.wait("call-refused", 40)[0], hook.wait("new-country", 40)[0]
        assert "extension 204" in refused["text"] and "premium" in refused["text"], refused
        assert "+44" in country["text"], country
        x.kill()
        x.start()
        with x.raw("204") as phone:             # known by now
            call = phone.dial("9011442079460000")
            call.wait_ok()
            call.hangup()
        time.sleep(8)
        ids = [e["id"] for e in hook.got if e["kind"] != "notify-test"]
        assert len(ids) == len(set(ids)), hook.got
        assert hook.kinds().count("new-country") == 1 and hook.kinds().count("attendant-keys") == 1, hook.kinds()
        assert not hook.bad, hook.bad
    hook.shutdown()


def test_mail_tells_what_happens():
    """The first event is mailed at once with what was done and may be done; `notify test` says when the mail server is gone."""
    smtp = Smtp(procs.free_port())
    smtp.start()
    more = ('[mail]\nserver = "127.0.0.1"\nport = %d\nfrom = "pbx@example.net"\nca = "%s"\n\n'
            '[notify]\nmail = "owner@example.net"\n' % (smtp.port, smtp.pem))
    with Exchange(start=False, more=more) as x:
        x.start()
        time.sleep(2)
        press_many(x, "3" * 30)
        mail = procs.poll("the mail", smtp.mails, 30, 0.5)[0]
        text = mail.get_content()
        assert mail["to"] == "owner@example.net", dict(mail)
        assert "pressed" in text and "What was done" in text and "What you may do" in text, text
        said = x.cli("notify", "test")
        assert "fine  mail" in said, said
        procs.stop(smtp.p)
        said = x.cli("notify", "test", ok=False, timeout=60)
        assert "LOOK  mail" in said, said
