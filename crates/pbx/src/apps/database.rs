//! `DBdel(family/key)`, `DBdeltree(family[/key])`.

use super::{Outcome, arg};
use crate::call::{Call, Next};

pub(super) async fn delete(call: &mut Call, args: &[String]) -> Outcome {
    if !call.exchange.database.delete(arg(args, 0)) {
        tracing::debug!(call = %call.tree.id, "DBdel: there was no such entry");
    }
    Ok(Next::Line)
}

pub(super) async fn delete_tree(call: &mut Call, args: &[String]) -> Outcome {
    let gone = call.exchange.database.delete_tree(arg(args, 0));
    tracing::debug!(call = %call.tree.id, gone, "DBdeltree");
    Ok(Next::Line)
}
