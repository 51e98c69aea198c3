//! What a program names that lives outside it: sounds.

use super::Program;
use crate::apps::ArgKind;
use crate::span::Span;

/// A sound that a line plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundUse<'a> {
    /// The context of the line.
    pub context: &'a str,
    /// Its extension as it is written.
    pub exten: &'a str,
    /// The priority of the line.
    pub priority: u32,
    /// The application that plays it.
    pub app: &'a str,
    /// The sound's name, without ending; always written out in the plan.
    pub sound: String,
    /// Where it stands.
    pub span: Span,
}

impl Program {
    /// Every sound name that is written out; names made of values are known only when the call is there.
    pub fn sounds(&self) -> impl Iterator<Item = SoundUse<'_>> + '_ {
        self.contexts.iter().flat_map(|context| {
            context.extens.iter().flat_map(move |exten| {
                exten.lines.iter().flat_map(move |(priority, line)| {
                    let mut uses = Vec::new();
                    line.call.each(&mut |call| {
                        let spec = call.app.spec();
                        for (arg, value) in spec.args.iter().zip(&call.args) {
                            if arg.kind != ArgKind::Sounds {
                                continue;
                            }
                            // Of `a&${B}&c` the parts that are written out count.
                            let text = value.to_string();
                            for sound in text.split('&').map(str::trim).filter(|s| !s.is_empty() && !s.contains('$')) {
                                uses.push(SoundUse {
                                    context: &context.name,
                                    exten: &exten.name,
                                    priority: *priority,
                                    app: spec.name,
                                    sound: sound.to_owned(),
                                    span: line.span,
                                });
                            }
                        }
                    });
                    uses
                })
            })
        })
    }
}
