"""A person at the portal: raw HTTP with exactly the headers that a test wants, and the one-time codes of RFC 6238. Next: browser.py."""
import base64
import hashlib
import hmac
import http.client
import re
import struct
import time
import urllib.parse

import procs


def code(secret, at=None):
    """The six digits of now."""
    mac = hmac.new(base64.b32decode(secret + "=" * (-len(secret) % 8)), struct.pack(">Q", int(at or time.time()) // 30), hashlib.sha1).digest()
    n = struct.unpack(">I", mac[mac[-1] & 15:][:4])[0] & 0x7fffffff
    return "%06d" % (n % 1000000)


def fresh_code(secret, used):
    """A code that was not used: each works once. Waits for the next step of 30 s if need be."""
    while code(secret) == used:
        time.sleep(0.5)
    return code(secret)


class Answer:
    """Status, headers and text of one answer."""

    def __init__(self, got):
        self.status, self.headers, self.bytes = got.status, got.headers, got.read()
        self.text = self.bytes.decode("utf-8", "replace")
        self.to = self.headers.get("Location", "")

    def csrf(self):
        """The token of the page's forms."""
        return re.search(r'name="csrf" value="([0-9a-f]+)"', self.text).group(1)


class Visitor:
    """Who asks: with a session's cookie or without."""

    def __init__(self, x, cookie="", known=""):
        self.at, self.cookie, self.known = "127.0.0.1:%d" % x.portal, cookie, known

    def ask(self, method, path, fields=None, host=None, origin=None, cookie=None, headers=()):
        """One request. `origin` is our own site for a form, unless a test says otherwise ("" for none)."""
        c = http.client.HTTPConnection("127.0.0.1", int(self.at.rsplit(":", 1)[1]), timeout=15)
        try:
            body = urllib.parse.urlencode(fields).encode() if isinstance(fields, dict) else fields
            c.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            c.putheader("Host", self.at if host is None else host)
            cookie = self.cookies() if cookie is None else cookie
            if cookie:
                c.putheader("Cookie", cookie)
            if method == "POST" and origin is None:
                origin = "http://" + self.at
            if origin:
                c.putheader("Origin", origin)
            if body is not None:
                c.putheader("Content-Type", "application/x-www-form-urlencoded")
                c.putheader("Content-Length", str(len(body)))
            for name, value in headers:
                c.putheader(name, value)
            c.endheaders(body)
            return Answer(c.getresponse())
        finally:
            c.close()

    def cookies(self):
        """As a browser sends them."""
        both = [("__Host-tollgate", self.cookie), ("__Host-tollgate-known", self.known)]
        return "; ".join("%s=%s" % pair for pair in both if pair[1])

    def get(self, path, **how):
        return self.ask("GET", path, **how)

    def post(self, path, fields, page=None, **how):
        """Sends a form with the token of `page` (the same path, if none is named)."""
        fields = dict(fields)
        if "csrf" not in fields:
            fields["csrf"] = self.get(page or path).csrf()
        return self.ask("POST", path, fields, **how)

    def keep(self, answer):
        """Takes the cookies that an answer sets."""
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, value = line.split(";")[0].split("=", 1)
            if name == "__Host-tollgate":
                self.cookie = value
            elif name == "__Host-tollgate-known":
                self.known = value

    def set_up(self, link, name, password):
        """Becomes somebody by a set-up link; returns (secret, used code)."""
        path = "/setup/" + link.rsplit("/", 1)[1]
        secret = re.search(r"secret=([A-Z2-7]+)", self.get(path).text).group(1)
        used = code(secret)
        got = self.ask("POST", path, {"name": name, "password": password, "again": password, "code": used})
        assert got.status == 303 and got.to == "/", (got.status, got.text)
        self.keep(got)
        return secret, used

    def log_in(self, name, password, digits):
        """The answer of a log-in; its cookies are kept."""
        got = self.ask("POST", "/login", {"name": name, "password": password, "code": digits})
        self.keep(got)
        return got


def link(x):
    """The set-up link that the start printed."""
    return procs.poll("the set-up link", lambda: re.search(r"http://\S+/setup/[0-9a-z]+", x.output()), 10).group(0)
