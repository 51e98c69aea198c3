//! The findings of the loader: what each one sees, why it matters, an example and its repair.

/// `dialect = auto` found out that a file is of an older time; the finding says by which line.
pub const DIALECT: &str = "dialect-chosen";
/// A context is opened again in a file of another dialect: its extensions are matched by the rules of the first.
pub const MIXED: &str = "mixed-dialects";
/// The owner asked for fall-through: a call may go on in another extension.
pub const COMPAT_FALL: &str = "compat-fall-through";
/// The owner asked for late-arguments: data that holds separators writes its own arguments.
pub const COMPAT_LATE: &str = "compat-late-arguments";
/// The owner asked for textual-expressions: data may become operators.
pub const COMPAT_TEXTUAL: &str = "compat-textual-expressions";
/// A comment that begins with `tollgate:` and means nothing.
pub const DIRECTIVE: &str = "tollgate-comment";
/// A `tollgate: allow` that accepts nothing.
pub const UNUSED_ALLOW: &str = "unused-allow";
/// More findings than are kept; repair the first ones and load again.
pub const TOO_MANY: &str = "too-many-findings";
/// The plan is larger than a plan may be: lines, files, depth of includes, length of a line.
pub const TOO_LARGE: &str = "too-large";
/// An included file cannot be read. `#tryinclude` says nothing.
pub const INCLUDE_FILE: &str = "include-file";
/// `#exec` would run a program to make a part of the plan. It is never run; the proof takes what it would have made for
/// anything. Write what it makes into a file and `#include` that.
pub const EXEC: &str = "exec-not-run";
/// A line that is neither a section, a setting nor a directive: `exten 1,1,Answer()`. Repair: `exten => 1,1,Answer()`.
pub const SYNTAX: &str = "syntax";
/// `exten -> 1,1,…`: the arrow is `=>`. The line is not loaded.
pub const ARROW: &str = "arrow";
/// A line stands before the first `[context]`: the header was lost when the text was pasted.
pub const NO_CONTEXT: &str = "no-context";
/// A word before `=>` that means nothing in a context.
pub const KEYWORD: &str = "unknown-keyword";
/// A template or an earlier section that does not exist: `[a](nobody)`, `[a](+)`.
pub const TEMPLATE: &str = "unknown-template";
/// A comment `;--` that never ends hides the rest of the file.
pub const COMMENT: &str = "comment-not-closed";
/// “ ” ‘ ’ or – from a word processor: they are no quotes and no dashes here.
pub const TYPOGRAPHIC: &str = "typographic-characters";
/// A space that is none (from a web page); it is read as a space.
pub const SPACE: &str = "odd-space";
/// An extension that cannot be: empty, too long, or with a set that is not closed.
pub const EXTENSION: &str = "bad-extension";
/// `2XX` without `_` is the text `2XX`, which no telephone can dial. Repair: `_2XX`.
pub const UNDERSCORE: &str = "pattern-without-underscore";
/// `_.` and `_!` match everything, also `i`, `t` and `h`. Repair: `_X.`.
pub const CATCH_ALL: &str = "catch-all";
/// A priority that is no number, `n`, `s` or `hint`, or is below 1.
pub const PRIORITY: &str = "bad-priority";
/// `n` or `s` before any number in the section, or `same` before any `exten`.
pub const FIRST_PRIORITY: &str = "no-first-priority";
/// `n` after `hint` counts from there, gives 0, and the line would vanish in silence.
pub const AFTER_HINT: &str = "priority-after-hint";
/// The same extension and priority twice: the first wins.
pub const DUPLICATE: &str = "duplicate-line";
/// The same label twice in an extension: the first wins.
pub const DUPLICATE_LABEL: &str = "duplicate-label";
/// A line without application.
pub const NO_APPLICATION: &str = "no-application";
/// `App(args` without the closing bracket, or something after it.
pub const BRACKET: &str = "application-bracket";
/// `${` or `$[` without its end, or nested too deeply.
pub const VALUE: &str = "bad-value";
/// An expression that does not parse is empty, which is false.
pub const EXPRESSION: &str = "bad-expression";
/// A function whose name comes out of a value: data would choose what runs. It gives the empty text.
pub const FUNCTION_FROM_DATA: &str = "function-from-data";
/// Nobody knows this application; a call that gets there ends, and the proof takes it for "may do anything".
pub const APPLICATION: &str = "unknown-application";
/// An application that today's Asterisk does not have any more: the call is dropped there.
pub const GONE: &str = "application-gone";
/// tollgate knows it and does not run it: a call that gets there ends.
pub const NOT_RUN: &str = "application-not-run";
/// Nobody knows this function; it gives the empty text.
pub const FUNCTION: &str = "unknown-function";
/// tollgate knows it and does not carry it out: it gives the empty text.
pub const FUNCTION_NOT_RUN: &str = "function-not-run";
/// A function that cannot be read or written here.
pub const FUNCTION_USE: &str = "function-use";
/// `EVAL` makes data into code. Without compat late-arguments it gives its text as it is.
pub const EVAL: &str = "eval";
/// An option letter that the application does not have.
pub const OPTION: &str = "unknown-option";
/// An option that tollgate does not carry out.
pub const OPTION_NOT_RUN: &str = "option-not-run";
/// An argument that must be there is missing.
pub const ARGUMENT: &str = "missing-argument";
/// `|` between arguments: since 1.6 it is an ordinary character. Repair: a comma.
pub const PIPE: &str = "pipe-separator";
/// `${CALLERIDNUM}` and its kin are gone and always empty. Repair: `${CALLERID(num)}`.
pub const OLD_VARIABLE: &str = "old-variable";
/// A jump to a context, extension, priority or label that does not exist: the call ends there or goes to `i`.
pub const JUMP: &str = "jump-to-nowhere";
/// An included context that does not exist.
pub const INCLUDE: &str = "include-nothing";
/// A time condition that cannot be read is never true.
pub const TIME: &str = "bad-time";
/// A time zone in a time condition: the exchange has one time zone, `[system] timezone`.
pub const ZONE: &str = "time-zone";
/// `switch` looks extensions up on another machine; it is not asked, and the proof takes it for anything.
pub const SWITCH: &str = "switch-not-run";
/// A setting of `[general]` that does not matter here.
pub const GENERAL: &str = "general-setting";
/// `Set` without `=`.
pub const SET: &str = "set-without-value";

/// Whether there is a finding of this name.
pub fn is_known(code: &str) -> bool {
    !code.is_empty()
}
