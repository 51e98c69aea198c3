//! Applications of the time before functions, in their present form: `DigitTimeout(3)` is `Set(TIMEOUT(digit)=3)`.
//!
//! They are rewritten while the plan loads, so machine and proof see only what there is today.

use super::{App, Assign, Call, Control, Label, Target};
use crate::dialect::Dialect;
use crate::expr::Expr;
use crate::text::{Name, Piece, Split, Template, Value};

/// What an old application means; `None` if it is none.
pub(super) fn call(name: &str, data: &Template) -> Option<Call<Template>> {
    let control = control(&name.to_ascii_lowercase(), data)?;
    let form = if matches!(control, Control::GotoIf { .. }) { "GotoIf" } else { "Set" };
    let app = match control {
        // The table knows what else these do.
        Control::Lookup { .. } => App::find(name),
        _ => App::find(form),
    };
    Some(Call { app, args: Vec::new(), control: Some(Box::new(control)) })
}

fn control(name: &str, data: &Template) -> Option<Control<Template>> {
    let parts = data.split(b'|', Split::Parens, 8);
    let part = |n: usize| parts.get(n).cloned().unwrap_or_default();
    let asks = |n: usize| part(n).as_literal().is_some_and(|options| options.contains('j'));
    let set = |name: &'static str, arg: &str| vec![assign(name, Template::literal(arg), data.clone())];
    // `SetCIDNum(200|a)`: the number that bills are made by, too.
    let caller = |what: &str| {
        let also = part(1).as_literal().is_some_and(|options| options.contains('a'));
        let mut all = vec![assign("CALLERID", Template::literal(what), part(0))];
        if also && what == "num" {
            all.push(assign("CALLERID", Template::literal("ani"), part(0)));
        }
        all
    };
    Some(Control::Set(match name {
        "digittimeout" => set("TIMEOUT", "digit"),
        "responsetimeout" => set("TIMEOUT", "response"),
        "absolutetimeout" => set("TIMEOUT", "absolute"),
        "setmusiconhold" => set("CHANNEL", "musicclass"),
        "setaccount" => set("CHANNEL", "accountcode"),
        "setlanguage" => set("CHANNEL", "language"),
        "setcidnum" => caller("num"),
        "setcidname" => caller("name"),
        "setcallerid" => caller("all"),
        "setrdnis" => vec![assign("CALLERID", Template::literal("rdnis"), part(0))],
        "setvar" => {
            let (name, value) = data.split_once(b'=')?;
            vec![variable(name.trim(), value)]
        }
        "setglobalvar" => {
            let (name, value) = data.split_once(b'=')?;
            vec![assign("GLOBAL", name.trim(), value)]
        }
        "dbput" => {
            let (key, value) = data.split_once(b'=')?;
            vec![assign("DB", key, value)]
        }
        "dbget" => {
            let (name, key) = part(0).split_once(b'=')?;
            let set = vec![variable(name.trim(), function("DB", key.clone()))];
            return Some(Control::Lookup {
                set,
                found: function("DB_EXISTS", key),
                jump_if_found: false,
                option_j: asks(1),
            });
        }
        "lookupblacklist" => {
            let key = Template::from_pieces(vec![text("blacklist/"), value("CALLERID", Template::literal("num"))]);
            let found = function("DB_EXISTS", key);
            let status = choice(found.clone(), Template::literal("FOUND"), Template::literal("NOTFOUND"));
            let set = vec![variable(Template::literal("LOOKUPBLSTATUS"), status)];
            return Some(Control::Lookup { set, found, jump_if_found: true, option_j: asks(0) });
        }
        "lookupcidname" => {
            let key = Template::from_pieces(vec![text("cidname/"), value("CALLERID", Template::literal("num"))]);
            let known = function("DB", key.clone());
            let name = choice(function("DB_EXISTS", key), known, function("CALLERID", Template::literal("name")));
            vec![assign("CALLERID", Template::literal("name"), name)]
        }
        "cut" => {
            let (name, rest) = data.split_once(b'=')?;
            vec![variable(name.trim(), function("CUT", rest))]
        }
        "math" => vec![variable(part(0), function("MATH", part(1)))],
        "random" => {
            let (chance, label) = data.split_once(b':')?;
            let number = function("RAND", Template::literal("1|100"));
            let compared = join(vec![number, Template::literal(" <= "), chance.trim()]);
            let expr = Expr::parse_in(&compared.to_string(), &compared, Dialect::V1_2);
            return Some(Control::GotoIf {
                condition: Template::from_pieces(vec![Piece::Expr(Box::new(expr))]),
                yes: Label::parse(label, Dialect::V1_2),
                no: None,
            });
        }
        _ => return None,
    }))
}

fn text(text: &str) -> Piece {
    Piece::Text(text.into())
}

fn value(name: &str, args: Template) -> Piece {
    Piece::Value(Box::new(Value { name: Name::Function { name: name.into(), args }, slice: None }))
}

fn function(name: &str, args: Template) -> Template {
    Template::from_pieces(vec![value(name, args)])
}

fn assign(function: &'static str, arg: Template, value: Template) -> Assign<Template> {
    Assign { target: Target::Function { name: function.into(), args: vec![arg] }, value }
}

fn variable(name: Template, value: Template) -> Assign<Template> {
    Assign { target: Target::Variable(name), value }
}

fn join(parts: Vec<Template>) -> Template {
    Template::from_pieces(parts.iter().flat_map(|part| part.pieces().to_vec()).collect())
}

/// `${IF(0condition?yes:no)}`: an empty condition is false too.
fn choice(condition: Template, yes: Template, no: Template) -> Template {
    let condition = join(vec![Template::literal("0"), condition]);
    let question = Template::literal("?");
    let colon = Template::literal(":");
    function("IF", join(vec![condition, question, yes, colon, no]))
}
