//! What keeps the workspace in shape: arrows between crates, ground crates without sockets, files and clocks, licences,
//! links, the head of each file, and words that mean "later". Exceptions stand in the tables here, each with its reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// Who may use whom; the picture in ARCHITECTURE.md. A crate may use fewer.
const ARROWS: &[(&str, &[&str])] = &[
    ("dialplan", &[]),
    ("sip", &[]),
    ("media", &[]),
    ("store", &[]),
    ("audit", &["dialplan"]),
    ("pbx", &["dialplan", "sip", "media", "store"]),
    ("web", &["pbx", "store", "audit"]),
    ("tollgate", &["dialplan", "audit", "sip", "media", "store", "pbx", "web"]),
];

/// Crates that test the others and go into nothing, with their folders.
const TOOLS: &[(&str, &str)] = &[("fuzz", "tests/fuzz")];

/// State machines over bytes and a clock that is passed in.
const GROUND: &[&str] = &["dialplan", "audit", "sip", "media"];

/// What a ground crate does not touch. Addresses (`std::net::SocketAddr`, `IpAddr`) are values and fine.
const NOT_ON_THE_GROUND: &[&str] = &[
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "UnixStream",
    "UnixListener",
    "UnixDatagram",
    "ToSocketAddrs",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "Instant::now",
    "SystemTime",
    "tokio",
    "mio::",
    "thread_rng",
    "getrandom",
];

/// Heavy dependencies sit at leaves.
const LEAVES: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("axum", &["web"]),
    ("sipx-sip", &["sip"]),
    ("clap", &["tollgate"]),
    ("anyhow", &["tollgate"]),
    ("rcgen", &["tollgate"]),
    ("rustls", &["tollgate"]),
    ("tokio-rustls", &["tollgate"]),
    ("webpki-roots", &["tollgate"]),
    ("aws-lc-rs", &["tollgate"]),
    ("hickory-resolver", &["tollgate"]),
    ("mio", &["tollgate"]),
    ("quinn-udp", &["tollgate"]),
    ("socket2", &["tollgate"]),
    ("mimalloc", &["tollgate"]),
    ("tracing-subscriber", &["tollgate"]),
];

/// Licences that ask for nothing but their text and the names of the authors.
const LICENCES: &[(&str, &str)] = &[
    ("MIT", "permissive"),
    ("MIT-0", "permissive, without attribution"),
    ("Apache-2.0", "permissive, with a patent grant"),
    ("Apache-2.0 WITH LLVM-exception", "permissive, with an exception in our favour"),
    ("BSD-2-Clause", "permissive"),
    ("BSD-3-Clause", "permissive"),
    ("ISC", "permissive"),
    ("Zlib", "permissive"),
    ("0BSD", "public domain in effect"),
    ("CC0-1.0", "public domain in effect"),
    ("Unlicense", "public domain in effect"),
    ("BSL-1.0", "permissive; binaries need no notice"),
    ("Unicode-3.0", "permissive; covers character tables"),
    (
        "CDLA-Permissive-2.0",
        "permissive, for data: Mozilla's list of public authorities, passed on with its licence text",
    ),
];

/// Packages whose licence is not in the list, each with the reason why it is all right here.
const LICENCE_EXCEPTIONS: &[(&str, &str)] = &[];

/// Files that may be longer than [`LONGEST`], each with its reason.
const LONG: &[(&str, &str)] = &[];

/// Lines of a file, tests not counted. A file of that length is about more than one thing.
const LONGEST: usize = 600;

/// Crates that outsiders' bytes reach.
const PEER_FACING: &[&str] = &["dialplan", "audit", "sip", "media", "store", "pbx", "web"];

/// File, text of the line that may panic by name, and the reason why it cannot happen.
const PANICS: &[(&str, &str, &str)] = &[];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn metadata() -> &'static Value {
    static METADATA: OnceLock<Value> = OnceLock::new();
    METADATA.get_or_init(|| {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform"])
            .arg("x86_64-unknown-linux-gnu")
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Packages of the workspace by name.
fn ours() -> BTreeMap<&'static str, &'static Value> {
    let own = list(&metadata()["packages"]).iter().filter(|package| package["source"].is_null());
    own.map(|package| (text(&package["name"]), package)).collect()
}

/// Files below a folder of the project with that ending; build output and hidden folders left out.
fn files(below: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(below) else { return found };
    for entry in entries.map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if entry.file_type().unwrap().is_dir() {
            if !name.starts_with('.') && !["target", "node_modules", "__pycache__"].contains(&name.as_str()) {
                found.extend(files(&path, ending));
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Rust files of a crate that end up in the product.
fn sources(name: &str) -> Vec<(PathBuf, String)> {
    let folder = root().join("crates").join(name).join("src");
    let is_test = |path: &Path| {
        let inside = path.strip_prefix(&folder).unwrap_or(path);
        inside.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
    };
    let found = files(&folder, ".rs").into_iter().filter(|path| !is_test(path));
    found.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

fn report(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// Comments, strings and characters become spaces; lines stay where they are.
fn blank(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut i = 0;
    while i < chars.len() {
        let end = quiet_end(&chars, i);
        if end == i {
            out.push(chars[i]);
            i += 1;
        } else {
            out.extend(chars[i..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            i = end;
        }
    }
    out
}

/// End of the comment, string or character that begins at `i`; `i` itself if none does.
fn quiet_end(chars: &[char], i: usize) -> usize {
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let first =
        |from: usize, found: &dyn Fn(usize) -> bool| (from..chars.len()).find(|&j| found(j)).unwrap_or(chars.len());
    let before = if i == 0 { ' ' } else { at(i - 1) };
    match (at(i), at(i + 1)) {
        ('/', '/') => first(i, &|j| at(j) == '\n'),
        ('/', '*') => {
            let (mut depth, mut j) = (0, i);
            while j < chars.len() {
                match (at(j), at(j + 1)) {
                    ('/', '*') => (depth, j) = (depth + 1, j + 2),
                    ('*', '/') => (depth, j) = (depth - 1, j + 2),
                    _ => j += 1,
                }
                if depth == 0 {
                    break;
                }
            }
            j
        }
        ('r', '"' | '#') if !(before.is_alphanumeric() || before == '_') || before == 'b' => {
            let hashes = chars[i + 1..].iter().take_while(|&&c| c == '#').count();
            if at(i + 1 + hashes) != '"' {
                return i;
            }
            let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            (first(i + 2 + hashes, &|j| chars[j..].starts_with(&end)) + end.len()).min(chars.len())
        }
        ('"', _) => {
            let mut j = i + 1;
            while j < chars.len() && at(j) != '"' {
                j += if at(j) == '\\' { 2 } else { 1 };
            }
            (j + 1).min(chars.len())
        }
        // A character; what is neither is a lifetime.
        ('\'', '\\') => (first(i + 3, &|j| at(j) == '\'') + 1).min(chars.len()),
        ('\'', _) if at(i + 2) == '\'' => i + 3,
        _ => i,
    }
}

/// The lines that are not below a `#[cfg(test)]`, numbered from 1. Relies on rustfmt: an item ends at its own indentation.
fn product_lines(source: &str) -> Vec<(usize, String)> {
    let code = blank(source);
    let mut lines = code.lines().enumerate();
    let mut kept = Vec::new();
    while let Some((number, line)) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push((number + 1, line.to_owned()));
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        for (_, line) in lines.by_ref() {
            let same = line.starts_with(indent) && !line[indent.len()..].starts_with(' ');
            if same && line.trim_end().ends_with([';', '}', ',']) {
                break;
            }
        }
    }
    kept
}

#[test]
fn arrows_point_down() {
    let mut problems = Vec::new();
    let ours = ours();
    let known: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let tool = |name: &str| TOOLS.iter().any(|(tool, _)| *tool == name);
    let there: BTreeSet<&str> = ours.keys().copied().filter(|name| !tool(name)).collect();
    assert_eq!(there, known, "a crate came or went: change ARCHITECTURE.md and this table");
    for (name, may) in ARROWS {
        for dependency in list(&ours[name]["dependencies"]) {
            let other = text(&dependency["name"]);
            if known.contains(other) && !may.contains(&other) {
                problems.push(format!("{name} must not use {other}"));
            }
            if let Some((heavy, homes)) = LEAVES.iter().find(|(heavy, _)| *heavy == other)
                && !homes.contains(name)
            {
                problems.push(format!("{heavy} belongs to {homes:?}, not to {name}"));
            }
            if GROUND.contains(name) && ["tokio", "mio", "async-std", "smol"].contains(&other) {
                problems.push(format!("{name} is on the ground and uses {other}"));
            }
        }
    }
    report(problems);
}

#[test]
fn every_crate_obeys_the_lints_of_the_workspace() {
    let mut problems = Vec::new();
    let folders = ARROWS.iter().map(|(name, _)| (*name, format!("crates/{name}")));
    let tools = TOOLS.iter().map(|(name, folder)| (*name, (*folder).to_owned()));
    for (name, folder) in folders.chain(tools) {
        let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        if !manifest.contains("[lints]\nworkspace = true") {
            problems.push(format!("crates/{name}/Cargo.toml does not take the lints of the workspace"));
        }
    }
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    report(problems);
}

#[test]
fn ground_crates_open_nothing_and_read_no_clock() {
    let mut problems = Vec::new();
    for name in GROUND {
        for (path, source) in sources(name) {
            for (number, line) in product_lines(&source) {
                for word in NOT_ON_THE_GROUND.iter().filter(|word| line.contains(**word)) {
                    problems.push(format!("{}:{number}: {word}", shown(&path)));
                }
            }
        }
        if !root().join("crates").join(name).join("clippy.toml").exists() {
            problems.push(format!("crates/{name} has no clippy.toml"));
        }
    }
    report(problems);
}

#[test]
fn peers_cause_no_panic_by_name() {
    let words = [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!("];
    let mut problems = Vec::new();
    for name in PEER_FACING {
        for (path, source) in sources(name) {
            let original: Vec<&str> = source.lines().collect();
            for (number, line) in product_lines(&source) {
                let shown = shown(&path);
                let said = original.get(number - 1).map_or("", |line| line.trim());
                let excused = PANICS.iter().any(|(file, text, _)| *file == shown && said.contains(text));
                if !excused && words.iter().any(|word| line.contains(word)) {
                    problems.push(format!("{shown}:{number}: {said}"));
                }
            }
        }
    }
    report(problems);
}

#[test]
fn every_file_says_what_it_is_for_and_nothing_is_left_for_later() {
    // Spelled in pieces, so that this file does not find itself.
    let later = [["TO", "DO"], ["FIX", "ME"], ["XX", "X:"], ["for ", "now"]];
    let later = later.map(|word| word.concat());
    let machine = ["/wo", "rk/"].concat();
    let mut problems = Vec::new();
    for path in files(&root().join("crates"), ".rs") {
        let (source, shown) = (std::fs::read_to_string(&path).unwrap(), shown(&path));
        if !source.starts_with("//! ") {
            problems.push(format!("{shown}: does not begin with //!"));
        }
        for (number, line) in source.lines().enumerate() {
            let beside_this_test = !shown.ends_with("tests/tidy.rs");
            let words = later.iter().chain([&machine]).filter(|word| beside_this_test && line.contains(word.as_str()));
            problems.extend(words.map(|word| format!("{shown}:{}: {word:?}", number + 1)));
        }
    }
    report(problems);
}

#[test]
fn files_are_about_one_thing() {
    let mut problems = Vec::new();
    let mut unused: BTreeSet<&str> = LONG.iter().map(|(file, _)| *file).collect();
    for (name, _) in ARROWS {
        for (path, source) in sources(name) {
            let (lines, shown) = (product_lines(&source).len(), shown(&path));
            let excused = unused.remove(shown.as_str());
            if lines > LONGEST && !excused {
                problems.push(format!("{shown}: {lines} lines"));
            } else if lines <= LONGEST && excused {
                problems.push(format!("{shown}: needs its exception no more"));
            }
        }
    }
    problems.extend(unused.iter().map(|file| format!("{file}: excused, but not there")));
    report(problems);
}

/// A licence expression (SPDX): `OR` and `/` need one side, `AND` both.
fn fits(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let fine = either(&words, &mut at);
    fine && at == words.len()
}

fn either(words: &[&str], at: &mut usize) -> bool {
    let mut fine = both(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        fine |= both(words, at);
    }
    fine
}

fn both(words: &[&str], at: &mut usize) -> bool {
    let mut fine = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        fine &= one(words, at);
    }
    fine
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let fine = either(words, at);
        *at += usize::from(words.get(*at) == Some(&")"));
        return fine;
    }
    let mut licence = (*word).to_owned();
    if words.get(*at) == Some(&"WITH") {
        licence = format!("{licence} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    LICENCES.iter().any(|(known, _)| *known == licence)
}

#[test]
fn licence_expressions_are_understood() {
    let check = |expression: &str, expected: bool| assert_eq!(fits(expression), expected, "{expression}");
    check("MIT", true);
    check("MIT/Apache-2.0", true);
    check("GPL-3.0 OR MIT", true);
    check("GPL-3.0 AND MIT", false);
    check("(MIT OR GPL-2.0) AND Unicode-3.0", true);
    check("Apache-2.0 WITH LLVM-exception", true);
    check("Apache-2.0 WITH Classpath-exception-2.0", false);
    check("", false);
}

#[test]
fn licences_of_all_dependencies_are_permissive() {
    let mut problems = Vec::new();
    let mut unused: BTreeSet<&str> = LICENCE_EXCEPTIONS.iter().map(|(name, _)| *name).collect();
    let packages: BTreeMap<&str, &Value> =
        list(&metadata()["packages"]).iter().map(|package| (text(&package["id"]), package)).collect();
    for node in list(&metadata()["resolve"]["nodes"]) {
        let package = packages[text(&node["id"])];
        let (name, licence) = (text(&package["name"]), text(&package["license"]));
        if !fits(licence) && !unused.remove(name) {
            problems.push(format!("{name}: licence {licence:?} is not in the list"));
        }
    }
    problems.extend(unused.iter().map(|name| format!("{name}: excused, but not used")));
    report(problems);
}

/// Targets of `[text](target)` and `[name]: target`, outside of code.
fn links(document: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in document.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for rest in prose.split("](").skip(1) {
            let target = rest.split([')', ' ']).next().unwrap_or("");
            found.push((number + 1, target.trim_matches(['<', '>']).to_owned()));
        }
        if let Some((_, target)) = prose.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            found.push((number + 1, target.trim().to_owned()));
        }
    }
    found
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut problems = Vec::new();
    for path in files(&root(), ".md") {
        let document = std::fs::read_to_string(&path).unwrap();
        for (number, target) in links(&document) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, section) = match target.split_once('#') {
                Some((file, section)) => (file, Some(section)),
                None => (target.as_str(), None),
            };
            let there = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let headings = std::fs::read_to_string(&there).unwrap_or_default();
            let known = section.is_none_or(|section| {
                headings.lines().filter(|line| line.starts_with('#')).any(|heading| anchor(heading) == section)
            });
            if !there.exists() || !known {
                problems.push(format!("{}:{number}: {target}", shown(&path)));
            }
        }
    }
    report(problems);
}

#[test]
fn blanking_and_cutting_work() {
    let source = "a(); // .unwrap()\nlet s = \".unwrap() \\\" x\"; b();\n\
        /* .expect( /* x */ y */ c('\"', '\\'', r#\".unwrap()\"#);\nfn f<'a>() {}\n";
    let code = blank(source);
    assert!(!code.contains("unwrap") && !code.contains("expect"), "{code}");
    assert!(code.contains("a();") && code.contains("b();"), "{code}");
    assert!(code.contains("c(") && code.contains("fn f<'a>() {}"), "{code}");
    assert_eq!(code.lines().count(), source.lines().count());

    let source =
        "fn x() {}\n#[cfg(test)]\nmod tests {\n    fn y() {\n    }\n}\nfn z() {}\n#[cfg(test)]\nmod m;\nfn w() {}\n";
    let kept: Vec<String> = product_lines(source).into_iter().map(|(_, line)| line).collect();
    assert_eq!(kept, ["fn x() {}", "fn z() {}", "fn w() {}"]);
}
