//! Kubernetes quantities (`1500m`, `64Mi`, `2e3`), as whole numbers of a chosen unit.

use super::name;
use std::collections::BTreeMap;
use windlass_core::units::{ResourceList, Resources};

/// What a node offers or a container requests. Resources with a domain in their name are extended ones, counted one by one.
pub(crate) fn resource_list(list: &BTreeMap<String, String>) -> ResourceList {
    let amount = |key: &str| list.get(key).map_or("0", String::as_str);
    let amounts = Resources {
        cpu_millis: millis(amount("cpu")).unwrap_or(0),
        memory_bytes: units(amount("memory")).unwrap_or(0),
        gpus: 0,
        pods: units(amount("pods")).unwrap_or(0),
    };
    let extended = list.iter().filter(|(key, _)| key.contains('/'));
    let extended = extended.filter_map(|(key, number)| Some((name(key), units(number)?)));
    ResourceList { amounts, extended: extended.filter(|(_, number)| *number > 0).collect() }
}

/// The quantity in thousandths, rounded up as kube-scheduler does; `None` when the text is no quantity.
pub(crate) fn millis(text: &str) -> Option<u64> {
    scaled(text, 3)
}

/// The quantity in whole units, rounded up; `None` when the text is no quantity.
pub(crate) fn units(text: &str) -> Option<u64> {
    scaled(text, 0)
}

/// The quantity in units of 10 to the power of minus `places`, rounded up and held at the largest number.
fn scaled(text: &str, places: i32) -> Option<u64> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != '+')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (whole, fraction) =
        number.trim_start_matches('+').split_once('.').unwrap_or((number.trim_start_matches('+'), ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let (factor, power) = suffix_factor(suffix)?;
    let power = power + places - i32::try_from(fraction.len()).ok()?;
    let value = digits.checked_mul(factor)?;
    let value = if power >= 0 {
        value.saturating_mul(10_u128.saturating_pow(power.unsigned_abs()))
    } else {
        value.div_ceil(10_u128.checked_pow(power.unsigned_abs())?)
    };
    Some(u64::try_from(value).unwrap_or(u64::MAX))
}

/// A suffix as a factor and a power of ten.
fn suffix_factor(suffix: &str) -> Option<(u128, i32)> {
    const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    const DECIMAL: [(&str, i32); 10] = [
        ("n", -9),
        ("u", -6),
        ("m", -3),
        ("", 0),
        ("k", 3),
        ("M", 6),
        ("G", 9),
        ("T", 12),
        ("P", 15),
        ("E", 18),
    ];
    if let Some(position) = BINARY.iter().position(|known| *known == suffix) {
        return Some((1 << (10 * (position + 1)), 0));
    }
    if let Some((_, power)) = DECIMAL.iter().find(|(known, _)| *known == suffix) {
        return Some((1, *power));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some((1, exponent.parse().ok().filter(|power: &i32| power.abs() <= 30)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        for (text, expected) in [
            ("2", 2000),
            ("1500m", 1500),
            ("0.5", 500),
            ("1.0001", 1001),
            ("2e1", 20_000),
            ("100u", 1),
            ("3k", 3_000_000),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
        for (text, expected) in [
            ("64Mi", 67_108_864),
            ("1Ki", 1024),
            ("8131312Ki", 8_326_463_488),
            ("1.5Gi", 1_610_612_736),
            ("128974848", 128_974_848),
        ] {
            assert_eq!(units(text), Some(expected), "{text}");
        }
        assert_eq!(units("99999999999999999999E"), Some(u64::MAX));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "Mi", "1 Gi", "-1", "1Q", "e3", ".", "1e99999999999", "NaN"] {
            assert_eq!(units(text), None, "{text}");
        }
    }
}
