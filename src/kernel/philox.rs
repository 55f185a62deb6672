//! Random numbers that any thread can compute alone: Philox 4x32-10 and the arrays drawn from it.
//!
//! Philox (Salmon, Moraes, Dror and Shaw, 2011) turns a counter and a key into a block of four 32-bit words without
//! any state between blocks. An array is drawn from a run of blocks that begins at its [`Draw`]'s offset:
//!
//! | element i of                                | words of the run | elements a block |
//! |---------------------------------------------|------------------|------------------|
//! | `f32` uniform, Bernoulli, integer           | i                | 4                |
//! | `f32` normal, `f64` uniform, step of shuffle | 2i, 2i + 1      | 2                |
//! | `f64` normal                                | 4i ..= 4i + 3    | 1                |
//!
//! Word w is word w mod 4 of block offset + w div 4. A draw takes whole blocks, so the next one begins at the block
//! after its last word. `shaders/random/philox.wgsl` has the same functions for kernels: words, uniforms, integers and
//! Bernoulli values come out identical there, normals within 10⁻⁵.

#[cfg(test)]
mod shader_tests;
#[cfg(test)]
mod tests;

use crate::shape::Element;
use crate::tensor::real::single::{cos_quarter, ln_normal, sin_quarter};
use rayon::prelude::*;

/// Words in a block.
pub const BLOCK: usize = 4;
/// Blocks that one task of a parallel fill computes.
const TASK_BLOCKS: usize = 4096;
const TWO_POW_MINUS_24: f32 = 1.0 / 16_777_216.0;
const TWO_POW_MINUS_32: f32 = 1.0 / 4_294_967_296.0;
const TWO_POW_MINUS_53: f64 = 1.0 / 9_007_199_254_740_992.0;

/// Philox 4x32 with ten rounds: the block of random words at `counter` under `key`.
///
/// ```
/// use catena::kernel::philox::philox4x32;
///
/// assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
/// ```
#[inline(always)]
pub fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut c0, mut c1, mut c2, mut c3], [mut k0, mut k1]) = (counter, key);
    for _ in 0..10 {
        let (a, b) = (u64::from(c0) * 0xd251_1f53, u64::from(c2) * 0xcd9e_8d57);
        (c0, c1, c2, c3) = ((b >> 32) as u32 ^ c1 ^ k0, b as u32, (a >> 32) as u32 ^ c3 ^ k1, a as u32);
        (k0, k1) = (k0.wrapping_add(0x9e37_79b9), k1.wrapping_add(0xbb67_ae85));
    }
    [c0, c1, c2, c3]
}

/// A number in [0, 1), a multiple of 2⁻²⁴, from the upper 24 bits of a word.
#[inline(always)]
pub fn uniform_from_bits(x: u32) -> f32 {
    (x >> 8) as i32 as f32 * TWO_POW_MINUS_24
}

/// A number in [0, 1), a multiple of 2⁻⁵³, from the upper 53 bits of two words.
#[inline(always)]
pub fn uniform_f64_from_bits(high: u32, low: u32) -> f64 {
    (join(high, low) >> 11) as f64 * TWO_POW_MINUS_53
}

/// A standard normal number by the Box-Muller transform √(-2 ln u)·cos(2πv), within ±6.66.
///
/// u is in (0, 1] with 24 bits, and with 32 below 2⁻⁸, where the tails come from; v has 24 bits.
#[inline(always)]
pub fn normal_from_bits(a: u32, b: u32) -> f32 {
    let fine = (a.wrapping_add(1) as i32) as f32 * TWO_POW_MINUS_32;
    let coarse = ((a >> 8) as i32 + 1) as f32 * TWO_POW_MINUS_24;
    let u = if a < 1 << 24 { fine } else { coarse };
    // v in quarter turns: the nearest one, and the exact rest of at most half a quarter to either side.
    let v = b >> 8;
    let quarter = (v + (1 << 21)) >> 22;
    let rest = v.wrapping_sub(quarter << 22) as i32 as f32 * (std::f32::consts::TAU * TWO_POW_MINUS_24);
    let size = if quarter & 1 == 0 { cos_quarter(rest) } else { sin_quarter(rest) };
    let cosine = if (quarter + 1) & 2 == 0 { size } else { -size };
    (-2.0 * ln_normal(u)).sqrt() * cosine
}

/// A standard normal number in double precision, by the same transform of two uniforms of 53 bits.
pub fn normal_f64_from_bits(words: [u32; 4]) -> f64 {
    let [a, b, c, d] = words;
    let (u, v) = (uniform_f64_from_bits(a, b) + TWO_POW_MINUS_53, uniform_f64_from_bits(c, d));
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// An integer in `low..high` by multiply and shift: low + ⌊x·(high - low) / 2³²⌋.
///
/// The probability of each value is off from 1/(high - low) by less than 2⁻³².
#[inline(always)]
pub fn randint_from_bits(x: u32, low: i32, high: i32) -> i32 {
    let span = high.wrapping_sub(low) as u32;
    low.wrapping_add(((u64::from(x) * u64::from(span)) >> 32) as i32)
}

#[inline(always)]
fn join(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// Where one array is drawn: a key and a block offset, of which every element is a pure function.
///
/// It can be kept and used again, on the CPU or in a kernel, to compute the same elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Draw {
    key: [u32; 2],
    offset: u64,
}

impl Draw {
    /// The same key, `blocks` further on: where a chunk of the array begins.
    pub fn skip(self, blocks: u64) -> Draw {
        Draw { key: self.key, offset: self.offset.wrapping_add(blocks) }
    }

    /// Key and offset, low words first, as `philox.wgsl` takes them: `key.x, key.y, offset.x, offset.y`.
    pub fn params(self) -> [u32; 4] {
        [self.key[0], self.key[1], self.offset as u32, (self.offset >> 32) as u32]
    }

    /// The draw of which these are the [`params`](Draw::params).
    pub fn from_params([key0, key1, low, high]: [u32; 4]) -> Draw {
        Draw { key: [key0, key1], offset: join(high, low) }
    }

    /// Block `i` of the run.
    #[inline(always)]
    pub fn block(self, i: u64) -> [u32; 4] {
        let at = self.offset.wrapping_add(i);
        philox4x32([at as u32, (at >> 32) as u32, 0, 0], self.key)
    }

    /// Word `i` of the run.
    pub fn word(self, i: u64) -> u32 {
        self.block(i / BLOCK as u64)[(i % BLOCK as u64) as usize]
    }

    /// Fills with the words themselves.
    pub fn fill_words(self, out: &mut [u32]) {
        self.fill(out, |[x]| x);
    }

    /// Fills with uniform numbers in [0, 1).
    pub fn fill_uniform(self, out: &mut [f32]) {
        self.fill(out, |[a]| uniform_from_bits(a));
    }

    /// Fills with uniform numbers in [0, 1), in double precision.
    pub fn fill_uniform_f64(self, out: &mut [f64]) {
        self.fill(out, |[a, b]| uniform_f64_from_bits(a, b));
    }

    /// Fills with standard normal numbers.
    pub fn fill_normal(self, out: &mut [f32]) {
        self.fill(out, |[a, b]| normal_from_bits(a, b));
    }

    /// Fills with standard normal numbers, in double precision.
    pub fn fill_normal_f64(self, out: &mut [f64]) {
        self.fill(out, normal_f64_from_bits);
    }

    /// Fills with integers in `low..high`.
    ///
    /// Panics if the range is empty.
    #[track_caller]
    pub fn fill_randint(self, out: &mut [i32], low: i32, high: i32) {
        assert!(low < high, "randint: the range {low}..{high} is empty");
        self.fill(out, |[x]| randint_from_bits(x, low, high));
    }

    /// Fills with ones, each with probability `p` (in steps of 2⁻²⁴), and zeros.
    pub fn fill_bernoulli<T: Element>(self, out: &mut [T], p: f32) {
        self.fill(out, |[x]| if uniform_from_bits(x) < p { T::ONE } else { T::ZERO });
    }

    /// Fills with what `of` makes of the W words of each element, in parallel where there is enough to do.
    #[inline(always)]
    fn fill<T: Send, const W: usize>(self, out: &mut [T], of: impl Fn([u32; W]) -> T + Copy + Sync) {
        let size = TASK_BLOCKS * BLOCK / W;
        let task = |(i, out): (usize, &mut [T])| {
            let draw = self.skip((i * TASK_BLOCKS) as u64);
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || draw.fill_task(out, of),
            );
        };
        if out.len() > 2 * size {
            out.par_chunks_mut(size).enumerate().for_each(task);
        } else {
            out.chunks_mut(size).enumerate().for_each(task);
        }
    }

    /// Words first and elements second, a tile at a time: each loop becomes packed code, which both in one do not.
    #[inline(always)]
    fn fill_task<T, const W: usize>(self, out: &mut [T], of: impl Fn([u32; W]) -> T) {
        const TILE_BLOCKS: usize = 64;
        let mut words = [0; TILE_BLOCKS * BLOCK];
        for (first, out) in (0..).step_by(TILE_BLOCKS).zip(out.chunks_mut(TILE_BLOCKS * BLOCK / W)) {
            let (blocks, _) = words.as_chunks_mut::<BLOCK>();
            for (i, block) in (first..).zip(&mut blocks[..(out.len() * W).div_ceil(BLOCK)]) {
                *block = self.block(i);
            }
            for (element, words) in out.iter_mut().zip(words.as_chunks::<W>().0) {
                *element = of(*words);
            }
        }
    }
}

/// A source of draws: a seed, a stream of it, and how many blocks have been taken.
///
/// Two generators with the same three numbers give the same arrays on every device and with any number of threads.
///
/// ```
/// use catena::kernel::philox::Generator;
///
/// let mut g = Generator::new(7);
/// let saved = g.state();
/// let mut a = [0.0; 5];
/// g.fill_normal(&mut a);
///
/// let mut b = [0.0; 5];
/// Generator::from_state(saved).fill_normal(&mut b);
/// assert_eq!(a, b);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generator {
    seed: u64,
    stream: u64,
    offset: u64,
}

impl Generator {
    /// The beginning of stream 0 of a seed; its key is the seed itself.
    pub fn new(seed: u64) -> Generator {
        Generator::with_stream(seed, 0)
    }

    /// The beginning of a stream of a seed; different streams of one seed have different keys.
    pub fn with_stream(seed: u64, stream: u64) -> Generator {
        Generator { seed, stream, offset: 0 }
    }

    /// A new generator of the same seed, whose stream is drawn from this one.
    ///
    /// The chance that any two of n generators made by splitting share a stream is about n²/2⁶⁵.
    pub fn split(&mut self) -> Generator {
        let [high, low, ..] = self.take(2).block(0);
        Generator::with_stream(self.seed, join(high, low))
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Everything there is to save: seed, stream, and blocks taken.
    pub fn state(&self) -> [u64; 3] {
        [self.seed, self.stream, self.offset]
    }

    /// The generator that had this state.
    pub fn from_state([seed, stream, offset]: [u64; 3]) -> Generator {
        Generator { seed, stream, offset }
    }

    /// Takes the blocks that `words` words need, ⌈words/4⌉, and says where they are.
    pub fn take(&mut self, words: u64) -> Draw {
        // The finaliser of SplitMix64 is a bijection that keeps zero: streams of one seed cannot share a key.
        let mut mixed = self.stream;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let key = self.seed ^ mixed ^ (mixed >> 31);
        let draw = Draw { key: [key as u32, (key >> 32) as u32], offset: self.offset };
        self.offset = self.offset.wrapping_add(words.div_ceil(BLOCK as u64));
        draw
    }

    /// Fills with uniform numbers in [0, 1).
    pub fn fill_uniform(&mut self, out: &mut [f32]) {
        self.take(out.len() as u64).fill_uniform(out);
    }

    /// Fills with uniform numbers in [0, 1), in double precision.
    pub fn fill_uniform_f64(&mut self, out: &mut [f64]) {
        self.take(2 * out.len() as u64).fill_uniform_f64(out);
    }

    /// Fills with standard normal numbers.
    pub fn fill_normal(&mut self, out: &mut [f32]) {
        self.take(2 * out.len() as u64).fill_normal(out);
    }

    /// Fills with standard normal numbers, in double precision.
    pub fn fill_normal_f64(&mut self, out: &mut [f64]) {
        self.take(4 * out.len() as u64).fill_normal_f64(out);
    }

    /// Fills with integers in `low..high`, as [`randint_from_bits`] makes them.
    ///
    /// Panics if the range is empty.
    #[track_caller]
    pub fn fill_randint(&mut self, out: &mut [i32], low: i32, high: i32) {
        self.take(out.len() as u64).fill_randint(out, low, high);
    }

    /// Fills with ones, each with probability `p` (in steps of 2⁻²⁴), and zeros.
    pub fn fill_bernoulli<T: Element>(&mut self, out: &mut [T], p: f32) {
        self.take(out.len() as u64).fill_bernoulli(out, p);
    }

    /// One uniform number in [0, 1).
    pub fn uniform(&mut self) -> f32 {
        uniform_from_bits(self.take(1).word(0))
    }

    /// One standard normal number.
    pub fn normal(&mut self) -> f32 {
        let [a, b, ..] = self.take(2).block(0);
        normal_from_bits(a, b)
    }

    /// One integer in `low..high`, as [`randint_from_bits`] makes it.
    ///
    /// Panics if the range is empty.
    #[track_caller]
    pub fn randint(&mut self, low: i32, high: i32) -> i32 {
        let mut out = [0];
        self.fill_randint(&mut out, low, high);
        out[0]
    }

    /// True with probability `p`, in steps of 2⁻²⁴.
    pub fn bernoulli(&mut self, p: f32) -> bool {
        self.uniform() < p
    }

    /// Puts a slice into random order (Fisher-Yates); one order is less likely than another by at most n²/2⁶⁴.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        let draw = self.take(2 * items.len() as u64);
        for i in (1..items.len()).rev() {
            let words = draw.block(i as u64 / 2);
            let at = 2 * (i % 2);
            let x = u128::from(join(words[at], words[at + 1]));
            items.swap(i, ((x * (i as u128 + 1)) >> 64) as usize);
        }
    }

    /// The numbers below `n` in random order.
    ///
    /// ```
    /// let mut order = catena::kernel::philox::Generator::new(0).permutation(10);
    /// order.sort();
    /// assert!(order.into_iter().eq(0..10));
    /// ```
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }
}
