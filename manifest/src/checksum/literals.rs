//! Literals by value: `0xff` is `255`, `1_000` is `1000`, `r"a"` is `"a"`, `1.50` is `1.5`.

use proc_macro2::Literal;
use syn::Lit;

/// Bytes that are equal for literals of equal type and value.
pub(super) fn by_value(literal: &Literal) -> Vec<u8> {
    let (kind, suffix, value) = match Lit::new(literal.clone()) {
        Lit::Str(text) => ("str", text.suffix().to_owned(), text.value().into_bytes()),
        Lit::ByteStr(bytes) => ("bytes", bytes.suffix().to_owned(), bytes.value()),
        Lit::CStr(text) => ("cstr", text.suffix().to_owned(), text.value().into_bytes()),
        Lit::Byte(byte) => ("byte", byte.suffix().to_owned(), vec![byte.value()]),
        Lit::Char(character) => (
            "char",
            character.suffix().to_owned(),
            character.value().to_string().into_bytes(),
        ),
        Lit::Int(number) if matches!(number.suffix(), "f32" | "f64") => (
            "float",
            number.suffix().to_owned(),
            decimal(number.base10_digits()).into_bytes(),
        ),
        Lit::Int(number) => (
            "int",
            number.suffix().to_owned(),
            number.base10_digits().as_bytes().to_vec(),
        ),
        Lit::Float(number) => (
            "float",
            number.suffix().to_owned(),
            decimal(number.base10_digits()).into_bytes(),
        ),
        _ => ("other", String::new(), literal.to_string().into_bytes()),
    };
    let mut bytes = format!("{kind} {suffix} ").into_bytes();
    bytes.extend(value);
    bytes
}

/// A decimal number as its significant digits and an exponent, exactly: no rounding makes two numbers one.
fn decimal(text: &str) -> String {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}").replace('_', "");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    let trailing = digits.len() - digits.trim_end_matches('0').len();
    let fraction_length = fraction
        .chars()
        .filter(|character| *character != '_')
        .count();
    match exponent.replace(['_', '+'], "").parse::<i64>() {
        Ok(exponent) => format!(
            "{significant}e{}",
            exponent + trailing as i64 - fraction_length as i64
        ),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(left: &str, right: &str) -> bool {
        by_value(&left.parse().unwrap()) == by_value(&right.parse().unwrap())
    }

    #[test]
    fn one_value_written_two_ways_is_one_literal() {
        for (left, right) in [
            ("0xff", "255"),
            ("1_000", "1000"),
            ("0b11_u8", "3u8"),
            ("1.50", "1.5"),
            ("1.", "1.0"),
            ("1e3", "1000.0"),
            ("1E+3", "1e3"),
            ("0.001", "1e-3"),
            ("1f32", "1.0f32"),
            ("0.0", "0e5"),
            ("r\"a\\b\"", "\"a\\\\b\""),
            ("\"a\\\n    b\"", "\"ab\""),
            ("'\\x41'", "'A'"),
            ("b\"\\x41\"", "b\"A\""),
            ("r#\"\"\"#", "\"\\\"\""),
        ] {
            assert!(same(left, right), "{left} {right}");
        }
    }

    #[test]
    fn other_values_and_other_types_are_other_literals() {
        for (left, right) in [
            ("1", "1.0"),
            ("1", "1u8"),
            ("\"a\"", "b\"a\""),
            ("'a'", "\"a\""),
            ("b'a'", "97"),
            ("1.5", "15.0"),
            ("0.1", "0.10000000000000000000000001"),
            ("10.0", "100.0"),
            ("\"a\"", "\"a \""),
            ("c\"a\"", "\"a\""),
        ] {
            assert!(!same(left, right), "{left} {right}");
        }
    }
}
