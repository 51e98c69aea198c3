//! Findings of the proof and of the exchange, which know more than the text: their examples are shown, and tried elsewhere.

super::codes! { TABLE_PROOF, Exchange;
MISSING_SOUND = "missing-sound", Warning, "safe",
    "A sound that the plan plays and nobody has",
    "Callers hear nothing there. Put the file into sounds/ in the home, or correct the name.",
    "[a]\nexten => 1,1,Playback(our-own-greting)\n",
    "[a]\nexten => 1,1,Playback(beep)\n";
PAID_FROM_OUTSIDE = "paid-from-outside", Error, "22",
    "A caller from outside can get to something that costs money",
    "The finding shows the way: entry, lines, keys. Close one line of it; `tollgate reach` shows what is left.",
    "[from-sip-external]\nexten => _9X.,1,Dial(PJSIP/${EXTEN:1}@itsp)\n",
    "[from-sip-external]\nexten => _9X.,1,Congestion()\n";
UNKNOWN_FROM_OUTSIDE = "unknown-from-outside", Warning, "22",
    "A caller from outside can get to something that the proof cannot see through",
    "Everything paid behind it stays closed at the gate. Write it so that the proof can follow it, or take it out of reach.",
    "[from-sip-external]\nexten => s,1,AGI(what-now)\n",
    "[from-sip-external]\nexten => s,1,Hangup()\n";
GUEST_CALLS = "guest-calls", Warning, "22",
    "Another exchange lets anybody in who sends an INVITE",
    "Guests are let in by sip.conf (`allowguest` is yes where nobody writes it) or by an endpoint `anonymous` in pjsip.conf. What their context reaches, strangers reach.",
    "; sip.conf\n[general]\ncontext=from-internal\n",
    "; sip.conf\n[general]\ncontext=from-internal\nallowguest=no\n";
NO_SECRET = "phone-without-secret", Error, "22",
    "A phone or trunk of another exchange that anybody can be",
    "Nothing is asked of whoever writes this name into From. What its context reaches, strangers reach.",
    "; sip.conf\n[204]\ntype=friend\nhost=dynamic\ncontext=from-internal\n",
    "; sip.conf\n[204]\ntype=friend\nhost=dynamic\nsecret=Vb3k-9sLw-2mQd-7xTe\ncontext=from-internal\n";
WEAK_SECRET = "weak-secret", Warning, "22",
    "A secret of a phone that scanners guess",
    "Scanners try the name itself, short words and short numbers first. Use a random secret of 16 characters or more.",
    "; sip.conf\n[204]\ntype=friend\nhost=dynamic\nsecret=204\n",
    "; sip.conf\n[204]\ntype=friend\nhost=dynamic\nsecret=Vb3k-9sLw-2mQd-7xTe\n";
WEAK_MAILBOX_PIN = "weak-mailbox-pin", Warning, "22",
    "A PIN of a mailbox that is tried first",
    "Empty, short, the mailbox's own number, one digit again and again, a row: these are tried first, and behind the PIN lies what the mailbox may do.",
    "; voicemail.conf\n[default]\n204 => 204,Reception\n",
    "; voicemail.conf\n[default]\n204 => 739482,Reception\n";
MAILBOX_DIALS_OUT = "mailbox-dials-out", Warning, "22",
    "A mailbox of another exchange that dials out or calls back",
    "Whoever guesses the PIN calls at the owner's cost: four digits last an hour. The report has an entry for it.",
    "; voicemail.conf\n[default]\n204 => 739482,Reception,,,dialout=outbound\n",
    "; voicemail.conf\n[default]\n204 => 739482,Reception\n";
NOT_READ = "not-read", Note, "22",
    "A file of another exchange, or a part of one, that is not read",
    "What it lets in or runs is not in the report: look at it yourself.",
    "; sip.conf\n#exec make-phones\n",
    "; sip.conf\n#include phones.conf\n";
ACCEPTED_BY_OWNER = "accepted-by-owner", Warning, "22",
    "A paid way that the owner accepted by name",
    "It stands open because `[policy] accept` names it; the reason is shown for as long as the line stands.",
    "; tollgate.toml\n[policy]\naccept = [{ finding = \"strangers reach trunk itsp\", reason = \"…\" }]\n",
    "; tollgate.toml\n[policy]\n";
ACCEPTED_FOR_NOTHING = "accepted-for-nothing", Note, "22",
    "An acceptance of something that is not open",
    "It hides nothing today and might hide something tomorrow. Take the line out.",
    "; tollgate.toml\n[policy]\naccept = [{ finding = \"strangers reach trunk gone\", reason = \"…\" }]\n",
    "; tollgate.toml\n[policy]\n";
}
