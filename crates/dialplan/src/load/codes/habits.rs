//! Findings about habits that cost money or give secrets away.

super::codes! { TABLE_HABITS, Loader;
SECRET = "secret-in-plan", Warning, "22",
    "A PIN or password stands in the plan",
    "Whoever sees the file, a backup or a question in a forum knows it, and Asterisk writes some of them into the call log. Keep PINs with `tollgate`, where they are hashed and guesses are counted.",
    "[a]\nexten => 4,1,Authenticate(1234588)\n",
    "[a]\nexten => 4,1,Authenticate(${OFFICE_CODE})\n[globals]\nOFFICE_CODE=\n";
CALLER_LOCK = "caller-id-as-lock", Warning, "22",
    "Caller ID is used as a lock",
    "Whoever calls says himself what his number is: anybody can come with the number that opens this. Ask for a PIN, or let the call come in over a registered phone or a trunk of its own.",
    "[a]\nexten => s,1,GotoIf($[\"${CALLERID(num)}\" = \"2025550100\"]?s,3)\nexten => s,2,Hangup()\nexten => s,3,Busy()\n",
    "[a]\nexten => s,1,GotoIf($[\"${CALLERID(num)}\" = \"\"]?s,3)\nexten => s,2,Hangup()\nexten => s,3,Busy()\n";
PROGRAM = "runs-program", Warning, "22",
    "The plan runs a program of the machine",
    "What callers send must never get into a command line. System, TrySystem, ExternalIVR, SHELL and #exec stay closed here.",
    "[a]\nexten => 1,1,System(touch /tmp/called)\n",
    "[a]\nexten => 1,1,NoOp(called)\n";
}
