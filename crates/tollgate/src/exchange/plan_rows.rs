//! The plan's database on its way into the store: written behind, in the order of the changes.

use pbx::database::Keeper;
use store::Store;
use tokio::sync::mpsc;

use crate::limits::PLAN_ROWS;

/// Keeps rows in the store.
pub(crate) struct PlanRows(mpsc::Sender<(String, Option<String>)>);

impl PlanRows {
    pub(crate) fn new(store: Store) -> Self {
        let (send, mut changes) = mpsc::channel::<(String, Option<String>)>(PLAN_ROWS);
        tokio::spawn(async move {
            while let Some((key, value)) = changes.recv().await {
                if let Err(error) = store.put_plan_row(&key, value.as_deref()).await {
                    tracing::error!(%error, "a change of the plan's database is lost at the next start");
                }
            }
        });
        Self(send)
    }
}

impl Keeper for PlanRows {
    fn keep(&self, key: &str, value: Option<&str>) {
        if self.0.try_send((key.to_owned(), value.map(str::to_owned))).is_err() {
            tracing::error!("the plan changes its database faster than the disk: a change is lost at the next start");
        }
    }
}
