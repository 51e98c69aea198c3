//! Every page and who may see it. What has no line here does not exist: the router is made of this table.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use super::people::Role;
use super::{Portal, door, entrance, pages};
use crate::limits;

/// Who may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// Everybody who reaches the port.
    All,
    /// Who is logged in as this or more.
    Role(Role),
}

const USER: For = For::Role(Role::User);
const MANAGER: For = For::Role(Role::Manager);
const OWNER: For = For::Role(Role::Owner);

type Page = (&'static str, For, fn() -> MethodRouter<Arc<Portal>>);

/// Path, who may, what is there.
const PAGES: &[Page] = &[
    ("/login", For::All, || get(entrance::login_page).post(entrance::login)),
    ("/setup/{token}", For::All, || get(entrance::setup_page).post(entrance::setup)),
    ("/assets/{name}", For::All, || get(pages::assets::asset)),
    ("/logout", USER, || post(entrance::logout)),
    ("/", USER, || get(pages::home::page)),
    ("/now", MANAGER, || get(pages::home::now)),
    ("/live", MANAGER, || get(pages::live::stream)),
    ("/stop", MANAGER, || post(pages::home::stop)),
    ("/prove", MANAGER, || post(pages::home::prove)),
    ("/hangup", MANAGER, || post(pages::home::hang_up)),
    ("/calls", MANAGER, || get(pages::calls::page)),
    ("/calls.csv", MANAGER, || get(pages::calls::export)),
    ("/calls/{id}", MANAGER, || get(pages::calls::one)),
    ("/phones", MANAGER, || get(pages::phones::page).post(pages::phones::act)),
    ("/numbers", MANAGER, || get(pages::numbers::page).post(pages::numbers::act)),
    ("/lines", MANAGER, || get(pages::lines::page).post(pages::lines::act)),
    ("/plan", MANAGER, || get(pages::plan::page)),
    ("/plan/text", OWNER, || post(pages::plan::act)),
    ("/plan/history", MANAGER, || get(pages::history::page)),
    ("/plan/history/{id}", MANAGER, || get(pages::history::one)),
    ("/plan/history/{id}/again", OWNER, || post(pages::history::roll_back)),
    ("/simulate", MANAGER, || get(pages::simulate::page)),
    ("/safety", MANAGER, || get(pages::safety::page).post(pages::safety::act)),
    ("/drills", MANAGER, || get(pages::drills::page).post(pages::drills::act)),
    ("/drills/{id}", MANAGER, || get(pages::drills::one)),
    ("/events", MANAGER, || get(pages::events::page).post(pages::events::act)),
    ("/people", OWNER, || get(pages::persons::page).post(pages::persons::act)),
    ("/mine", USER, || get(pages::mine::page).post(pages::mine::act)),
    ("/mine/{uid}", USER, || get(pages::mine::sound)),
];

/// Who may see the page of a route; nobody, where it has no line.
pub(crate) fn who(path: &str) -> Option<For> {
    PAGES.iter().find(|(known, ..)| *known == path).map(|(_, who, _)| *who)
}

/// The router of the table.
pub(super) fn all(portal: Arc<Portal>) -> Router {
    let mut router = Router::new();
    for (path, _, page) in PAGES {
        router = router.route(path, page());
    }
    router
        .route_layer(from_fn_with_state(Arc::clone(&portal), door::keep))
        .layer(DefaultBodyLimit::max(limits::FORM))
        .fallback(pages::nothing)
        .with_state(portal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_are_open_to_all() {
        let open: Vec<&str> = PAGES.iter().filter(|(_, who, _)| *who == For::All).map(|(path, ..)| *path).collect();
        assert_eq!(open, ["/login", "/setup/{token}", "/assets/{name}"]);
        assert_eq!(who("/nowhere"), None);
        assert_eq!(who("/people"), Some(OWNER));
        // Who writes the text is the owner: it names files, programs and grants.
        assert_eq!(who("/plan/text"), Some(OWNER));
        assert_eq!(who("/plan/history/{id}/again"), Some(OWNER));
    }
}
