//! Kubernetes quantities: parse, compare, canonical form.
//!
//! Follows `k8s.io/apimachinery/pkg/api/resource`: the same suffixes, the same
//! rounding up to a billionth, the same canonical form, so that what is sent is
//! what the server stores. Comparing is by value: `1000m` equals `1`.

use std::{
    cmp::Ordering,
    fmt::{self, Display},
    ops::{Add, Mul, Sub},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use thiserror::Error;

/// Billionths in one.
const ONE: i128 = 1_000_000_000;

/// The largest magnitude that Kubernetes stores; more is cut to it.
const MAX: i128 = i64::MAX as i128 * ONE;

/// More digits than these do not fit the exact arithmetic below: the digits of
/// [`MAX`], and with a binary suffix what may still be multiplied by 2^60.
const MAX_DIGITS: usize = 28;
const MAX_BINARY_DIGITS: u32 = 20;

const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];

const BINARY: [(&str, u32); 6] = [("Ki", 1), ("Mi", 2), ("Gi", 3), ("Ti", 4), ("Pi", 5), ("Ei", 6)];

/// A quantity such as `250m`, `8Gi` or `1.5`, exact to a billionth.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    billionths: i128,
    /// How it was written, which decides how it is printed; never compared.
    family: Family,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Decimal,
    Binary,
    Exponent,
}

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// No digits where a number belongs.
    #[error("`{0}` does not start with a number")]
    NoNumber(String),
    /// Neither a suffix of Kubernetes nor an exponent.
    #[error("`{0}` is not a suffix of a quantity")]
    Suffix(String),
    /// More digits than can be held exactly.
    #[error("`{0}` has more digits than a quantity can hold")]
    TooLong(String),
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { billionths: 0, family: Family::Decimal };

    /// Returns thousandths: `milli(250)` is `250m`.
    pub const fn milli(thousandths: u32) -> Self {
        Self { billionths: thousandths as i128 * (ONE / 1000), family: Family::Decimal }
    }

    /// Returns mebibytes: `mebi(512)` is `512Mi`.
    pub const fn mebi(mebibytes: u32) -> Self {
        Self { billionths: ((mebibytes as i128) << 20) * ONE, family: Family::Binary }
    }

    /// Returns bytes, printed with a binary suffix where one is exact.
    pub const fn from_bytes(bytes: u64) -> Self {
        let billionths = bytes as i128 * ONE;
        Self { billionths: if billionths > MAX { MAX } else { billionths }, family: Family::Binary }
    }

    /// Returns the value in bytes, rounded up; 0 for a negative one.
    pub fn bytes(&self) -> u64 {
        u64::try_from(divide_away_from_zero(self.billionths, ONE)).unwrap_or(0)
    }

    /// Says whether two values of an object are one quantity in two spellings.
    pub fn are_equal(one: &Value, other: &Value) -> bool {
        let read = |value: &Value| match value {
            Value::String(text) => text.parse::<Quantity>().ok(),
            Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        };
        read(one).is_some_and(|quantity| read(other) == Some(quantity))
    }

    /// Says whether this is more than nothing.
    pub fn is_positive(&self) -> bool {
        self.billionths > 0
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (digits, fraction) = mantissa(number, text)?;
        let (scale, family) = scale(suffix)?;
        let magnitude = match scale {
            Scale::Ten(exponent) => times_power_of_ten(digits, exponent.saturating_sub(fraction) + 9),
            Scale::Kibi(_) if digits >= 10_i128.pow(MAX_BINARY_DIGITS) => {
                return Err(QuantityError::TooLong(text.to_owned()));
            }
            Scale::Kibi(power) => times_power_of_ten_after(digits, 1 << (10 * power), 9 - fraction),
        };
        // As Go does: a binary suffix on less than one byte says nothing.
        let family = if magnitude < ONE && family == Family::Binary { Family::Decimal } else { family };
        Ok(Self { billionths: if negative { -magnitude } else { magnitude }, family })
    }
}

enum Scale {
    Ten(i32),
    Kibi(u32),
}

fn scale(suffix: &str) -> Result<(Scale, Family), QuantityError> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|row| row.0 == suffix) {
        return Ok((Scale::Ten(*exponent), Family::Decimal));
    }
    if let Some((_, power)) = BINARY.iter().find(|row| row.0 == suffix) {
        return Ok((Scale::Kibi(*power), Family::Binary));
    }
    let exponent = suffix.strip_prefix(['e', 'E']).and_then(|digits| digits.parse::<i16>().ok());
    match exponent {
        Some(exponent) => Ok((Scale::Ten(exponent.into()), Family::Exponent)),
        None => Err(QuantityError::Suffix(suffix.to_owned())),
    }
}

/// Reads `12.50` as (125, 1): all significant digits, and how many of them
/// stand behind the point.
fn mantissa(number: &str, text: &str) -> Result<(i128, i32), QuantityError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return Err(QuantityError::NoNumber(text.to_owned()));
    }
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.len() > MAX_DIGITS || fraction.len() > 1000 {
        return Err(QuantityError::TooLong(text.to_owned()));
    }
    let places = i32::try_from(fraction.len()).unwrap_or(i32::MAX);
    Ok((digits.parse().unwrap_or(0), places))
}

fn times_power_of_ten(digits: i128, exponent: i32) -> i128 {
    times_power_of_ten_after(digits, 1, exponent)
}

/// Multiplies, then shifts by powers of ten, rounding up; cut to [`MAX`].
fn times_power_of_ten_after(digits: i128, factor: i128, exponent: i32) -> i128 {
    let product = digits.saturating_mul(factor);
    let power = 10_i128.checked_pow(exponent.unsigned_abs());
    let shifted = match (exponent >= 0, power) {
        _ if product == 0 => 0,
        (true, Some(power)) => product.saturating_mul(power),
        (true, None) => MAX,
        (false, Some(power)) => divide_away_from_zero(product, power),
        (false, None) => 1,
    };
    shifted.min(MAX)
}

fn divide_away_from_zero(value: i128, by: i128) -> i128 {
    value / by + value.signum() * i128::from(value % by != 0)
}

/// The canonical form: the largest suffix that leaves no fraction.
impl Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole_bytes = self.billionths % ONE == 0;
        let binary = self.family == Family::Binary && whole_bytes && self.billionths.abs() >= 1024 * ONE;
        let text = if binary { binary_form(self.billionths / ONE) } else { self.decimal_form() };
        f.pad(&text)
    }
}

fn binary_form(mut bytes: i128) -> String {
    let mut suffix = "";
    for (name, _) in BINARY {
        if bytes % 1024 != 0 {
            break;
        }
        bytes /= 1024;
        suffix = name;
    }
    format!("{bytes}{suffix}")
}

impl Quantity {
    fn decimal_form(&self) -> String {
        let (mut number, mut exponent) = (self.billionths, -9);
        if number == 0 {
            exponent = 0;
        }
        while number != 0 && number % 1000 == 0 {
            number /= 1000;
            exponent += 3;
        }
        if self.family == Family::Exponent {
            return if exponent == 0 { number.to_string() } else { format!("{number}e{exponent}") };
        }
        let suffix = DECIMAL.iter().find(|row| row.1 == exponent).map_or("", |row| row.0);
        format!("{number}{suffix}")
    }
}

impl Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let family = if self.billionths == 0 { other.family } else { self.family };
        Self { billionths: (self.billionths + other.billionths).clamp(-MAX, MAX), family }
    }
}

impl Sub for Quantity {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + Self { billionths: -other.billionths, ..other }
    }
}

impl Mul<usize> for Quantity {
    type Output = Self;

    fn mul(self, times: usize) -> Self {
        let times = i128::try_from(times).unwrap_or(i128::MAX);
        Self { billionths: self.billionths.saturating_mul(times).clamp(-MAX, MAX), ..self }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.billionths == other.billionths
    }
}

impl Eq for Quantity {}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.billionths.cmp(&other.billionths)
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
