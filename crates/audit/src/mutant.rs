//! Mistakes that the prover could have, one per rule of the language. A test-only feature switches them on one at a time,
//! and `tests/mutants.rs` shows that each is caught by the random plans or by the checker. Without the feature nothing of
//! this is left in the program.

macro_rules! mutants {
    ($($name:ident: $what:literal,)*) => {
        /// A rule that is left out.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, dead_code, unreachable_pub)]
        pub enum Mutant { $($name,)* }

        #[cfg(feature = "mutants")]
        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Mutant] = &[$(Mutant::$name,)*];

            /// The mistake, in words.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self { $(Mutant::$name => $what,)* }
            }
        }
    };
}

mutants! {
    DashIgnored: "patterns are matched without minding that dashes do not count (S1)",
    DashKept: "the safe dialect is thought to keep dashes in EXTEN",
    PatternText: "dialled texts of patterns are forgotten (S2)",
    FirstMatchOnly: "a call is thought to stay in its extension under fall-through (S3)",
    UncertainWins: "an extension behind a time condition is thought to win always (S5)",
    CallerWins: "an extension with a caller-ID part is thought to win always",
    OrderIgnored: "the pattern that is written first is thought to win (S4)",
    NoIncludes: "includes are forgotten (S5)",
    NoDeepIncludes: "includes of includes are forgotten",
    NoTimedIncludes: "includes with a time condition are forgotten",
    NoInvalid: "the extension i is forgotten (S6)",
    NoTimeout: "the extension t is forgotten",
    NoHangup: "the extension h is forgotten",
    NoAbsolute: "the extension T is forgotten",
    NoError: "the extension e is forgotten",
    NoFallOut: "a call without autofallthrough is thought to end (S11)",
    KeysOne: "only one key is thought to be dialled",
    NoKeyLetters: "the keys * and # are forgotten",
    BackgroundDeaf: "keys while a sound plays are forgotten (S7)",
    BackgroundContext: "Background's fourth argument is forgotten",
    GotoIfYes: "GotoIf is thought to go to its first label only",
    GotoIfNext: "GotoIf with one label is thought never to go on",
    TimeNever: "GotoIfTime is thought never to be true",
    ExecIfNo: "the application inside ExecIf is forgotten",
    EmptyLabel: "an empty extension in a label is thought to lead nowhere in 22 (S13)",
    RelativeLabel: "+n and -n are read as n",
    LabelElsewhere: "labels of other matching extensions are forgotten",
    GosubStays: "Gosub is thought never to be left by Return",
    ReturnNoArgs: "arguments of a Gosub are forgotten",
    ReturnValue: "the value of Return is forgotten",
    LocalForgotten: "what Return brings back of hidden variables is forgotten",
    StackPopStays: "StackPop is thought to keep the frame",
    LoopOnce: "a loop is thought to run once",
    LoopExit: "a loop is thought never to be left",
    JoinKeepsFirst: "where ways meet, the first value wins",
    JoinForgetsUnset: "where ways meet, a variable that one of them never set is thought set",
    AliasSurvives: "a copy is thought to stay one when its source changes",
    RefineNumbers: "numbers are compared as texts",
    RefineOther: "what is no longer true is cut off on both sides of GotoIf",
    FilterTrusted: "comparing with FILTER is trusted though the comparison is one of numbers",
    SliceEnd: "a negative offset is read as one from the beginning",
    SliceLength: "a negative length of a slice is ignored",
    FilterNothing: "FILTER is thought to take nothing away, yet to let only its characters through",
    GlobalsConstant: "global variables are thought never to be written",
    InheritedForgotten: "variables of the channel that made a Local one are forgotten",
    SetInsideValue: "functions that write variables while they are read are forgotten",
    ReadEmpty: "Read is thought never to be left empty",
    WritesForgotten: "variables that an application writes are forgotten",
    InvalidExten: "INVALID_EXTEN is thought to be empty",
    LateArguments: "separators in data are forgotten under late-arguments (S9)",
    TextualOperators: "operators in data are forgotten under textual-expressions (S10)",
    SecondDestination: "only the first destination of Dial is seen",
    LocalForgets: "Local destinations are forgotten",
    DataDestination: "a slash or an at-sign that data brings into a destination is forgotten",
    TrunkAsPhone: "a trunk that is dialled like a phone is forgotten",
    ClassOfFirst: "only the shortest number of a language is classified",
    VoicemailExits: "0 and * in the voicemail are forgotten",
    DirectoryContext: "the context where the directory dials is forgotten",
    DisaContext: "the context behind DISA is forgotten",
    WidenForgets: "widening keeps what was known before only",
}

#[cfg(feature = "mutants")]
thread_local! {
    static NOW: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Runs something with a mistake in the prover.
#[cfg(feature = "mutants")]
pub fn with<T>(mutant: Mutant, work: impl FnOnce() -> T) -> T {
    NOW.set(Some(mutant));
    let done = work();
    NOW.set(None);
    done
}

#[cfg(feature = "mutants")]
pub(crate) fn on(mutant: Mutant) -> bool {
    NOW.get() == Some(mutant)
}

#[cfg(not(feature = "mutants"))]
pub(crate) const fn on(_: Mutant) -> bool {
    false
}
