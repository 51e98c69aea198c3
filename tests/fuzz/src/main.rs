//! A long run: `cargo run --release -p fuzz -- [RUNS] [TARGET ...]`; RUNS (default 100,000) for each target. `KEEP=N` writes
//! up to N inputs per target that led somewhere new into the corpus, `SEED=N` begins elsewhere.

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    let runs =
        arguments.next_if(|word| word.parse::<u64>().is_ok()).and_then(|word| word.parse().ok()).unwrap_or(100_000);
    let wanted: Vec<String> = arguments.collect();
    let (seed, keep) = (number("SEED", 1), usize::try_from(number("KEEP", 0)).unwrap_or(0));
    let mut total = 0;
    for target in fuzz::all().into_iter().filter(|target| wanted.is_empty() || wanted.iter().any(|w| w == target.name))
    {
        let figures = fuzz::run(target.name, target.words, &target.feed, runs, seed, keep);
        total += figures.executions;
        let rate = figures.executions as f64 / figures.took.as_secs_f64();
        println!(
            "{:<10} {:>11} executions  {:>9.0} a second  {:>7} outcomes  slowest {:>7.1} ms",
            target.name,
            figures.executions,
            rate,
            figures.outcomes,
            figures.slowest.as_secs_f64() * 1000.0
        );
    }
    println!("{total} executions");
}
