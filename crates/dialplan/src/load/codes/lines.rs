//! Findings about extensions, priorities and how calls go from line to line.

super::codes! { TABLE_LINES, Loader;
EXTENSION = "bad-extension", Error, "22",
    "An extension that cannot be",
    "It is empty, longer than 79 characters, or a set in it is not closed. The line is not read.",
    "[a]\nexten => _[1-5X,1,Hangup()\n",
    "[a]\nexten => _[1-5]X,1,Hangup()\n";
UNDERSCORE = "pattern-without-underscore", Warning, "22",
    "An extension looks like a pattern and has no `_`",
    "`2XX` is the text 2XX, which no telephone can dial: callers who press 204 hear that it does not exist. Patterns begin with `_`.",
    "[a]\nexten => 2XX,1,Dial(PJSIP/${EXTEN},20)\n",
    "[a]\nexten => _2XX,1,Dial(PJSIP/${EXTEN},20)\n";
CATCH_ALL = "catch-all", Warning, "22",
    "`_.` and `_!` match everything",
    "Also `i`, `t` and `h`: the lines run again for a time-out and once more after the caller has hung up. `_X.` takes numbers only.",
    "[a]\nexten => _.,1,Answer()\n",
    "[a]\nexten => _X.,1,Answer()\n";
PRIORITY = "bad-priority", Error, "22",
    "A priority that is none",
    "It is no number, `n`, `s` or `hint`, or is below 1. The line is not read. 1.0 knows numbers only.",
    "[a]\nexten => 1,first,Answer()\n",
    "[a]\nexten => 1,1,Answer()\n";
FIRST_PRIORITY = "no-first-priority", Error, "22",
    "`n`, `s` or `same` with nothing before it to count from",
    "The line is not read.",
    "[a]\nexten => 1,n,Answer()\n",
    "[a]\nexten => 1,1,Answer()\n";
AFTER_HINT = "priority-after-hint", Warning, "22",
    "`n` after a hint",
    "It counts from the hint and gives 0: the line vanishes in silence.",
    "[a]\nexten => 204,hint,PJSIP/204\nexten => 204,n,Dial(PJSIP/204)\n",
    "[a]\nexten => 204,hint,PJSIP/204\nexten => 204,1,Dial(PJSIP/204)\n";
DUPLICATE = "duplicate-line", Warning, "22",
    "The same extension and priority twice",
    "The first line wins, wherever it stands; the second never runs. Often the number was not changed after copying.",
    "[a]\nexten => 1,1,Answer()\nexten => 1,1,Hangup()\n",
    "[a]\nexten => 1,1,Answer()\nexten => 1,2,Hangup()\n";
DUPLICATE_LABEL = "duplicate-label", Warning, "22",
    "The same label twice in an extension",
    "A jump to it goes to the first one.",
    "[a]\nexten => 1,1(again),Answer()\nexten => 1,n(again),Playback(beep)\nexten => 1,n,Goto(again)\n",
    "[a]\nexten => 1,1(again),Answer()\nexten => 1,n(beep),Playback(beep)\nexten => 1,n,Goto(again)\n";
NO_APPLICATION = "no-application", Error, "22",
    "A line without application",
    "It is not read.",
    "[a]\nexten => 1,1\n",
    "[a]\nexten => 1,1,Hangup()\n";
BRACKET = "application-bracket", Warning, "22",
    "The bracket of an application is not closed, or something follows it",
    "Asterisk takes everything up to the last bracket for arguments and drops the rest.",
    "[a]\nexten => 1,1,Dial(PJSIP/204\n",
    "[a]\nexten => 1,1,Dial(PJSIP/204)\n";
VALUE = "bad-value", Warning, "22",
    "`${` or `$[` without its end, or nested too deeply",
    "What follows becomes a part of the name, and the value is empty.",
    "[a]\nexten => _2XX,1,Dial(PJSIP/${EXTEN)\n",
    "[a]\nexten => _2XX,1,Dial(PJSIP/${EXTEN})\n";
EXPRESSION = "bad-expression", Warning, "22",
    "An expression that does not parse",
    "It is always empty, which is false (in plans before 1.6: 0, or what was complete before the mistake).",
    "[a]\nexten => s,1,GotoIf($[1 +]?s,1)\n",
    "[a]\nexten => s,1,GotoIf($[1 + 1]?s,1)\n";
FUNCTION_FROM_DATA = "function-from-data", Warning, "22",
    "A value would choose which function runs",
    "Data must not become code: it gives the empty text here. Write the functions out and choose among them with GotoIf.",
    "[a]\nexten => s,1,Set(WHICH=LEN)\nexten => s,2,NoOp(${${WHICH}(abc)})\n",
    "[a]\nexten => s,1,NoOp(${LEN(abc)})\n";
UNREACHABLE = "unreachable-priority", Warning, "22",
    "A priority that no call gets to",
    "The line before it ends the call or goes elsewhere, or its number leaves a gap, and no jump leads here. It never runs.",
    "[a]\nexten => s,1,Answer()\nexten => s,3,Hangup()\n",
    "[a]\nexten => s,1,Answer()\nexten => s,2,Hangup()\n";
DEAD_101 = "jump-101-dead", Warning, "22",
    "A line at the priority + 101 of a line that does not jump there",
    "Asterisk 1.0 and 1.2 went on there when Dial found the line busy; 1.4 does so by `priorityjumping=yes` only, later ones never. Test `${DIALSTATUS}` instead.",
    "[a]\nexten => 1,1,Dial(PJSIP/204,20)\nexten => 1,2,Hangup()\nexten => 1,102,Busy()\n",
    "[a]\nexten => 1,1,Dial(PJSIP/204,20)\nexten => 1,2,GotoIf($[\"${DIALSTATUS}\" = \"BUSY\"]?4)\nexten => 1,3,Hangup()\nexten => 1,4,Busy()\n";
SHADOWED = "shadowed-extension", Warning, "22",
    "An extension that another one always beats",
    "Everything it matches is matched by an extension that is tried before it, so it never runs.",
    "[a]\nexten => _1!,1,Hangup()\nexten => _1,1,Busy()\n",
    "[a]\nexten => _1X!,1,Hangup()\nexten => _1,1,Busy()\n";
ORDER = "pattern-order", Warning, "1.2",
    "A wide pattern beats a narrow one",
    "Asterisk 1.0 and 1.2 try patterns in the order of their text, not the best one first: `_X.` comes before `_XXX`, so `_XXX` never runs. Move the wide one into a context of its own and include it: own extensions come before included ones.",
    "[a]\nexten => _XXX,1,Busy\nexten => _X.,1,Hangup\n",
    "[a]\nexten => _XXX,1,Busy\ninclude => wide\n[wide]\nexten => _X.,1,Hangup\n";
INCLUDE_SHADOWED = "include-shadowed", Warning, "22",
    "A context's own pattern beats what it includes",
    "Own extensions come before included ones, however wide they are: what the include has for these numbers, emergency numbers perhaps, never runs.",
    "[a]\nexten => _9.,1,Busy()\ninclude => emergency\n[emergency]\nexten => 911,1,Hangup()\n",
    "[a]\ninclude => emergency\ninclude => rest\n[emergency]\nexten => 911,1,Hangup()\n[rest]\nexten => _9.,1,Busy()\n";
FALL_THROUGH = "priority-fall-through", Warning, "22",
    "A call falls out of its extension into another one that matches",
    "Where the extension has no next priority, Asterisk looks for it in every other extension that matches, includes too. A short extension may so go on in the middle of a pattern that dials out. End it with Hangup.",
    "[a]\nexten => 100,1,Answer()\nexten => _X.,1,NoOp()\nexten => _X.,2,Dial(PJSIP/${EXTEN}@trunk)\n",
    "[a]\nexten => 100,1,Answer()\nexten => 100,2,Hangup()\nexten => _X.,1,NoOp()\nexten => _X.,2,Dial(PJSIP/${EXTEN}@trunk)\n";
JUMP = "jump-to-nowhere", Warning, "22",
    "A jump to a context, extension, priority or label that does not exist",
    "The call ends there without a word, or goes to `i`. In plans before 1.4 it waits for digits instead, then goes to `t`: the article's `Goto(s,16)` works by that accident.",
    "[a]\nexten => i,1,Goto(s,16)\nexten => s,1,Hangup()\n",
    "[a]\nexten => i,1,Goto(s,1)\nexten => s,1,Hangup()\n";
INCLUDE = "include-nothing", Warning, "22",
    "An included context that does not exist",
    "Nothing of it can be dialled.",
    "[a]\nexten => 1,1,Hangup()\ninclude => featuers\n[features]\nexten => 2,1,Hangup()\n",
    "[a]\nexten => 1,1,Hangup()\ninclude => features\n[features]\nexten => 2,1,Hangup()\n";
TIME = "bad-time", Warning, "22",
    "A time condition that cannot be read",
    "It is never true, so what it opens stays closed.",
    "[a]\ninclude => b,9:00-25:00,mon-fri,*,*\n[b]\nexten => 1,1,Hangup()\n",
    "[a]\ninclude => b,9:00-17:00,mon-fri,*,*\n[b]\nexten => 1,1,Hangup()\n";
ZONE = "time-zone", Warning, "22",
    "A time zone in a time condition",
    "It is not looked at: the exchange has one time zone, `[system] timezone`.",
    "[a]\ninclude => b,9:00-17:00,mon-fri,*,*,Europe/Berlin\n[b]\nexten => 1,1,Hangup()\n",
    "[a]\ninclude => b,9:00-17:00,mon-fri,*,*\n[b]\nexten => 1,1,Hangup()\n";
SWITCH = "switch-not-run", Warning, "22",
    "`switch` looks extensions up on another machine",
    "It is not asked here, and the proof takes it for anything.",
    "[a]\nexten => 1,1,Hangup()\nswitch => IAX2/office\n",
    "[a]\nexten => 1,1,Hangup()\n";
}
