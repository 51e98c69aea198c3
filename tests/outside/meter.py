"""The money meter: a paid trunk that counts the INVITEs it gets and answers with a tone. Next: exchange.py."""
import threading

from message import uri_of
from rawphone import RawPhone
from sound import sine

TONE = 620


class Meter(RawPhone):
    """A provider's gateway at an address. `seen` holds one (number, INVITE) for each call that would cost money.

    mode: "answer" (200 and a tone of 620 Hz), "ring" (180 only), "early" (183 with the tone, answered after 2 s),
    or a status code to refuse with."""

    def __init__(self, ip=None, mode="answer", **kw):
        super().__init__("meter", exchange=("127.0.0.1", 9), ip=ip, **kw)
        self.seen, self.taken, self.mode = [], [], mode
        self._tone = sine(TONE, 30)

    def on_call(self, call):
        """Count it, then behave as `mode` says."""
        invite = call.invite
        self.seen.append((uri_of(invite.start.split(" ")[1]).split("sip:")[-1].split("@")[0], invite))
        self.taken.append(call)
        threading.Thread(target=self._serve_call, args=(call,), daemon=True).start()

    def _serve_call(self, call):
        try:
            if isinstance(self.mode, int):
                call.refuse(self.mode, "Refused")
            elif self.mode == "ring":
                call.ring()
            elif self.mode == "early":
                call.ring(183, "Session Progress", call.sdp())
                call.play(self._tone[:16000])
                call.answer()
                call.play(self._tone)
            else:
                call.answer()
                call.play(self._tone)
        except (TimeoutError, OSError):
            pass

    def numbers(self):
        """The numbers that were called."""
        return [n for n, _ in self.seen]
