//! Puts the prompts of `prompts/` into the program: a table of names and bytes, sorted so that `prompts::embedded` can search it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("prompts");
    println!("cargo::rerun-if-changed=prompts");
    let mut found = Vec::new();
    if folder.is_dir() {
        walk(&folder, "", &mut found)?;
    }
    found.sort();
    let mut table = String::from("pub(super) static TABLE: &[(&str, &[u8])] = &[\n");
    for (name, path) in found {
        let _ = writeln!(table, "    ({name:?}, include_bytes!({:?})),", path.display().to_string());
    }
    table.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("prompts.rs");
    fs::write(out, table)
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else {
            continue;
        };
        if path.is_dir() {
            println!("cargo::rerun-if-changed={}", path.display());
            walk(&path, &format!("{prefix}{stem}/"), found)?;
        } else if path.extension().is_some_and(|ending| ending == "g722") {
            found.push((format!("{prefix}{stem}"), path));
        }
    }
    Ok(())
}
