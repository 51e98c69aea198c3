"""Rows of the attack list that no other file has: contacts that point elsewhere, names that are SQL."""
import time

import sound
from exchange import Exchange
from meter import Meter
from parts import nobody_rang
from scenarios.r_portal import owner


def test_a_contact_that_points_elsewhere_takes_nobody_there():
    """Attack 42: a phone registers with a Contact at the trunk, at loopback, at another phone, with several, with `*`; somebody without its secret tries the same. Who calls it reaches the phone itself or nobody, never what the Contact names, and nobody's registration is taken away."""
    with Meter() as meter, Exchange(users=("200", "204", "206"), meter=meter) as x, x.raw("200") as caller, x.raw("206") as other, \
            x.raw("204", register=False) as phone, x.stranger("204") as thief:
        other.rang = 0
        elsewhere = ["<sip:912025550123@%s:%d>" % (meter.ip, meter.port), "<sip:911@127.0.0.1:%d>" % meter.port,
                     "<sip:206@%s:%d>" % (other.ip, other.port), "<sip:204@%s:%d;maddr=%s>" % (phone.ip, phone.port, meter.ip),
                     "<sip:204@%s:%d>;q=1, <sip:912025550123@%s:%d>;q=0.9" % (phone.ip, phone.port, meter.ip, meter.port)]
        for contact in elsewhere:
            r = phone.register(headers=[["Contact", contact]])
            assert r.status in (200, 400, 403), (contact, r.start)
            call = caller.dial("204")
            try:
                phone.wait_call(3).answer()
                call.wait_ok()
            except TimeoutError:
                pass                            # it went to nobody, or to the mailbox
            if call.final and call.final.status == 200:
                call.hangup()
            elif not call.final:
                call.cancel()
            assert meter.seen == [], (contact, meter.numbers())
            nobody_rang(other)
            x.wait_idle(60)
        assert phone.register().status == 200
        before = x.json("extension", "list")
        for headers in ([["Contact", "*"], ["Expires", "0"]], [["Contact", elsewhere[0]]], [["Contact", "<%s>" % phone.contact], ["Expires", "0"]]):
            r = thief.exchange(thief.build("REGISTER", "sip:%s" % x.ip, headers=[["To", "<sip:204@%s>" % x.ip], ["From", "<sip:204@%s>;tag=1" % x.ip]] + headers), 2)
            assert r is not None and r.status in (401, 403), r and r.start
        assert x.json("extension", "list") == before
        assert meter.seen == []


def test_names_are_no_sql():
    """Attack 15: caller names, called numbers and fields of the portal's search that are SQL: each stands in the log as it was written, nothing is lost, nothing else is found."""
    evil = ["x'); DROP TABLE call_records;--", "' OR '1'='1", "\\'; DELETE FROM events; --", "%' UNION SELECT * FROM secrets --"]
    with Exchange() as x:
        boss, _, _ = owner(x)
        for name in evil:
            with x.stranger("someone") as s:
                call = s.dial("sip:%s@%s:%d" % ("".join("%%%02x" % b for b in name.encode()), x.ip, x.port),
                              headers=[["From", '"%s" <sip:%s@elsewhere.example>;tag=%s' % (
                                  name.replace("\\", "\\\\"), "".join("%%%02x" % b for b in name.encode()), "a1b2")]])
                try:
                    call.wait_answer(5)
                    if call.answered:
                        call.speak(sound.sine(300, 1))
                        time.sleep(0.3)
                        call.hangup()
                except (TimeoutError, AssertionError):
                    pass
        x.wait_idle(60)
        records = x.wait_records(1)
        assert any(r["from"] in evil or r["to"] in evil for r in records), records
        count = len(records)
        for text in evil:
            page = boss.ask("GET", "/calls?text=" + "".join("%%%02x" % b for b in text.encode()))
            assert page.status == 200, page.status
        page = boss.ask("GET", "/calls?number=%27%20OR%20%271%27%3D%271&since=%27&until=%27--&origin=%27")
        assert page.status in (200, 400), page.status
        page = boss.ask("GET", "/events?kind=%27%20OR%201%3D1--")
        assert page.status == 200 and "Nothing of that kind" in page.text
        assert len(x.calls()) == count and x.json("events", "--limit", "5") is not None
