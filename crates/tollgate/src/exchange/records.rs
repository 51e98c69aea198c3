//! Call records and events on their way into the store.

use pbx::cdr::Records;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use store::{CallRecord, Store};

/// Writes records into the store; they are committed within 20 ms, together.
#[derive(Clone)]
pub(crate) struct StoreRecords(pub(crate) Store);

impl Records for StoreRecords {
    fn write(&self, record: CallRecord) {
        let id = record.id.clone();
        let mut receipt = self.0.add_call_record(record);
        // Only whether it was taken: the store itself keeps trying to write what it has taken.
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(Err(error)) = Pin::new(&mut receipt).poll(&mut context) {
            tracing::error!(leg = id, %error, "a call record is lost");
        }
    }

    fn event(&self, at: i64, kind: &str, text: &str) {
        self.0.event(at, kind, text);
    }
}
