//! Natural numbers of any size: spaces hold more architectures than machine words can count.

use std::fmt;
use std::ops::{Add, Mul};

/// Each limb holds nine decimal digits.
const BASE: u64 = 1_000_000_000;

/// A natural number, exact; prints in decimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Natural {
    /// Base 10⁹, the least significant first; no zeros at the end.
    limbs: Vec<u32>,
}

impl Natural {
    /// The number's logarithm to base 10, to about nine digits; -∞ for 0.
    pub fn log10(&self) -> f64 {
        let leading = self.limbs.iter().rev().take(3);
        let value = leading.fold(0.0, |value, &limb| value * BASE as f64 + f64::from(limb));
        value.log10() + 9.0 * self.limbs.len().saturating_sub(3) as f64
    }

    pub(super) fn pow(&self, exponent: usize) -> Self {
        let mut power = Self::from(1);
        for _ in 0..exponent {
            power = &power * self;
        }
        power
    }

    /// The limbs of a number whose limbs are given unreduced.
    fn carried(unreduced: impl Iterator<Item = u64>) -> Self {
        let mut limbs = Vec::new();
        let mut carry = 0;
        for limb in unreduced {
            carry += limb;
            limbs.push((carry % BASE) as u32);
            carry /= BASE;
        }
        while carry > 0 {
            limbs.push((carry % BASE) as u32);
            carry /= BASE;
        }
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        Self { limbs }
    }
}

impl From<usize> for Natural {
    fn from(value: usize) -> Self {
        Self::carried(std::iter::once(value as u64))
    }
}

impl Add for Natural {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let length = self.limbs.len().max(other.limbs.len());
        let limb = |number: &Self, i: usize| u64::from(number.limbs.get(i).copied().unwrap_or(0));
        Self::carried((0..length).map(|i| limb(&self, i) + limb(&other, i)))
    }
}

impl Mul for &Natural {
    type Output = Natural;

    fn mul(self, other: Self) -> Natural {
        let mut product = vec![0; self.limbs.len() + other.limbs.len()];
        for (i, &a) in self.limbs.iter().enumerate() {
            let mut carry = 0;
            for (j, &b) in other.limbs.iter().enumerate() {
                carry += product[i + j] + u64::from(a) * u64::from(b);
                product[i + j] = carry % BASE;
                carry /= BASE;
            }
            product[i + other.limbs.len()] = carry;
        }
        Natural::carried(product.into_iter())
    }
}

impl fmt::Display for Natural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut limbs = self.limbs.iter().rev();
        write!(f, "{}", limbs.next().unwrap_or(&0))?;
        limbs.try_for_each(|limb| write!(f, "{limb:09}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn large_powers_are_exact() {
        let power = Natural::from(2).pow(128);
        assert_eq!(power.to_string(), "340282366920938463463374607431768211456");
        assert!((power.log10() - 128.0 * 2f64.log10()).abs() < 1e-9);
        assert_eq!(Natural::from(0).to_string(), "0");
        assert_eq!(Natural::from(10).pow(40).log10(), 40.0);
        assert_eq!((&Natural::from(0) * &power), Natural::from(0));
    }

    proptest! {
        #[test]
        fn sums_and_products_are_those_of_integers(a in 0..usize::MAX, b in 0..usize::MAX) {
            let (sum, product) = (a as u128 + b as u128, a as u128 * b as u128);
            let (a, b) = (Natural::from(a), Natural::from(b));
            prop_assert_eq!((&a * &b).to_string(), product.to_string());
            prop_assert_eq!((a + b).to_string(), sum.to_string());
        }
    }
}
