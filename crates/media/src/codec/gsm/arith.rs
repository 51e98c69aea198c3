//! The arithmetic of ETSI EN 300 961 §4.1: 16-bit numbers that stay at their ends instead of wrapping.

/// Sum, held at the ends.
pub(super) fn add(a: i16, b: i16) -> i16 {
    a.saturating_add(b)
}

/// Difference, held at the ends.
pub(super) fn sub(a: i16, b: i16) -> i16 {
    a.saturating_sub(b)
}

/// Product of two fractions, cut.
pub(super) fn mult(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 15).min(32767) as i16
}

/// Product of two fractions, rounded.
pub(super) fn mult_r(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b) + 16384) >> 15).min(32767) as i16
}

/// How far to the left a number can go before it loses its sign; 0 for zero.
pub(super) fn norm(value: i32) -> u32 {
    let magnitude = if value < 0 { !value } else { value };
    if value == 0 { 0 } else { magnitude.leading_zeros().saturating_sub(1) }
}

/// The fraction `part / whole` for `0 <= part <= whole`, 15 bits by long division.
pub(super) fn div(part: i16, whole: i16) -> i16 {
    let (mut rest, whole, mut quotient) = (i32::from(part), i32::from(whole), 0_i16);
    for _ in 0..15 {
        quotient <<= 1;
        rest <<= 1;
        if rest >= whole {
            rest -= whole;
            quotient |= 1;
        }
    }
    if part == 0 { 0 } else { quotient }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_at_their_ends() {
        assert_eq!(mult(i16::MIN, i16::MIN), i16::MAX);
        assert_eq!(mult_r(i16::MIN, i16::MIN), i16::MAX);
        assert_eq!(mult_r(i16::MIN, i16::MAX), -32767);
        assert_eq!(add(i16::MAX, 1), i16::MAX);
        assert_eq!(sub(i16::MIN, 1), i16::MIN);
        assert_eq!((norm(1), norm(-1), norm(i32::MAX), norm(i32::MIN), norm(0)), (30, 31, 0, 0, 0));
        assert_eq!((div(5, 5), div(0, 5), div(1, 2)), (i16::MAX, 0, 16384));
    }
}
