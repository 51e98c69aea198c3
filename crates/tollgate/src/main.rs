//! The exchange as a program: sockets, files, clock and command line around `pbx`.
//!
//! Start at `cli` (what can be typed), then `exchange` (how the parts are put together) and `net` (stop 1 of a call). `home` holds what is on the disk,
//! `config_file` reads the owner's text, `control` is how commands talk to a running exchange.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod cli;
mod config_file;
mod control;
mod drill;
mod exchange;
mod fault;
mod foreign;
mod home;
mod limits;
mod logs;
mod mail;
mod net;
mod notify;
mod prompts;

use clap::Parser as _;
use std::process::ExitCode;

// Gives memory back after a flood; glibc's allocator keeps what a flood took.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let json = cli.json;
    match cli::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(fault) => {
            if json {
                eprintln!("{}", fault.to_json());
            } else {
                eprintln!("tollgate: {fault}");
            }
            ExitCode::from(fault.exit)
        }
    }
}
