//! How a call got from one node to the next: what a witness has to do there.

use crate::lang::{Lang, Langs};

/// One step of a way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Via {
    /// The call comes in, dialling one of these.
    Entry(Lang),
    /// The next line, or wherever the plan itself leads.
    Next,
    /// A condition held or not.
    Branch,
    /// It is, or is not, one of the times written there.
    Time(Box<str>, bool),
    /// Somebody presses keys that are one of these.
    Keys(Lang),
    /// Nobody presses anything.
    Silence,
    /// The caller hangs up.
    HangUp,
    /// A time limit, an error: something that may come at any moment.
    Moment,
    /// What was dialled does not exist.
    Invalid(Box<Via>),
    /// The exchange calls itself.
    Local,
    /// Somebody in the call transfers, or a settings of an application leads there.
    Others,
}

impl Via {
    /// The same with what is left of the texts.
    pub(crate) fn narrowed(&self, lang: Lang) -> Self {
        match self {
            Self::Entry(_) => Self::Entry(lang),
            Self::Keys(_) => Self::Keys(lang),
            other => other.clone(),
        }
    }

    /// Keys that have to be pressed.
    pub(crate) fn keys(&self, langs: &Langs) -> u32 {
        match self {
            Self::Keys(lang) => {
                langs.lengths(*lang).map_or(1, |(shortest, _)| u32::try_from(shortest).unwrap_or(u32::MAX).min(99))
            }
            Self::Silence | Self::Moment | Self::Others => 2,
            Self::HangUp => 1,
            Self::Invalid(via) => via.keys(langs),
            Self::Entry(_) | Self::Next | Self::Branch | Self::Time(..) | Self::Local => 0,
        }
    }

    /// Whether a shorter way by it replaces a longer one.
    pub(crate) fn is_better(&self) -> bool {
        !matches!(self, Self::Moment)
    }
}
