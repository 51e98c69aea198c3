"""The real softphone `baresip` (1.0 of Debian 12), driven over its ctrl_tcp module: JSON in netstrings.
Next: linphone.py.

What it needs: accounts must exist and hold a comment; the account is made after we connect, else REGISTER_OK is
missed; a microphone file that ends would end the call, so it is padded with silence.
"""
import array
import glob
import json
import os
import socket
import threading
import time

import procs
from procs import until
from sound import read_wav, write_wav


class Baresip:
    """One process with one account. `exchange` is (ip, port) of the registrar; register=False is a stranger.

    mic: samples at 8 kHz that it speaks in each call. opts: account parameters such as "answermode=auto".
    name: what a stranger shows beside the number (from the file of accounts: the name of a uanew is a dangling pointer)."""

    def __init__(self, user, password="", exchange=("127.0.0.1", 5060), transport="udp", mic=None, register=True,
                 opts="", conf="", ip=None, timeout=20, name=""):
        self.user, self.ip, self.exchange = user, ip or procs.address(), exchange
        self.dir = procs.tempdir("b%s" % user)
        self.port, self.ctrl = procs.free_port(2, self.ip), procs.free_port()
        write_wav(self.dir + "/mic.wav", array.array("h", mic or ()) + array.array("h", [0]) * (8000 * 300))
        mods = [("uuid", "tmp"), ("account", "tmp"), ("g711", ""), ("aufile", ""), ("sndfile", ""), ("menu", "app"),
                ("debug_cmd", "app"), ("ctrl_tcp", "app")]
        lines = ["poll_method epoll", "sip_listen %s:%d" % (self.ip, self.port), "net_interface " + self.ip,
                 "audio_source aufile,%s/mic.wav" % self.dir, "audio_player none", "audio_alert none",
                 "audio_buffer 20-160", "snd_path " + self.dir, "ctrl_tcp_listen 127.0.0.1:%d" % self.ctrl,
                 "call_max_calls 4", "sip_verify_server no", "ring_aufile none", "ringback_aufile none",
                 "callwaiting_aufile none", conf, "module_path /usr/lib/baresip/modules"]
        lines += ["module%s %s.so" % ("_" + kind if kind else "", m) for m, kind in mods]
        where = "%s:%d" % exchange if register else "%s:%d" % (self.ip, self.port)
        account = "<sip:%s@%s;transport=%s>;auth_pass=%s;regint=%d;audio_codecs=pcmu/8000/1,pcma/8000/1" % (
            user, where, transport, password, 600 if register else 0) + (";" + opts if opts else "")
        accounts = '"%s" %s\n' % (name, account) if name else "# none\n"
        for file, text in (("config", "\n".join(lines) + "\n"), ("accounts", accounts), ("contacts", "\n")):
            with open(os.path.join(self.dir, file), "w") as f:
                f.write(text)
        self.log, self.events, self._cond = self.dir + "/log", [], threading.Condition()
        self._replies, self._token = {}, 0
        self.proc = procs.spawn(["baresip", "-4", "-s", "-v", "-f", self.dir], self.log, cwd=self.dir,
                                env=procs.bound_env(self.ip))
        try:
            self._connect(timeout)
            if not name:
                self.cmd("uanew", account)
            if register:
                self.wait_for("REGISTER_OK", timeout)
        except BaseException:
            self.close()
            raise

    def _connect(self, timeout):
        end = time.monotonic() + timeout
        while True:
            try:
                self._sock = socket.create_connection(("127.0.0.1", self.ctrl), 1)
                self._sock.settimeout(None)
                break
            except OSError:
                if time.monotonic() > end or self.proc.poll() is not None:
                    raise TimeoutError("baresip did not start: " + self.sip_log()[-500:])
                time.sleep(0.05)
        threading.Thread(target=self._reader, daemon=True).start()

    def _reader(self):
        buf = b""
        while True:
            try:
                chunk = self._sock.recv(65536)
            except OSError:
                return
            if not chunk:
                return
            buf += chunk
            while b":" in buf:
                size, rest = buf.split(b":", 1)
                if len(rest) <= int(size):
                    break
                msg, buf = json.loads(rest[:int(size)].decode("utf-8", "replace"), strict=False), rest[int(size) + 1:]
                with self._cond:
                    if msg.get("response"):
                        self._replies[msg.get("token")] = msg
                    else:
                        self.events.append(dict(msg, used=False, at=time.time()))
                    self._cond.notify_all()

    def cmd(self, command, params=None, timeout=5):
        """Run a long command; returns its text, raises RuntimeError on failure."""
        self._token += 1
        token = str(self._token)
        msg = {"command": command, "token": token}
        if params is not None:
            msg["params"] = params
        raw = json.dumps(msg).encode()
        self._sock.sendall(b"%d:%s," % (len(raw), raw))
        rep = until(self._cond, timeout, "baresip " + command, lambda: self._replies.pop(token, None))
        if not rep.get("ok"):
            raise RuntimeError("baresip %s: %s" % (command, rep.get("data")))
        return rep.get("data", "")

    def count(self, event):
        """How many events of this type there were."""
        return sum(e["type"] == event for e in self.events)

    def wait_for(self, event, timeout=10, **match):
        """First event of this type not yet taken: CALL_INCOMING CALL_RINGING CALL_ESTABLISHED CALL_CLOSED
        CALL_DTMF_START REGISTER_OK REGISTER_FAIL."""
        def test():
            for e in self.events:
                if not e["used"] and e["type"] == event and all(e.get(k) == v for k, v in match.items()):
                    e["used"] = True
                    return e
        return until(self._cond, timeout, "%s of baresip %s" % (event, self.user), test)

    def dial(self, user):
        """Call a user at the exchange, or a whole sip: URI."""
        return self.cmd("dial", user if user.startswith("sip:") else "sip:%s@%s:%d" % ((user,) + self.exchange))

    def answer(self):
        """Answer the incoming call."""
        return self.cmd("accept")

    def hangup(self):
        """End (or refuse) the current call."""
        return self.cmd("hangup")

    def hold(self):
        """Put the call on hold."""
        return self.cmd("hold")

    def resume(self):
        """Take it back."""
        return self.cmd("resume")

    def dtmf(self, digits, gap=0.2):
        """Send digits (RFC 4733)."""
        for d in digits:
            self.cmd("sndcode", d)
            time.sleep(gap)

    def dtmf_heard(self):
        """Digits received so far."""
        return "".join(e.get("param", "") for e in self.events if e["type"] == "CALL_DTMF_START")

    def heard(self, timeout=5):
        """Path of the newest recording of what it heard (complete once the call has ended)."""
        found = procs.poll("a recording of baresip " + self.user, lambda: glob.glob(self.dir + "/*dec*.wav"), timeout)
        return max(found, key=os.path.getmtime)

    def heard_samples(self):
        """All that it heard, as samples at 8 kHz; a new file begins whenever its sound starts anew, as after a hold."""
        self.heard()
        out = array.array("h")
        for path in sorted(glob.glob(self.dir + "/*dec*.wav"), key=os.path.getmtime):
            out.extend(read_wav(path)[1])
        return out

    def sip_log(self):
        """Everything it printed, with the SIP trace."""
        return open(self.log, errors="replace").read() if os.path.exists(self.log) else ""

    def close(self):
        """End the phone (unregisters)."""
        try:
            self.cmd("quit", timeout=1)
            self.proc.wait(3)
        except Exception:
            pass
        procs.stop(self.proc)

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.close()
