//! What a step is made of: its code and its attribute, hashed apart and in short. A checksum says *that* a step changed;
//! this says which half of it. Nothing depends on it but the words of a message.

use super::{Part, attributes, domain, hex, tokens};
use quote::ToTokens;
use syn::ItemFn;

/// Enough to tell two versions of one function apart.
const LENGTH: usize = 8;

/// What stands for a step that is not there.
const ABSENT: &str = "-";

/// `code.attribute.code.attribute`, of `up` and of `down`.
pub(super) fn of(steps: [Option<&ItemFn>; 2]) -> String {
    steps.map(of_step).concat().join(".")
}

fn of_step(step: Option<&ItemFn>) -> [String; 2] {
    let Some(step) = step else {
        return [ABSENT; 2].map(str::to_owned);
    };
    let mut code = step.clone();
    let mut attribute = Vec::new();
    code.attrs.retain(|each| {
        let own = attributes::is_migration(each.path());
        attribute.extend(own.then(|| each.to_token_stream()));
        !own
    });
    let attribute = attribute.into_iter().collect();
    [("code", code.into_token_stream()), ("attribute", attribute)].map(|(name, stream)| {
        let mut hash = domain(name);
        tokens::feed(&mut hash, stream);
        let mut short = hex(hash);
        short.truncate(LENGTH);
        short
    })
}

/// Which halves of a step that changed, 0 being `up`, did so.
pub(super) fn changed(step: usize, then: &str, now: &str) -> Vec<Part> {
    let (whole, attribute) = match step {
        0 => (Part::Up, Part::UpAttributes),
        _ => (Part::Down, Part::DownAttributes),
    };
    let (Some(then), Some(now)) = (halves(step, then), halves(step, now)) else {
        return vec![whole];
    };
    match (then[0] != now[0], then[1] != now[1]) {
        (true, true) => vec![whole, attribute],
        (false, true) => vec![attribute],
        _ => vec![whole],
    }
}

/// The two halves of a step that is there.
fn halves(step: usize, details: &str) -> Option<[&str; 2]> {
    let all: Vec<&str> = details.split('.').collect();
    match all[..] {
        [up_code, up, down_code, down] => {
            Some([[up_code, up], [down_code, down]][step]).filter(|halves| halves[0] != ABSENT)
        }
        _ => None,
    }
}
