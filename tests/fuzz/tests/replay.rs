//! Every committed input, and some mutations of each, at every target. The long run is `cargo run --release -p fuzz`.

/// Mutated inputs of each target: a few seconds without optimisation.
const RUNS: u64 = 1_500;

#[test]
fn nothing_that_is_fed_breaks_anything() {
    for target in fuzz::all() {
        let figures = fuzz::run(target.name, target.words, &target.feed, RUNS, 7, 0);
        assert!(figures.executions > RUNS, "{}", target.name);
        assert!(figures.outcomes > 5, "{}: {} outcomes, the target is blind", target.name, figures.outcomes);
    }
}

#[test]
fn every_folder_of_inputs_has_its_target() {
    let folders: Vec<String> = std::fs::read_dir(fuzz::folder(""))
        .map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    for folder in folders.iter().filter(|folder| *folder != "control") {
        assert!(fuzz::all().iter().any(|target| target.name == folder), "{folder}");
    }
    assert_eq!(folders.len(), fuzz::all().len() + 1);
}
