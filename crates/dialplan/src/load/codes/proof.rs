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
}
