//! A call record and a store in a folder of its own, for the tests beside this folder.
#![allow(dead_code, unreachable_pub)]

use std::path::PathBuf;

use store::{CallRecord, Direction, Disposition, Mode, Store};

pub fn record(id: &str) -> CallRecord {
    CallRecord {
        id: id.to_owned(),
        call_id: format!("tree of {id}"),
        leg: 0,
        direction: Direction::In,
        origin: "stranger:127.0.0.9".to_owned(),
        from: "2025550123".to_owned(),
        from_name: "\"Kitchen\"; DROP TABLE call_records".to_owned(),
        to: "204".to_owned(),
        trunk: None,
        permit: None,
        at: 1_700_000_000_000,
        answered_at: None,
        ended_at: None,
        path: vec!["menu,s,1".to_owned(), "menu,s,2".to_owned()],
        app: "Background".to_owned(),
        disposition: Disposition::Open,
        hangup_side: None,
        cause: None,
        cause_text: None,
        codec: None,
        rtp: None,
    }
}

pub struct Home {
    pub folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("store.sqlite")
    }
    pub async fn open(&self) -> Store {
        Store::open(&self.file(), Mode::Run).await.unwrap()
    }
}
