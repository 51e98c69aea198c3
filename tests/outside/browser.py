"""A real browser: Debian's chromium without a screen, driven over a pipe by the DevTools protocol. Each Browser has a profile of its
own. Next: portal.py."""
import base64
import json
import os
import select
import shutil
import time

import procs


class Browser:
    """One window. Fails a test that leaves an error of a script, or of the policy for contents, on any page."""

    def __init__(self, width=1280, height=800, dark=False):
        self.home, self.n, self.buffer, self.troubles = procs.tempdir("chromium"), 0, b"", []
        down, up = os.pipe(), os.pipe()
        # chromium reads 3 and writes 4.
        script = "exec chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions " \
                 "--disable-background-networking --disable-component-update --disable-sync --no-pings --autoplay-policy=no-user-gesture-required " \
                 "--user-data-dir=%s --remote-debugging-pipe about:blank 3<&%d 4>&%d" % (self.home, down[0], up[1])
        self.proc = procs.spawn(["bash", "-c", script], os.path.join(self.home, "log"), pass_fds=(down[0], up[1]))
        os.close(down[0])
        os.close(up[1])
        self.out, self.inp = down[1], up[0]
        targets = procs.poll("chromium", lambda: [t for t in self.send("Target.getTargets")["targetInfos"] if t["type"] == "page"], 30)
        self.session = None
        self.session = self.send("Target.attachToTarget", targetId=targets[0]["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(domain + ".enable")
        self.size(width, height, dark)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        procs.stop(self.proc)
        os.close(self.out)
        os.close(self.inp)
        shutil.rmtree(self.home, ignore_errors=True)
        if exc[0] is None:
            assert not self.troubles, self.troubles

    def send(self, method, **params):
        """One command, and its result."""
        self.n += 1
        message = {"id": self.n, "method": method, "params": params}
        if getattr(self, "session", None):
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 30
        while True:
            got = self._next(end)
            if got.get("id") == message["id"]:
                if "error" in got:
                    raise AssertionError("%s: %s" % (method, got["error"]))
                return got["result"]

    def _next(self, end):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.inp], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise TimeoutError("chromium does not answer")
            data = os.read(self.inp, 1 << 20)
            if not data:
                raise AssertionError("chromium is gone")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\0", 1)
        got = json.loads(line)
        if got.get("method") == "Runtime.exceptionThrown":
            self.troubles.append(got["params"]["exceptionDetails"].get("text", "") + str(got["params"]["exceptionDetails"].get("exception", {}).get("description", "")))
        if got.get("method") == "Log.entryAdded" and got["params"]["entry"]["level"] == "error" and got["params"]["entry"]["source"] != "network":
            self.troubles.append(got["params"]["entry"]["text"])
        return got

    def size(self, width, height, dark=False):
        """Window and theme."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def js(self, code):
        """The value of an expression on the page; a promise is waited for."""
        got = self.send("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in got:
            raise AssertionError("%s: %s" % (code, got["exceptionDetails"].get("exception", {}).get("description")))
        return got["result"].get("value")

    def wait(self, what, code, timeout=15):
        """Until an expression is true; a page that is just being left does not count."""
        def true():
            try:
                return self.js(code)
            except AssertionError:
                return None
        return procs.poll("%s; the page says %r" % (what, self.text()[:400]), true, timeout, 0.05)

    def goto(self, url):
        """Loads a page; returns the status of its answer."""
        self.send("Page.navigate", url=url)
        self.loaded()
        return self.js("performance.getEntriesByType('navigation')[0].responseStatus")

    def loaded(self):
        """Until the page that is asked for is there."""
        end = time.monotonic() + 15
        while time.monotonic() < end:
            try:
                if self.js("document.readyState === 'complete' && location.href !== 'about:blank' && !window.__left"):
                    return
            except AssertionError:
                pass
            time.sleep(0.03)
        raise TimeoutError("the page was not loaded")

    def text(self):
        """What a person reads."""
        return self.js("document.body ? document.body.innerText : ''") or ""

    def fill(self, selector, value):
        """Types into a field."""
        done = self.js("(() => { const e = document.querySelector(%s); if (!e) return false; e.focus(); if (e.type === 'checkbox') e.checked = %s; else e.value = %s;"
                       " e.dispatchEvent(new Event('input', {bubbles: true})); return true; })()" % (json.dumps(selector), json.dumps(bool(value)), json.dumps(value)))
        assert done, "no field %s on %s" % (selector, self.text()[:300])

    def press(self, selector):
        """Presses a button that loads a page, and waits for the page."""
        self.press_js("document.querySelector(%s)" % json.dumps(selector))

    def press_js(self, element):
        """The same with an expression for the button."""
        done = self.js("(() => { const e = %s; if (!e) return false; window.__left = true; e.click(); return true; })()" % element)
        assert done, "no %s on %s" % (element, self.text()[:300])
        self.loaded()

    def picture(self, path, whole=True):
        """The page as a PNG."""
        more = {}
        if whole:
            size = self.send("Page.getLayoutMetrics")["cssContentSize"]
            more = {"captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 4000), "scale": 1}}
        data = self.send("Page.captureScreenshot", format="png", **more)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))
