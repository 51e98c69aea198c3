//! A folder as it is being heard: where the caller stands, what he marked. No sound and no disk here, so that every
//! sequence of keys can be tried.

use store::{Fate, Folder, Message};

/// One message with what was done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) message: Message,
    pub(super) heard: bool,
    pub(super) deleted: bool,
    /// Where it was put while the folder was open.
    pub(super) saved: Option<Folder>,
}

/// An open folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) folder: Folder,
    items: Vec<Item>,
    at: Option<usize>,
}

impl View {
    pub(super) fn new(folder: Folder, messages: Vec<Message>) -> Self {
        let items =
            messages.into_iter().map(|message| Item { message, heard: false, deleted: false, saved: None }).collect();
        Self { folder, items, at: None }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The message the caller stands at.
    pub(super) fn current(&self) -> Option<&Item> {
        self.items.get(self.at?)
    }

    /// Its number, from 1.
    pub(super) fn number(&self) -> Option<usize> {
        self.at.map(|at| at + 1)
    }

    pub(super) fn is_first(&self) -> bool {
        self.at == Some(0)
    }

    pub(super) fn is_last(&self) -> bool {
        self.at.is_some_and(|at| at + 1 == self.items.len())
    }

    /// Goes to the first message; false if there is none.
    pub(super) fn first(&mut self) -> bool {
        self.at = (!self.items.is_empty()).then_some(0);
        self.at.is_some()
    }

    /// Goes on; false if there are no more, and then the caller stays where he is.
    pub(super) fn next(&mut self) -> bool {
        let next = self.at.map_or(0, |at| at + 1);
        let there = next < self.items.len();
        if there {
            self.at = Some(next);
        }
        there
    }

    /// Goes back; false at the first one.
    pub(super) fn previous(&mut self) -> bool {
        match self.at {
            Some(at) if at > 0 => {
                self.at = Some(at - 1);
                true
            }
            _ => false,
        }
    }

    /// The caller hears the message.
    pub(super) fn hear(&mut self) {
        if let Some(item) = self.at.and_then(|at| self.items.get_mut(at)) {
            item.heard = true;
        }
    }

    /// Marks it for deletion, or takes the mark away; says which.
    pub(super) fn toggle(&mut self) -> Option<bool> {
        let item = self.items.get_mut(self.at?)?;
        item.deleted = !item.deleted;
        Some(item.deleted)
    }

    /// It was put into a folder.
    pub(super) fn save(&mut self, folder: Folder) {
        if let Some(item) = self.at.and_then(|at| self.items.get_mut(at)) {
            item.saved = Some(folder);
            item.deleted = false;
        }
    }

    /// What becomes of the messages when the folder is closed: the deleted ones go, new ones that were heard are old.
    pub(super) fn fates(&self) -> Vec<(String, Fate)> {
        let fate = |item: &Item| {
            if item.deleted {
                Some(Fate::Gone)
            } else if item.heard && item.saved.is_none() && self.folder == Folder::Inbox {
                Some(Fate::Folder(Folder::Old))
            } else {
                None
            }
        };
        self.items.iter().filter_map(|item| Some((item.message.uid.clone(), fate(item)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(n: usize) -> Message {
        Message {
            uid: format!("m{n}"),
            mailbox: "204".to_owned(),
            folder: Folder::Inbox,
            urgent: false,
            at: n as i64,
            duration: 1_000,
            bytes: 1,
            from: String::new(),
            from_name: String::new(),
            origin: "stranger:192.0.2.1".to_owned(),
            to: "204".to_owned(),
            call_id: "1".to_owned(),
            via: "call".to_owned(),
        }
    }

    fn view(messages: usize) -> View {
        View::new(Folder::Inbox, (0..messages).map(message).collect())
    }

    #[test]
    fn an_empty_folder_has_nowhere_to_go() {
        let mut view = view(0);
        assert!(!view.first() && !view.next() && !view.previous());
        assert_eq!(view.toggle(), None);
        assert_eq!((view.current(), view.fates()), (None, vec![]));
    }

    #[test]
    fn heard_ones_become_old_and_deleted_ones_go_unless_taken_back() {
        let mut view = view(3);
        assert!(view.first());
        view.hear();
        assert!(view.next());
        assert_eq!(view.toggle(), Some(true));
        assert!(view.next() && !view.next() && view.is_last());
        assert_eq!((view.toggle(), view.toggle()), (Some(true), Some(false)));
        assert_eq!(view.fates(), [("m0".to_owned(), Fate::Folder(Folder::Old)), ("m1".to_owned(), Fate::Gone)]);
        // In another folder what was heard stays.
        let mut work = View::new(Folder::Work, vec![message(0)]);
        assert!(work.first());
        work.hear();
        assert_eq!(work.fates(), []);
    }

    proptest! {
        /// Whatever is pressed: the caller stands at a message or at none, nobody loses a message that is not marked now,
        /// and none has two fates.
        #[test]
        fn no_keys_lose_a_message(messages in 0_usize..5, keys in proptest::collection::vec(0_u8..6, 0..60)) {
            let mut view = view(messages);
            let mut marked = vec![false; messages];
            let mut saved = vec![false; messages];
            for key in keys {
                let before = view.number();
                match key {
                    0 => prop_assert_eq!(view.first(), messages > 0),
                    1 => prop_assert!(view.next() || view.number() == before),
                    2 => prop_assert!(view.previous() || view.number() == before),
                    3 => view.hear(),
                    4 => if let Some(deleted) = view.toggle() {
                        marked[before.unwrap() - 1] = deleted;
                    },
                    _ => {
                        view.save(Folder::Family);
                        if let Some(at) = before {
                            (saved[at - 1], marked[at - 1]) = (true, false);
                        }
                    }
                }
                prop_assert!(view.number().is_none_or(|number| (1..=messages).contains(&number)));
                prop_assert_eq!(view.current().is_some(), view.number().is_some());
            }
            let fates = view.fates();
            for (n, marked) in marked.iter().enumerate() {
                let mine: Vec<_> = fates.iter().filter(|(uid, _)| *uid == format!("m{n}")).collect();
                prop_assert!(mine.len() <= 1);
                prop_assert_eq!(mine.iter().any(|(_, fate)| *fate == Fate::Gone), *marked);
                prop_assert!(*marked || !saved[n] || mine.is_empty(), "a saved one stays where it was put");
            }
        }
    }
}
