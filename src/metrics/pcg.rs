//! Whole numbers below a bound as NumPy's `default_rng(seed)` draws them, so that a resample here is the resample there.

/// The multiplier of PCG's 128-bit congruential generator (O'Neill, 2014).
const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;

/// PCG64 (XSL RR 128/64), seeded as NumPy's `SeedSequence` does it.
pub(super) struct Pcg64 {
    state: u128,
    increment: u128,
    /// The half of the last 64 bits that no 32-bit draw has taken yet.
    rest: Option<u32>,
}

impl Pcg64 {
    /// The generator of `numpy.random.default_rng(seed)`.
    pub fn new(seed: u64) -> Self {
        let words = seed_words(seed);
        let join = |high: u64, low: u64| u128::from(high) << 64 | u128::from(low);
        let increment = join(words[2], words[3]) << 1 | 1;
        let mut generator = Self { state: 0, increment, rest: None };
        generator.step();
        generator.state = generator.state.wrapping_add(join(words[0], words[1]));
        generator.step();
        generator
    }

    /// The next number from 0 to `bound` - 1, as `Generator.choice(bound)` and `Generator.integers(bound)` draw it: Lemire's method
    /// ("Fast Random Integer Generation in an Interval", 2019) on 32 bits. A bound of 0 or 1 takes nothing from the stream.
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound <= 1 {
            return 0;
        }
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u64::from(self.next_u32()) * u64::from(bound);
            if product as u32 >= threshold {
                return (product >> 32) as u32;
            }
        }
    }

    fn next_u32(&mut self) -> u32 {
        self.rest.take().unwrap_or_else(|| {
            let bits = self.next_u64();
            self.rest = Some((bits >> 32) as u32);
            bits as u32
        })
    }

    fn next_u64(&mut self) -> u64 {
        self.step();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    fn step(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }
}

/// `SeedSequence(seed).generate_state(4, uint64)`: the seed's 32-bit words hashed into a pool, and the pool into words.
fn seed_words(seed: u64) -> [u64; 4] {
    const POOL: usize = 4;
    let mut hash = Hash { constant: 0x43b0_d7e5, multiplier: 0x931e_8875 };
    let mut pool: [u32; POOL] = [seed as u32, (seed >> 32) as u32, 0, 0].map(|word| hash.of(word));
    for source in 0..POOL {
        for target in (0..POOL).filter(|target| *target != source) {
            let hashed = hash.of(pool[source]).wrapping_mul(0x4973_f715);
            let mixed = pool[target].wrapping_mul(0xca01_f9dd).wrapping_sub(hashed);
            pool[target] = mixed ^ mixed >> 16;
        }
    }
    let mut hash = Hash { constant: 0x8b51_f9dd, multiplier: 0x58f3_8ded };
    let mut word = |place: usize| u64::from(hash.of(pool[place % POOL]));
    [0, 2, 4, 6].map(|place| word(place) | word(place + 1) << 32)
}

/// The hash of `SeedSequence`, whose constant changes with each word.
struct Hash {
    constant: u32,
    multiplier: u32,
}

impl Hash {
    fn of(&mut self, word: u32) -> u32 {
        let word = word ^ self.constant;
        self.constant = self.constant.wrapping_mul(self.multiplier);
        let word = word.wrapping_mul(self.constant);
        word ^ word >> 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.random.default_rng(seed).choice(bound, size=8)` of NumPy 2.4.
    #[test]
    fn numbers_are_numpys() {
        for (seed, bound, drawn) in NUMPY {
            let mut generator = Pcg64::new(seed);
            assert_eq!([(); 8].map(|()| generator.below(bound)), drawn, "seed {seed}, below {bound}");
        }
    }

    const NUMPY: [(u64, u32, [u32; 8]); 5] = [
        (12345, 1000, [699, 227, 788, 316, 204, 797, 642, 676]),
        (0, 7, [5, 4, 3, 1, 2, 0, 0, 0]),
        (1, 1, [0, 0, 0, 0, 0, 0, 0, 0]),
        (
            1099511627781,
            3000000000,
            [42477235, 1349911287, 1117753746, 1761688279, 2698308901, 454198945, 29614336, 1259880047],
        ),
        (9223372036854775807, 20, [8, 3, 4, 9, 12, 16, 0, 6]),
    ];
}
