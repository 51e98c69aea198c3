//! Findings about applications, functions, variables and their arguments.

super::codes! { TABLE_NAMES, Loader;
APPLICATION = "unknown-application", Warning, "22",
    "Nobody knows this application",
    "A call that gets here ends, and the proof takes it for \"may do anything\".",
    "[a]\nexten => 1,1,Playbak(beep)\n",
    "[a]\nexten => 1,1,Playback(beep)\n";
GONE = "application-gone", Warning, "22",
    "An application that today's Asterisk does not have any more",
    "It drops the call there. In a file of dialect 1.2 it would run.",
    "[a]\nexten => 1,1,SetCIDNum(200)\n",
    "[a]\nexten => 1,1,Set(CALLERID(num)=200)\n";
NOT_RUN = "application-not-run", Warning, "22",
    "tollgate knows this application and does not run it",
    "A call that gets here ends; the proof knows what it may do.",
    "[a]\nexten => 1,1,AlarmReceiver()\n",
    "[a]\nexten => 1,1,Hangup()\n";
FUNCTION = "unknown-function", Warning, "22",
    "Nobody knows this function",
    "It gives the empty text.",
    "[a]\nexten => s,1,NoOp(${LENN(abc)})\n",
    "[a]\nexten => s,1,NoOp(${LEN(abc)})\n";
FUNCTION_NOT_RUN = "function-not-run", Warning, "22",
    "tollgate knows this function and does not carry it out",
    "It gives the empty text.",
    "[a]\nexten => s,1,NoOp(${FAXOPT(ecm)})\n",
    "[a]\nexten => s,1,NoOp(${EXTEN})\n";
FUNCTION_USE = "function-use", Warning, "22",
    "A function that cannot be read, or cannot be set",
    "Reading gives the empty text, setting does nothing.",
    "[a]\nexten => s,1,Set(LEN(abc)=1)\n",
    "[a]\nexten => s,1,Set(A=${LEN(abc)})\n";
EVAL = "eval", Warning, "22",
    "`EVAL` makes data into code",
    "Without compat late-arguments it gives its text as it is.",
    "[a]\nexten => s,1,Set(A=x)\nexten => s,2,NoOp(${EVAL(${A})})\n",
    "[a]\nexten => s,1,Set(A=x)\nexten => s,2,NoOp(${A})\n";
VARIABLE = "unknown-variable", Note, "22",
    "A variable that nothing in the plan sets",
    "It is always empty, unless something outside the plan sets it. Names mind their case since Asterisk 12.",
    "[a]\nexten => s,1,Set(GREETING=beep)\nexten => s,2,Playback(${GREETNG})\n",
    "[a]\nexten => s,1,Set(GREETING=beep)\nexten => s,2,Playback(${GREETING})\n";
OLD_VARIABLE = "old-variable", Warning, "22",
    "A variable that became a function",
    "`${CALLERIDNUM}` and its kin are always empty since 1.4: every caller counts as one without caller ID.",
    "[a]\nexten => s,1,NoOp(${CALLERIDNUM})\n",
    "[a]\nexten => s,1,NoOp(${CALLERID(num)})\n";
OPTION = "unknown-option", Warning, "22",
    "An option letter that the application does not have",
    "It does nothing, or the mistake is elsewhere in the line: a comma too few shifts the arguments.",
    "[a]\nexten => 1,1,Dial(PJSIP/204,20,rq)\n",
    "[a]\nexten => 1,1,Dial(PJSIP/204,20,r)\n";
OPTION_NOT_RUN = "option-not-run", Note, "22",
    "An option that tollgate does not carry out",
    "The line runs without it; what it may do is in the proof all the same.",
    "[a]\nexten => 1,1,Dial(PJSIP/204,20,O(1))\n",
    "[a]\nexten => 1,1,Dial(PJSIP/204,20)\n";
ARGUMENT = "missing-argument", Warning, "22",
    "An argument that must be there is missing",
    "The application has nothing to do its work on.",
    "[a]\nexten => 1,1,Playback()\n",
    "[a]\nexten => 1,1,Playback(beep)\n";
MANY_ARGUMENTS = "too-many-arguments", Warning, "22",
    "More arguments than the application takes",
    "The last ones are not looked at. Perhaps an argument with a comma needs quotes.",
    "[a]\nexten => 1,1,Wait(1,2)\n",
    "[a]\nexten => 1,1,Wait(1)\n";
BAD_ARGUMENT = "bad-argument", Warning, "22",
    "An argument that should be a number and is none",
    "It counts as not there.",
    "[a]\nexten => 1,1,Wait(two)\n",
    "[a]\nexten => 1,1,Wait(2)\n";
PIPE = "pipe-separator", Warning, "22",
    "`|` between arguments",
    "Since 1.6 it is an ordinary character: in `Dial(SIP/x|20|tr)` the whole text is the device, time and options are gone. Write commas, or say that the file is of dialect 1.2.",
    "[a]\nexten => 1,1,Dial(SIP/204|20|r)\n",
    "[a]\nexten => 1,1,Dial(SIP/204,20,r)\n";
SET = "set-without-value", Warning, "22",
    "`Set` without `=`",
    "It does nothing.",
    "[a]\nexten => 1,1,Set(FORWARD)\n",
    "[a]\nexten => 1,1,Set(FORWARD=1)\n";
TECHNOLOGY = "dial-technology", Warning, "22",
    "A kind of line that this exchange does not have",
    "Here are SIP (`PJSIP/`, `SIP/`) and extensions of the plan (`Local/`). A card or a gateway box is connected as a SIP trunk: add it with `tollgate trunk add` and dial `PJSIP/number@trunk`.",
    "[a]\nexten => _9.,1,Dial(DAHDI/1/${EXTEN:1})\n",
    "[a]\nexten => _9.,1,Dial(PJSIP/${EXTEN:1}@gateway)\n";
OLD_FORM = "old-form", Warning, "22",
    "Arguments in the form of an older Asterisk",
    "The application is still there and takes its arguments differently now: `VoiceMail(u204)` looks for a mailbox named u204, `ParkAndAnnounce` has its parts in another order.",
    "[a]\nexten => 1,1,VoiceMail(u204)\n",
    "[a]\nexten => 1,1,VoiceMail(204,u)\n";
DROPPED_TODAY = "dropped-today", Note, "1.2",
    "Asterisk of today would not carry this line out",
    "It runs here, by the rules of its dialect. If the plan is meant for a present Asterisk too: that one loads the line without a word, and the mistake shows on the first call.",
    "[a]\nexten => s,1,DigitTimeout,3\n",
    "[a]\nexten => s,1,Set(TIMEOUT(digit)=3)\n";
}
