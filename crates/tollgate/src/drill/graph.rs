//! What a drill knows of the ways through the exchange: what calls wait for, what was pressed there, and what is still to
//! be tried. No clock, no telephone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Something that a caller does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    /// He presses these keys.
    Keys(String),
    /// He presses nothing until the exchange goes on by itself.
    Silence,
}

impl std::fmt::Display for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keys(keys) => f.write_str(keys),
            Self::Silence => f.write_str("silence"),
        }
    }
}

/// A call: what is dialled, and what is done then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Script {
    /// The number called.
    pub(crate) dialled: String,
    /// What the caller does, one after the other, each time the exchange listens.
    pub(crate) acts: Vec<Act>,
}

impl Script {
    /// As `tollgate simulate --keys` writes it.
    pub(crate) fn keys(&self) -> String {
        let words = self.acts.iter().map(|act| match act {
            Act::Keys(keys) => keys.clone(),
            Act::Silence => "wait 16".to_owned(),
        });
        words.collect::<Vec<_>>().join(",")
    }
}

/// Something to do: a script, and then one act more, if it is not the script itself that is tried.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The way there.
    pub(crate) script: Script,
    /// Where that led the first time, and what to do there.
    pub(crate) then: Option<(usize, Act)>,
    /// How often it was tried in vain.
    pub(crate) tries: u32,
}

/// What calls of one entry wait for.
struct State {
    name: String,
    how: Script,
    todo: VecDeque<Act>,
}

/// The ways of one entry.
#[derive(Default)]
pub(crate) struct Graph {
    states: Vec<State>,
    by_name: BTreeMap<String, usize>,
    /// States at which an act that leads back was repeated: one of silence, one of keys.
    repeated: BTreeSet<(usize, bool)>,
    /// Numbers to call that were not yet, and acts that failed once.
    jobs: VecDeque<Job>,
    /// Numbers that were called.
    pub(crate) called: usize,
    /// Acts that were done.
    pub(crate) done: usize,
    /// Acts that nobody got back to.
    pub(crate) lost: usize,
    /// States beyond the bound.
    pub(crate) beyond: usize,
}

impl Graph {
    /// Nothing known yet; these numbers are to be called.
    pub(crate) fn new(dialled: impl IntoIterator<Item = String>) -> Self {
        let script = |dialled| Script { dialled, acts: Vec::new() };
        let jobs = dialled.into_iter().map(|dialled| Job { script: script(dialled), then: None, tries: 0 }).collect();
        Self { jobs, ..Self::default() }
    }

    /// The next thing to do from the beginning of a call: the shortest way first.
    pub(crate) fn take(&mut self) -> Option<Job> {
        if let Some(job) = self.jobs.pop_front() {
            self.called += usize::from(job.then.is_none());
            return Some(job);
        }
        let open = self.states.iter_mut().enumerate().filter(|(_, state)| !state.todo.is_empty());
        let (at, state) = open.min_by_key(|(_, state)| state.how.acts.len())?;
        let act = state.todo.pop_front()?;
        Some(Job { script: state.how.clone(), then: Some((at, act)), tries: 0 })
    }

    /// The next thing to do where a call stands now.
    pub(crate) fn take_at(&mut self, at: usize) -> Option<Act> {
        self.states.get_mut(at)?.todo.pop_front()
    }

    /// A call waits for something. What is new gets its acts from `acts`; beyond `most` states nothing is followed.
    pub(crate) fn arrive(
        &mut self,
        name: &str,
        how: &Script,
        most: usize,
        acts: impl FnOnce() -> Vec<Act>,
    ) -> Option<usize> {
        if let Some(at) = self.by_name.get(name) {
            return Some(*at);
        }
        if self.states.len() >= most {
            self.beyond += 1;
            return None;
        }
        let at = self.states.len();
        self.states.push(State { name: name.to_owned(), how: how.clone(), todo: acts().into() });
        self.by_name.insert(name.to_owned(), at);
        Some(at)
    }

    /// Whether an act that led from this state back to it is to be repeated: many a plan counts, and does something else
    /// the third time. Once for silence and once for keys.
    pub(crate) fn repeat(&mut self, at: usize, act: &Act) -> bool {
        self.repeated.insert((at, *act == Act::Silence))
    }

    /// The name of a state.
    pub(crate) fn name(&self, at: usize) -> &str {
        self.states.get(at).map_or("", |state| &state.name)
    }

    /// A call did not come where it was to; it is tried once more, then given up.
    pub(crate) fn failed(&mut self, job: Job) {
        if job.tries == 0 {
            self.jobs.push_back(Job { tries: 1, ..job });
        } else {
            self.lost += 1;
        }
    }

    /// How many states are known.
    pub(crate) fn len(&self) -> usize {
        self.states.len()
    }

    /// How much is still to be tried, as far as is known now.
    pub(crate) fn open(&self) -> usize {
        self.jobs.len() + self.states.iter().map(|state| state.todo.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &str) -> Act {
        Act::Keys(keys.to_owned())
    }

    #[test]
    fn every_act_of_every_state_is_taken_once_and_the_shortest_way_first() {
        let mut graph = Graph::new(["100".to_owned(), "200".to_owned()]);
        let first = graph.take().unwrap();
        assert_eq!((first.script.dialled.as_str(), first.then.is_none()), ("100", true));
        let at = graph.arrive("menu", &first.script, 9, || vec![keys("1"), Act::Silence]).unwrap();
        assert_eq!(graph.take_at(at), Some(keys("1")));
        let deeper = Script { acts: vec![keys("1")], ..first.script.clone() };
        assert_eq!(graph.arrive("below", &deeper, 9, || vec![keys("7")]), Some(1));
        assert_eq!(graph.arrive("menu", &deeper, 9, || panic!("known")), Some(0), "the same state again");
        assert_eq!(graph.take().unwrap().script.dialled, "200", "numbers come first");
        assert_eq!(graph.called, 2);
        let job = graph.take().unwrap();
        assert_eq!((job.script.keys(), job.then), (String::new(), Some((0, Act::Silence))));
        let job = graph.take().unwrap();
        assert_eq!((job.script.keys(), job.then.clone()), ("1".to_owned(), Some((1, keys("7")))));
        assert!(graph.take().is_none());
        graph.failed(job);
        let again = graph.take().unwrap();
        assert_eq!(again.tries, 1);
        graph.failed(again);
        assert_eq!((graph.take().is_none(), graph.lost, graph.open()), (true, 1, 0));
        assert!(graph.repeat(0, &Act::Silence) && graph.repeat(0, &keys("1")), "once of each kind");
        assert!(!graph.repeat(0, &Act::Silence) && !graph.repeat(0, &keys("2")));
    }

    #[test]
    fn states_are_bounded_and_what_is_beyond_is_counted() {
        let mut graph = Graph::new([]);
        for n in 0..5 {
            let _ = graph.arrive(&n.to_string(), &Script::default(), 3, Vec::new);
        }
        assert_eq!((graph.len(), graph.beyond), (3, 2));
    }
}
