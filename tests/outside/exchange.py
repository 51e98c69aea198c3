"""The exchange under test: the built binary with a home of its own. Next: scenarios/.

`Exchange()` writes a tollgate.toml by hand, gives its extensions secrets by the command line, and starts it;
`Exchange.fresh()` is the very first start with nothing there."""
import contextlib
import glob
import json
import os
import random
import re
import signal
import socket
import subprocess
import time

import procs
from baresip import Baresip
from linphone import Linphone
from rawphone import RawPhone

BINARY = os.environ.get("TOLLGATE") or os.path.join(
    os.environ.get("CARGO_TARGET_DIR") or os.path.join(procs.ROOT, "target"), "release", "tollgate")

TOML = """\
[system]
name = "outside"
country = "US"
language = "en"

[sip]
udp = [{udp}]
tcp = [{tcp}]
tls = [{tls}]
{sip_more}

[media]
address = "{voice}"
ports = "{media}-{media_last}"

[portal]
listen = "127.0.0.1:{portal}"

[strangers]
answer = "menu:attendant"
max_calls = {max_calls}
per_source = {per_source}

{extensions}
[group.222]
members = ["200", "204"]
ring = "all"
seconds = 20

[menu.attendant]
keys = {{ 0 = "directory", 1 = "group:222" }}
dial = "2XX"
timeout = "extension:204"
invalid = "again"

[trunk.meter]
kind = "address"
host = "{meter}"
transport = "udp"
health = 0

[route.emergency]
dial = "911"
trunks = ["meter"]
for = ["extensions"]

[route.national]
dial = "_9NXXNXXXXXX"
strip = 1
trunks = ["meter"]
for = ["extensions"]

[route.eleven]
dial = "_91NXXNXXXXXX"
strip = 1
trunks = ["meter"]
for = ["extensions"]

[route.abroad]
dial = "_9011."
strip = 1
trunks = ["meter"]
for = ["extensions"]
{more}
"""


class Exchange:
    """A running exchange. sip = (ip, port) for UDP and TCP; secrets = {user: secret}; realm."""

    def __init__(self, users=("200", "204"), may=("internal", "national"), meter=None, ip="127.0.0.1", more="", v6=False,
                 max_calls=100, per_source=50, start=True, toml=None, env=None, ports=2000, tls=False, sip_more=""):
        self.home, self.ip = os.path.join(procs.tempdir("home"), "h"), ip
        self.env = dict(os.environ, RUST_BACKTRACE="1", **(env or {}))
        for k in ("LD_PRELOAD", "BINDTO"):
            self.env.pop(k, None)
        self.log, self.proc, self.secrets, self.realm = os.path.join(os.path.dirname(self.home), "log"), None, {}, ""
        self.port, self.portal = procs.free_port(2, ip), procs.free_port()
        self.sip, self.tls, self.meter = (ip, self.port), (ip, self.port + 1), meter
        procs.witness("the exchange", self.log)
        if toml is False:
            return
        os.mkdir(self.home, 0o700)
        media = 30000 + procs.LANE * 5000 + random.randrange(0, 2900, 2)
        listen = ['"%s:%d"' % (ip, self.port)]
        self.sip6 = ("::1", procs.free_port(2, "::1")) if v6 else None
        if v6:
            listen.append('"[::1]:%d"' % self.sip6[1])
        text = (toml or TOML).format(
            udp=", ".join(listen), tcp=", ".join(listen), voice="0.0.0.0" if v6 else ip, media=media, media_last=media + ports - 1,
            tls='"%s:%d"' % self.tls if tls else "", sip_more=sip_more, portal=self.portal, max_calls=max_calls, per_source=per_source, more=more,
            meter="%s:%d" % (meter.ip, meter.port) if meter else "127.0.99.99:9",
            extensions="".join('[extension.%s]\nname = "Phone %s"\ncontext = "from-internal"\nmay = %s\n\n' % (
                u, u, json.dumps(list(may))) for u in users))
        with open(self.home + "/tollgate.toml", "w") as f:
            f.write(text)
        if start:
            self.start()
            for u in users:
                self.rotate(u)

    # -- the process
    def start(self, timeout=20, args=()):
        """Start and wait until OPTIONS is answered; returns the seconds that took."""
        begin = time.monotonic()
        self.proc = procs.spawn([BINARY, "run", "--home", self.home] + list(args), self.log, env=self.env)
        while not self.alive():
            if self.proc.poll() is not None:
                raise AssertionError("tollgate run ended with %s: %s" % (self.proc.returncode, self.output()[-2000:]))
            if time.monotonic() - begin > timeout:
                raise TimeoutError("no answer to OPTIONS within %ss: %s" % (timeout, self.output()[-2000:]))
        return time.monotonic() - begin

    def alive(self, timeout=0.02):
        """Does it answer OPTIONS?"""
        with socket.socket(procs.family(self.ip), socket.SOCK_DGRAM) as s:
            s.bind((procs.address(), 0))
            s.settimeout(timeout)
            me = "%s:%d" % s.getsockname()
            s.sendto(("OPTIONS sip:%s:%d SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport\r\nMax-Forwards: 70\r\n"
                      "From: <sip:probe@%s>;tag=1\r\nTo: <sip:%s>\r\nCall-ID: %d@probe\r\nCSeq: 1 OPTIONS\r\n"
                      "Content-Length: 0\r\n\r\n" % (self.sip + (me, time.monotonic_ns(), me, self.ip, time.monotonic_ns()))
                      ).encode(), self.sip)
            try:
                return s.recv(4096).startswith(b"SIP/2.0 ")
            except OSError:
                return False

    def output(self):
        """All that it printed."""
        return open(self.log, errors="replace").read() if os.path.exists(self.log) else ""

    def stop(self, how=signal.SIGTERM, grace=15):
        """End it; returns the exit code."""
        return procs.stop(self.proc, grace, how) if self.proc else None

    def kill(self):
        """kill -9."""
        self.proc.kill()
        self.proc.wait(5)

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.stop()
        out = self.output()
        if "panicked" in out:
            raise AssertionError("panic: " + out[out.index("panicked") - 200:][:1500])

    # -- the command line
    def cli(self, *args, ok=True, timeout=20, text=""):
        """Run a command on this home, with a text on its standard input; returns its standard output."""
        p = subprocess.run([BINARY] + list(args) + ["--home", self.home], input=text, env=self.env,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, text=True)
        if ok and p.returncode:
            raise AssertionError("tollgate %s: exit %d: %s%s" % (" ".join(args), p.returncode, p.stdout, p.stderr))
        return p.stdout

    def json(self, *args):
        """The value a command prints with --json (one value, or a list of lines)."""
        text = self.cli(*args, "--json").strip()
        try:
            return json.loads(text) if text else []
        except ValueError:
            return [json.loads(x) for x in text.splitlines()]

    def trunk(self, name):
        """What `trunk list` says of one trunk."""
        return [t for t in self.json("trunk", "list") if t["name"] == name][0]

    def wait_trunk(self, name, state="up", timeout=15):
        """Until a trunk is in this state; returns what the list says of it."""
        def test():
            t = self.trunk(name)
            return t if t["state"] == state else None
        return procs.poll("trunk %s %s (is %r)" % (name, state, self.trunk(name)), test, timeout, 0.2)

    def rotate(self, user):
        """A new secret for an extension."""
        got = self.json("extension", "rotate", user)
        self.secrets[user], self.realm = got["secret"], got["realm"]
        return got

    def calls(self):
        """The call records."""
        got = self.json("calls", "--limit", "1000")
        return got["calls"] if isinstance(got, dict) and "calls" in got else got if isinstance(got, list) else [got]

    def calls_in_store(self):
        """(call, leg, ended) of every record, read from the database itself."""
        import sqlite3
        for path in glob.glob(self.home + "/**/*.db", recursive=True) + glob.glob(self.home + "/**/*.sqlite*", recursive=True):
            if path.endswith(("-wal", "-shm")):
                continue
            with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=5)) as db:
                return db.execute("SELECT call_id, leg, ended_at, caller FROM call_records").fetchall()
        raise AssertionError("no database in " + self.home)

    def channels(self):
        """The calls in progress."""
        got = self.json("channels")
        return got["channels"] if isinstance(got, dict) and "channels" in got else got if isinstance(got, list) else [got]

    def wait_idle(self, timeout=20):
        """Until no channel is left."""
        return procs.poll("no channel left", lambda: not self.channels(), timeout, 0.2)

    def wait_records(self, n, timeout=10):
        """Until there are n call records; returns them."""
        procs.poll("%d call records" % n, lambda: len(self.calls()) >= n, timeout, 0.2)
        return self.calls()

    def metrics(self):
        """Prometheus metrics as {name with labels: value}."""
        import urllib.request
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % self.portal, timeout=5) as r:
            text = r.read().decode()
        return {m.group(1): float(m.group(2)) for m in re.finditer(r"^(\w+(?:\{[^}]*\})?) (\S+)$", text, re.M)}

    def rss(self):
        """Resident memory in kB."""
        m = re.search(r"VmRSS:\s+(\d+)", open("/proc/%d/status" % self.proc.pid).read())
        return int(m.group(1))

    def cpu(self):
        """CPU seconds used so far (all threads, nanosecond clock of the scheduler)."""
        total = 0
        for t in os.listdir("/proc/%d/task" % self.proc.pid):
            try:
                total += int(open("/proc/%d/task/%s/schedstat" % (self.proc.pid, t)).read().split()[0])
            except OSError:
                pass
        return total / 1e9

    def files(self):
        """Open file descriptors."""
        return len(os.listdir("/proc/%d/fd" % self.proc.pid))

    # -- telephones
    def raw(self, user, register=True, **kw):
        """A RawPhone that is an extension."""
        kw.setdefault("exchange", self.sip)
        p = RawPhone(user, self.secrets[user], **kw)
        if register:
            r = p.register()
            if r.status != 200:
                p.close()
                raise AssertionError("REGISTER of %s: %s" % (user, r.start))
        return p

    def stranger(self, user="stranger", **kw):
        """A RawPhone nobody knows."""
        kw.setdefault("exchange", self.sip)
        kw.setdefault("domain", "elsewhere.example")
        return RawPhone(user, **kw)

    def baresip(self, user, **kw):
        """A baresip that is an extension (or, for unknown users, a stranger)."""
        return Baresip(user, self.secrets.get(user, ""), kw.pop("exchange", self.sip), register=user in self.secrets, **kw)

    def linphone(self, user, **kw):
        """A Linphone that is an extension (or a stranger)."""
        return Linphone(user, self.secrets.get(user, ""), kw.pop("exchange", self.sip), self.realm, register=user in self.secrets, **kw)
