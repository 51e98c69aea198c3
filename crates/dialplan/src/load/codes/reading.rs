//! Findings about files as a whole: dialects, comments, damage of copying and pasting.

super::codes! { TABLE_READING, Loader;
DIALECT = "dialect-chosen", Note, "auto",
    "The dialect of a file was found out from what it holds",
    "Each version of Asterisk reads plans by rules of its own. With `dialect = \"auto\"` each file is looked at: this one has something that only an older version wrote, and the finding says which line told. Write the dialect down if you agree.",
    "[menu]\nexten => s,1,DigitTimeout,3\n",
    "; tollgate: dialect 1.2\n[menu]\nexten => s,1,Hangup\n";
MIXED = "mixed-dialects", Note, "22",
    "A context is opened again in a file of another dialect",
    "Lines run by the rules of their own file, but extensions are matched by the rules of the file that opened the context first. Give the second file's lines a context of their own and include it.",
    "[a]\nexten => 1,1,Answer()\n; tollgate: dialect 1.2\n[a]\nexten => 2,1,Answer\n",
    "[a]\nexten => 1,1,Answer()\ninclude => b\n; tollgate: dialect 1.2\n[b]\nexten => 2,1,Answer\n";
COMPAT_FALL = "compat-fall-through", Warning, "safe fall-through",
    "The plan is read with compat fall-through",
    "Each priority is looked for anew in all extensions that match: a call may leave the line it dialled and go on in a pattern that dials out. Remove the flag once no extension lacks a priority.",
    "[a]\nexten => 1,1,Hangup()\n",
    "; tollgate: dialect safe\n[a]\nexten => 1,1,Hangup()\n";
COMPAT_LATE = "compat-late-arguments", Warning, "22 late-arguments",
    "The plan is read with compat late-arguments",
    "Arguments are separated after values were put in, so a caller whose name holds a comma writes arguments of his own: destinations and options of Dial among them (AST-2010-002). Remove the flag and write each argument out.",
    "[a]\nexten => 1,1,Hangup()\n",
    "; tollgate: dialect 22\n[a]\nexten => 1,1,Hangup()\n";
COMPAT_TEXTUAL = "compat-textual-expressions", Warning, "22 textual-expressions",
    "The plan is read with compat textual-expressions",
    "Values are put into $[…] as text, so data becomes operators: a quote in the dialled number makes a failed comparison true. Remove the flag; comparisons then see each value as one piece.",
    "[a]\nexten => 1,1,Hangup()\n",
    "; tollgate: dialect 22\n[a]\nexten => 1,1,Hangup()\n";
DIRECTIVE = "tollgate-comment", Warning, "22",
    "A comment speaks to tollgate and means nothing",
    "Two such comments exist: `; tollgate: allow CODE reason` and `; tollgate: dialect NAME`. An allow without a reason, or for a finding that does not exist, accepts nothing.",
    "[a]\n; tollgate: allow catch-all\nexten => _.,1,Hangup()\n",
    "[a]\n; tollgate: allow catch-all everybody is greeted, whatever he dials\nexten => _.,1,Hangup()\n";
UNUSED_ALLOW = "unused-allow", Note, "22",
    "A `tollgate: allow` accepts nothing",
    "Nothing on that line is found any more, or it is an error, which cannot be accepted. Remove the comment.",
    "[a]\n; tollgate: allow catch-all we answer everything\nexten => 1,1,Hangup()\n",
    "[a]\nexten => 1,1,Hangup()\n";
TOO_MANY = "too-many-findings", Error, "22",
    "There are more findings than are kept",
    "Repair the first ones and look again; very often all of them have one cause, such as the wrong dialect.",
    "[a]\n⋮\n",
    "[a]\nexten => 1,1,Hangup()\n";
TOO_LARGE = "too-large", Error, "22",
    "The plan is larger than a plan may be",
    "A line of more than 16,384 bytes, a million lines, 4,096 files, or files that include each other 16 deep: that is damage, not a plan. What is beyond is not read.",
    "[a]\nexten => 1,1,NoOp(…)\n",
    "[a]\nexten => 1,1,NoOp()\n";
INCLUDE_FILE = "include-file", Error, "22",
    "An included file cannot be read",
    "The part of the plan in it is missing. `#tryinclude` says that it may be missing.",
    "#include \"extensions_custom.conf\"\n[a]\nexten => 1,1,Hangup()\n",
    "#tryinclude \"extensions_custom.conf\"\n[a]\nexten => 1,1,Hangup()\n";
EXEC = "exec-not-run", Warning, "22",
    "`#exec` would run a program to make a part of the plan",
    "It is never run, and the proof takes what it would have made for anything. Write what it makes into a file and `#include` that.",
    "#exec /usr/local/bin/make-extensions\n[a]\nexten => 1,1,Hangup()\n",
    "; made by make-extensions once a day\n[a]\nexten => 1,1,Hangup()\n";
SYNTAX = "syntax", Error, "22",
    "A line is neither a section, a setting nor a directive",
    "It is not read: what it should do never happens. Most often the arrow is missing.",
    "[a]\nexten 1,1,Hangup()\n",
    "[a]\nexten => 1,1,Hangup()\n";
ARROW = "arrow", Error, "22",
    "The arrow is not written `=>`",
    "The line is not read. Web pages and word processors turn `=>` into `->` or into one character.",
    "[a]\nexten -> 1,1,Hangup()\n",
    "[a]\nexten => 1,1,Hangup()\n";
NO_CONTEXT = "no-context", Error, "22",
    "A line stands before the first [context]",
    "It belongs to nobody and is not read: the header was lost when the text was pasted. The article's plan is printed that way, with the context's name in the words above it.",
    "exten => s,1,Answer()\n",
    "[from-external-custom]\nexten => s,1,Answer()\n";
KEYWORD = "unknown-keyword", Error, "22",
    "A word before `=>` that means nothing in a context",
    "The line is not read. `same =>` means nothing in plans of Asterisk before 1.6.2.",
    "[a]\nextn => 1,1,Hangup()\n",
    "[a]\nexten => 1,1,Hangup()\n";
TEMPLATE = "unknown-template", Error, "22",
    "A template or an earlier section that does not exist",
    "`[a](b)` takes over what stands in [b], `[a](+)` adds to an earlier [a]; there is none before this line.",
    "[a](office)\nexten => 1,1,Hangup()\n",
    "[office](!)\nexten => 2,1,Hangup()\n[a](office)\nexten => 1,1,Hangup()\n";
COMMENT = "comment-not-closed", Warning, "22",
    "A comment `;--` never ends",
    "All that follows is comment, so the rest of the file is not read. A line of dashes begins with `;---`.",
    "[a]\nexten => 1,1,Hangup()\n;-- old things\nexten => 2,1,Hangup()\n",
    "[a]\nexten => 1,1,Hangup()\n;--- old things\nexten => 2,1,Hangup()\n";
TYPOGRAPHIC = "typographic-characters", Warning, "22",
    "A quotation mark or dash of a word processor",
    "“ ” ‘ ’ and – are no quotes and no dashes for Asterisk: a comparison with them is never true. Web pages make them of the plain ones. `tollgate check --fix` puts the plain ones back.",
    "[a]\nexten => s,1,GotoIf($[“${CALLERID(name)}” = “”]?s,3)\nexten => s,2,Hangup()\nexten => s,3,Busy()\n",
    "[a]\nexten => s,1,GotoIf($[\"${CALLERID(name)}\" = \"\"]?s,3)\nexten => s,2,Hangup()\nexten => s,3,Busy()\n";
SPACE = "odd-space", Warning, "22",
    "A space that is none",
    "It came from a web page. It is read as a space here; Asterisk makes it a part of the word beside it.",
    "[a]\nexten => 1,1,\u{a0}Hangup()\n",
    "[a]\nexten => 1,1,Hangup()\n";
ENTITY = "html-entity", Warning, "22",
    "A character as web pages spell it: &gt; &quot; &amp;",
    "The text was copied out of the source of a web page. It is read as the character it stands for; Asterisk takes its semicolon for the beginning of a comment and loses the line.",
    "[a]\nexten =&gt; 1,1,Hangup()\n",
    "[a]\nexten => 1,1,Hangup()\n";
BOM = "byte-order-mark", Note, "22",
    "The file begins with a byte order mark",
    "An editor on Windows put it there. It is skipped here; Asterisk does not know the first line then, which is a lost header more often than not.",
    "\u{feff}[a]\nexten => 1,1,Hangup()\n",
    "[a]\nexten => 1,1,Hangup()\n";
GENERAL = "general-setting", Note, "22",
    "A setting of [general] that does not matter here",
    "Either nobody knows it, or it changes the order in which extensions are tried in a way that is not carried out.",
    "[general]\nautofalltrough=yes\n[a]\nexten => 1,1,Hangup()\n",
    "[general]\nautofallthrough=yes\n[a]\nexten => 1,1,Hangup()\n";
}
