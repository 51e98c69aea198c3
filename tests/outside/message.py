"""SIP messages as tests see them, and digest answers (RFC 2617, RFC 8760). Next: rawphone.py."""
import hashlib
import random
import re

_SHORT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
          "c": "content-type", "e": "content-encoding", "s": "subject", "k": "supported", "o": "event", "r": "refer-to"}


class Msg:
    """A SIP message: start line, headers [[name, value]], body. bytes(msg) is the wire form."""

    def __init__(self, start, headers=(), body=b""):
        self.start, self.headers, self.body = start, [list(h) for h in headers], body
        words = start.split(" ", 2)
        self.status = int(words[1]) if words[0].startswith("SIP/") and len(words) > 1 and words[1].isdigit() else 0
        self.method = "" if self.status else words[0]

    @classmethod
    def parse(cls, data):
        """Parse a datagram (lenient)."""
        head, _, body = data.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "replace")).split("\r\n")
        return cls(lines[0], [[x.strip() for x in ln.split(":", 1)] for ln in lines[1:] if ":" in ln], body)

    def all(self, name):
        """Every value of a header."""
        return [v for n, v in self.headers if _SHORT.get(n.lower(), n.lower()) == name.lower()]

    def get(self, name, default=""):
        """First value of a header."""
        return (self.all(name) or [default])[0]

    def set(self, name, value):
        """Replace a header (None removes it)."""
        self.headers = [h for h in self.headers if h[0].lower() != name.lower()] + ([[name, value]] if value is not None else [])
        return self

    def __bytes__(self):
        lens = [] if self.all("content-length") else [["Content-Length", str(len(self.body))]]
        return "".join([self.start + "\r\n"] + ["%s: %s\r\n" % (n, v) for n, v in self.headers + lens] + ["\r\n"]).encode() + self.body


def uri_of(value):
    m = re.search(r"<([^>]*)>", value)
    return m.group(1) if m else value.split(";")[0].strip()


def param(value, name):
    m = re.search(r";\s*%s=([^;>\s,]+)" % name, value)
    return m.group(1) if m else ""


def digest(challenge, method, uri, user, password, nc=1):
    """Authorization value that answers one WWW-/Proxy-Authenticate value (MD5 or SHA-256, also -sess)."""
    c = {k.lower(): a or b for k, a, b in re.findall(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))', challenge)}
    alg, cn = c.get("algorithm", "MD5"), "%08x" % random.getrandbits(32)
    h = lambda s: (hashlib.sha256 if alg.upper().startswith("SHA-256") else hashlib.md5)(s.encode()).hexdigest()
    ha1 = h("%s:%s:%s" % (user, c.get("realm", ""), password))
    ha1 = h("%s:%s:%s" % (ha1, c.get("nonce", ""), cn)) if alg.lower().endswith("-sess") else ha1
    qop = "auth" if "auth" in re.split(r"[\s,]+", c.get("qop", "")) else ""
    mid = "%s:%08x:%s:auth:" % (c.get("nonce", ""), nc, cn) if qop else c.get("nonce", "") + ":"
    out = 'Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=%s' % (
        user, c.get("realm", ""), c.get("nonce", ""), uri, h(ha1 + ":" + mid + h(method + ":" + uri)), alg)
    return out + (', qop=auth, nc=%08x, cnonce="%s"' % (nc, cn) if qop else "") + (
        ', opaque="%s"' % c["opaque"] if "opaque" in c else "")


