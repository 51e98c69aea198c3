"""sipp: many calls at once, by scenarios in sipp/ and by its built-in ones. Next: meter.py."""
import csv
import os
import time

import procs
from message import digest
from rawphone import RawPhone



class Sipp:
    """A sipp run. scenario: built-in name (uac, uas, ...) or a file of sipp/. rows: list of tuples for [field0].. ;
    keys: values of [name] in the scenario. -aa: a NOTIFY of the message lamp is answered and is no surprise."""

    def __init__(self, scenario, target=None, rows=None, calls=1, rate=10, transport="u1", keys=None, service=None,
                 ip=None, port=None, limit=None, trace=False, extra=()):
        self.dir, self.ip = procs.tempdir("sipp"), ip or procs.address()
        self.port = port or procs.free_port(1, self.ip)
        own = os.path.join(procs.HERE, "sipp", scenario)
        argv = ["sipp"] + (["%s:%d" % target] if target else [])
        argv += ["-sf", own] if scenario.endswith(".xml") else ["-sn", scenario]
        argv += ["-i", self.ip, "-mi", self.ip, "-p", str(self.port), "-mp", str(procs.free_port(4, self.ip)),
                 "-m", str(calls), "-r", str(rate), "-t", transport, "-nostdin", "-aa", "-trace_stat", "-fd", "1",
                 "-stf", self.dir + "/stat.csv", "-trace_err", "-error_file", self.dir + "/errors.log"]
        argv += ["-l", str(limit)] if limit else []
        argv += ["-trace_msg", "-message_file", self.dir + "/messages.log"] if trace else []
        if rows:
            with open(self.dir + "/rows.csv", "w") as f:
                f.write("SEQUENTIAL\n" + "".join(";".join(r) + "\n" for r in rows))
            argv += ["-inf", self.dir + "/rows.csv"]
        for k, v in (keys or {}).items():
            argv += ["-key", k, v]
        self.argv, self.proc = argv + (["-s", service] if service else []) + list(extra), None

    def register(self, user, secret, exchange):
        """Register the port that sipp will use (it has to be free still), and take the lamp's NOTIFY, which sipp would count as a call."""
        with RawPhone(user, secret, exchange, self.ip, port=self.port) as p:
            r = p.register()
            if r.status != 200:
                raise AssertionError("REGISTER of %s for sipp: %s" % (user, r.start))
            procs.poll("the lamp of %s" % user, lambda: p.notifies, 5, 0.05)
            time.sleep(0.1)
        return self

    def answers(self, user, secret, exchange, dialled, calls):
        """Give each call a digest answer of its own to one challenge (nc counts up); before start()."""
        uri = "sip:%s@%s:%d" % ((dialled,) + exchange)
        with RawPhone(user, "", exchange, self.ip, port=self.port) as p:
            challenge = p.register().all("WWW-Authenticate")[0]
        with open(self.dir + "/rows.csv", "w") as f:
            f.write("SEQUENTIAL\n" + "".join("%s;Authorization: %s\n" % (
                user, digest(challenge, "INVITE", uri, user, secret, n)) for n in range(1, calls + 1)))
        self.argv += ["-s", dialled, "-inf", self.dir + "/rows.csv"]
        return self

    def start(self):
        """Start without waiting (a server)."""
        self.proc = procs.spawn(self.argv, self.dir + "/screen.log", cwd=self.dir)
        return self

    def wait(self, timeout=30):
        """Wait for the end; returns {'rc', 'ok', 'failed', 'created', 'retrans'}."""
        try:
            self.proc.wait(timeout)
        except Exception:
            procs.stop(self.proc)
            raise TimeoutError("sipp %s: not within %ss, %r %s" % (self.argv[2:4], timeout, self.counts(), self.text()[-400:]))
        return self.counts()

    def counts(self):
        """The counters so far."""
        row = {}
        if os.path.exists(self.dir + "/stat.csv"):
            row = (list(csv.DictReader(open(self.dir + "/stat.csv"), delimiter=";")) or [{}])[-1]

        def num(k):
            return int(row.get(k) or 0)
        return {"rc": self.proc.returncode, "ok": num("SuccessfulCall(C)"), "failed": num("FailedCall(C)"),
                "created": num("TotalCallCreated"), "retrans": num("Retransmissions(C)")}

    def run(self, timeout=30):
        """start() and wait()."""
        return self.start().wait(timeout)

    def stop(self):
        """End a server."""
        procs.stop(self.proc)
        return self.counts()

    def text(self, name="errors"):
        """A log: errors, messages or screen."""
        path = "%s/%s.log" % (self.dir, name)
        return open(path, errors="replace").read() if os.path.exists(path) else ""
