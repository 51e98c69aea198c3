//! Every bound of the language in one place, each with its reason.
//! The loader uses the first group, the machine (`machine`) and the values (`text`) the others.

/// Longest line the loader reads, in bytes; real plans stay below 2,000 and a longer line is damage.
pub const LINE_BYTES: usize = 16_384;
/// Most lines of one program, included files counted; forty times the largest plan seen in the field.
pub const LINES: usize = 1_000_000;
/// How deep `#include` may nest; a file that includes itself stops here.
pub const INCLUDE_DEPTH: usize = 16;
/// Most files of one program.
pub const FILES: usize = 4_096;
/// Most findings the loader keeps; the owner repairs the first ones and loads again.
pub const FINDINGS: usize = 2_000;
/// Longest extension that can be dialled or jumped to (Asterisk: `AST_MAX_EXTENSION` 80 with the end byte).
pub const EXTENSION_CHARS: usize = 79;
/// Highest priority of an extension; `n` on this line is refused.
pub const PRIORITY: u32 = 1_000_000;
/// Extensions that one is compared with, to find out where a call falls: real contexts have some hundred.
pub const COMPARED: usize = 2_000;
/// Pairs of extensions that are compared, to find those that others hide; what is beyond is not looked at.
pub const COMPARISONS: usize = 400_000;
/// How deep `${…}`, `$[…]` and brackets may nest inside one line: recursion of parser and evaluator ends here.
pub const NESTING: usize = 32;
/// How deep contexts may include each other (Asterisk: `AST_PBX_MAX_STACK`).
pub const INCLUDE_CHAIN: usize = 128;

/// Steps of one call: a plan that loops without waiting ends here in well below a second.
pub const STEPS: u32 = 100_000;
/// How deep values and expressions may nest while they are worked out: keeps the stack of a call's task small.
pub const EVALUATION: usize = 200;
/// Most words and operators of one expression.
pub const TOKENS: usize = 256;
/// Longest value of a variable or an expanded argument, in bytes.
pub const VALUE_BYTES: usize = 8_192;
/// Most variables of one channel, all frames counted.
pub const VARIABLES: usize = 4_096;
/// Most bytes of names and values of one channel's variables, frames counted: a loop that fills them ends its call.
pub const VARIABLE_BYTES: usize = 1 << 20;
/// Most arguments a Gosub passes or an application takes.
pub const ARGUMENTS: usize = 64;
/// How deep Gosub may nest in one call.
pub const FRAMES: usize = 256;
/// Steps of one regular expression match; a match that costs more counts as "does not match".
pub const REGEX_STEPS: usize = 200_000;
/// Longest regular expression, in bytes.
pub const REGEX_BYTES: usize = 1_024;
