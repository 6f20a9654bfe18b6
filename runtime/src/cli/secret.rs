//! Keeps passwords out of everything that is printed.
//!
//! It would rather hide too much than too little: an unescaped `@` or `/` in a password makes it impossible to tell
//! where the password ends, so everything up to the last `@` is taken for it.

/// What stands in a secret's place.
const MASK: &str = "***";

/// Parts of the names of query parameters that hold secrets.
const SECRET_NAMES: [&str; 8] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "key",
    "credential",
];

/// A URL without its password and without the values of query parameters that are named like secrets.
pub(crate) fn mask_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (head, query) = match query_start(rest) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let mut masked = format!("{scheme}://{}", mask_password(head));
    if let Some(query) = query {
        masked.push('?');
        masked.push_str(
            &query
                .split('&')
                .map(mask_parameter)
                .collect::<Vec<_>>()
                .join("&"),
        );
    }
    masked
}

/// Where the query begins: the first `?` after the last `@`, since a password may hold one.
fn query_start(rest: &str) -> Option<usize> {
    let plain = rest.find('?');
    let after_user = rest
        .rfind('@')
        .filter(|at| rest[..*at].contains(':') && !is_in_query(rest, *at));
    match after_user {
        Some(at) => rest[at..].find('?').map(|offset| at + offset),
        None => plain,
    }
}

/// Whether the `@` at this place belongs to a query parameter. Only where nothing speaks for a password that goes on:
/// a path or no user at all before the `?`, and a `name=` after it.
fn is_in_query(rest: &str, at: usize) -> bool {
    rest[..at].find('?').is_some_and(|query| {
        let before = &rest[..query];
        let host_is_complete = match before.find('@') {
            Some(user) => before[user..].contains('/'),
            None => !before.contains(':'),
        };
        host_is_complete && rest[query..at].contains('=')
    })
}

/// `user:password@host/database` without the password.
fn mask_password(head: &str) -> String {
    let Some(at) = head.rfind('@') else {
        return head.to_owned();
    };
    match head[..at].find(':') {
        Some(colon) => format!("{}:{MASK}{}", &head[..colon], &head[at..]),
        None => head.to_owned(),
    }
}

/// `name=value` without the value when the name is that of a secret.
fn mask_parameter(parameter: &str) -> String {
    let Some((name, value)) = parameter.split_once('=') else {
        return parameter.to_owned();
    };
    let lower = name.to_ascii_lowercase();
    let is_secret = !value.is_empty() && SECRET_NAMES.iter().any(|secret| lower.contains(secret));
    if is_secret {
        format!("{name}={MASK}")
    } else {
        parameter.to_owned()
    }
}

/// A text with every URL in it masked: the last net, under messages that others wrote.
pub(crate) fn mask_text(text: &str) -> String {
    let ends_url = |character: char| {
        character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '<' | '>')
    };
    text.split_inclusive(ends_url)
        .map(|piece| {
            let body = piece.trim_end_matches(ends_url);
            if body.contains("://") {
                format!("{}{}", mask_url(body), &piece[body.len()..])
            } else {
                piece.to_owned()
            }
        })
        .collect()
}

/// A shell command with every URL and every `NAME=value` of a secret in it masked.
pub(crate) fn mask_command(command: &str) -> String {
    mask_text(command)
        .split_inclusive(char::is_whitespace)
        .map(|piece| {
            let word = piece.trim_end();
            format!("{}{}", mask_parameter(word), &piece[word.len()..])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_secret_parameters_are_masked() {
        for (url, masked) in [
            (
                "postgres://app:hunter2@db/shop",
                "postgres://app:***@db/shop",
            ),
            ("postgres://app@db/shop", "postgres://app@db/shop"),
            (
                "postgres://app:p@ss/w?rd@db:5432/shop?sslmode=require",
                "postgres://app:***@db:5432/shop?sslmode=require",
            ),
            (
                "postgres://db/shop?user=app&password=hunter2",
                "postgres://db/shop?user=app&password=***",
            ),
            (
                "postgres://db/shop?sslKey=a&authToken=b&connect_timeout=5",
                "postgres://db/shop?sslKey=***&authToken=***&connect_timeout=5",
            ),
            (
                "postgres://app:hunter2@db/shop?password=a@b",
                "postgres://app:***@db/shop?password=***",
            ),
            ("sqlite://app.db?mode=rwc", "sqlite://app.db?mode=rwc"),
            ("sqlite:///home/a@b/app.db", "sqlite:///home/a@b/app.db"),
            ("sqlite:app.db", "sqlite:app.db"),
            ("not a url", "not a url"),
        ] {
            assert_eq!(mask_url(url), masked);
        }
    }

    #[test]
    fn urls_inside_a_message_are_masked() {
        assert_eq!(
            mask_text("no server at `postgres://app:hunter2@db/shop`, is\n\"mysql://a:b@c\" down?"),
            "no server at `postgres://app:***@db/shop`, is\n\"mysql://a:***@c\" down?"
        );
    }

    #[test]
    fn a_commands_secrets_are_masked() {
        assert_eq!(
            mask_command("API_TOKEN=abc DEBUG=1 push  --password=x postgres://a:b@c/d\n"),
            "API_TOKEN=*** DEBUG=1 push  --password=*** postgres://a:***@c/d\n"
        );
    }

    #[test]
    fn no_part_of_an_odd_password_is_left() {
        for password in [
            "p@ss", "a/b", "a?b", "a:b", "a?b@c", "a#b", "@", "a&b=c", "?x=@y", "p@a?b", "p@a?b=c",
        ] {
            let masked = mask_url(&format!("postgres://app:{password}@db/shop"));
            assert_eq!(masked, "postgres://app:***@db/shop", "password {password}");
        }
    }
}
