//! Whole buffers kept by size class, so that a training loop allocates nothing after its first steps.
//!
//! Free blocks go back to the system in three cases: when the system or the limit refuses a new block; when a new block
//! would make the pool larger than twice the most that was in use lately, and some slack; and when a block has not been
//! asked for in [`STALE`] allocations. A loop of steps of one kind stays far from all of them.

use super::memory::{ClassUse, Memory, Tag};
use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

/// Allocations after which a block that nobody asked for is stale: dozens of steps of a large network.
const STALE: u64 = 20_000;
/// Bytes that the pool may always keep.
const SLACK: u64 = 64 << 20;

/// A block with its number; equal and ordered by the number alone.
pub(crate) struct Block<B> {
    pub id: u64,
    pub raw: B,
    /// The number of the allocation after which it came back.
    free_since: u64,
}
impl<B> Block<B> {
    pub fn new(id: u64, raw: B) -> Block<B> {
        Block { id, raw, free_since: 0 }
    }
}
impl<B> PartialEq for Block<B> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl<B> Eq for Block<B> {}
impl<B> PartialOrd for Block<B> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<B> Ord for Block<B> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id.cmp(&other.id)
    }
}

struct Inner<B> {
    // The lowest number first: the same sequence of requests then gets the same blocks in every step of a loop,
    // and what is cached by block (bind groups) is found again.
    free: BTreeMap<u64, BinaryHeap<Reverse<Block<B>>>>,
    live: BTreeMap<u64, (u64, Tag)>,
    next_id: u64,
    used: u64,
    total: u64,
    peak: u64,
    limit: Option<u64>,
    /// Allocations so far.
    taken: u64,
    /// The most in use during the last [`STALE`] allocations, and during those before them.
    high: [u64; 2],
}

/// Blocks of memory by size class.
pub(crate) struct BufferPool<B> {
    inner: Mutex<Inner<B>>,
    /// The largest block there can be.
    largest: u64,
}

/// Sizes are rounded up to a power of two or one of three steps between two of them: at most a fifth is wasted.
pub(crate) fn size_class(bytes: u64) -> u64 {
    const SMALLEST: u64 = 256;
    if bytes <= SMALLEST {
        return SMALLEST;
    }
    let below = 1u64 << (63 - (bytes - 1).leading_zeros());
    bytes.next_multiple_of(below / 4)
}

impl<B> BufferPool<B> {
    pub fn new(largest: u64) -> Self {
        BufferPool {
            inner: Mutex::new(Inner {
                free: BTreeMap::new(),
                live: BTreeMap::new(),
                next_id: 0,
                used: 0,
                total: 0,
                peak: 0,
                limit: None,
                taken: 0,
                high: [0; 2],
            }),
            largest,
        }
    }

    /// The largest block there can be.
    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// A block of at least `bytes`; `create` is called where the pool has none. The flag tells whether it was created.
    pub fn take(
        &self,
        device: &str,
        bytes: u64,
        create: impl Fn(u64) -> Result<B, String>,
        evicted: impl Fn(Vec<Block<B>>),
    ) -> Result<(Block<B>, u64, bool)> {
        let class = size_class(bytes).min(self.largest.max(bytes));
        let mut pool = self.inner.lock();
        pool.taken += 1;
        if pool.taken.is_multiple_of(STALE) {
            pool.high = [pool.used, pool.high[0]];
        }
        let block = pool.free.get_mut(&class).and_then(BinaryHeap::pop).map(|Reverse(b)| b);
        let (block, created) = match block {
            Some(block) => (block, false),
            None => {
                let superfluous = pool.superfluous(class);
                if !superfluous.is_empty() {
                    evicted(superfluous);
                }
                let over = |pool: &Inner<B>| pool.limit.is_some_and(|l| pool.total + class > l);
                let mut raw = if over(&pool) { Err(String::new()) } else { create(class) };
                if raw.is_err() {
                    // Give everything free back to the system and try once more.
                    evicted(pool.drain());
                    raw = if over(&pool) {
                        Err(format!("{} bytes set by set_limit", pool.limit.unwrap_or(0)))
                    } else {
                        create(class)
                    };
                }
                match raw {
                    Ok(raw) => {
                        pool.total += class;
                        pool.next_id += 1;
                        (Block::new(pool.next_id, raw), true)
                    }
                    Err(limit) => {
                        return Err(Error::OutOfMemory {
                            device: device.into(),
                            requested: bytes,
                            held: pool.used,
                            limit,
                            holders: pool.holders(),
                        });
                    }
                }
            }
        };
        pool.used += class;
        pool.peak = pool.peak.max(pool.used);
        pool.high[0] = pool.high[0].max(pool.used);
        pool.live.insert(block.id, (class, Tag::current()));
        Ok((block, class, created))
    }

    /// Takes a block back.
    pub fn put(&self, mut block: Block<B>, class: u64) {
        let mut pool = self.inner.lock();
        pool.used -= class;
        pool.live.remove(&block.id);
        block.free_since = pool.taken;
        pool.free.entry(class).or_default().push(Reverse(block));
    }

    /// Says anew what a live block is for.
    pub fn tag(&self, id: u64, tag: Tag) {
        if let Some((_, of)) = self.inner.lock().live.get_mut(&id) {
            *of = tag;
        }
    }

    /// Forgets every free block and returns them, to be dropped outside the lock.
    pub fn free_all(&self) -> Vec<Block<B>> {
        self.inner.lock().drain()
    }

    /// Forgets what nobody asked for lately and what is more than twice of what was in use.
    pub fn trim(&self) -> Vec<Block<B>> {
        self.inner.lock().superfluous(0)
    }

    pub fn set_limit(&self, bytes: Option<u64>) {
        self.inner.lock().limit = bytes;
    }

    pub fn reset_peak(&self) {
        let mut pool = self.inner.lock();
        pool.peak = pool.used;
    }

    /// Used, total and peak bytes.
    pub fn levels(&self) -> (u64, u64, u64) {
        let pool = self.inner.lock();
        (pool.used, pool.total, pool.peak)
    }

    /// What is held, by size and by purpose.
    pub fn memory(&self) -> Memory {
        let pool = self.inner.lock();
        let mut classes: BTreeMap<u64, ClassUse> = BTreeMap::new();
        let mut memory = Memory::default();
        for &(bytes, tag) in pool.live.values() {
            classes.entry(bytes).or_insert(ClassUse { bytes, live: 0, free: 0 }).live += 1;
            memory.add(tag, bytes);
        }
        for (&bytes, blocks) in pool.free.iter().filter(|(_, blocks)| !blocks.is_empty()) {
            classes.entry(bytes).or_insert(ClassUse { bytes, live: 0, free: 0 }).free += blocks.len() as u64;
        }
        memory.classes = classes.into_values().collect();
        memory
    }
}

impl<B> Inner<B> {
    fn drain(&mut self) -> Vec<Block<B>> {
        let mut out = vec![];
        for (class, blocks) in std::mem::take(&mut self.free) {
            self.total -= class * blocks.len() as u64;
            out.extend(blocks.into_iter().map(|Reverse(b)| b));
        }
        out
    }

    /// Takes free blocks out that the policy does not keep when a block of `class` bytes is made.
    fn superfluous(&mut self, class: u64) -> Vec<Block<B>> {
        let bound = 2 * self.high[0].max(self.high[1]) + SLACK;
        let stale = |b: &Block<B>, taken: u64| b.free_since + STALE < taken;
        let too_much = self.total + class > bound;
        let mut out = vec![];
        let mut kept: Vec<(u64, Block<B>)> = vec![];
        for (bytes, blocks) in std::mem::take(&mut self.free) {
            for Reverse(block) in blocks {
                if stale(&block, self.taken) {
                    self.total -= bytes;
                    out.push(block);
                } else {
                    kept.push((bytes, block));
                }
            }
        }
        if too_much {
            // The one free for longest first.
            kept.sort_by_key(|(_, b)| Reverse(b.free_since));
            while self.total + class > bound
                && let Some((bytes, block)) = kept.pop()
            {
                self.total -= bytes;
                out.push(block);
            }
        }
        for (bytes, block) in kept {
            self.free.entry(bytes).or_default().push(Reverse(block));
        }
        out
    }

    fn holders(&self) -> String {
        let mut sizes: Vec<(u64, Tag)> = self.live.values().copied().collect();
        sizes.sort_unstable_by_key(|&(bytes, _)| Reverse(bytes));
        let shown: Vec<String> = sizes.iter().take(3).map(|(s, tag)| format!("{s} bytes ({tag})")).collect();
        if shown.is_empty() { "none".into() } else { shown.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pool: &BufferPool<u64>, n: u64) -> Result<(Block<u64>, u64, bool)> {
        pool.take("test", n, Ok, |_| {})
    }

    #[test]
    fn classes_waste_little() {
        for bytes in (1..100_000u64).step_by(7).chain([1 << 30, (1 << 30) + 1]) {
            let class = size_class(bytes);
            assert!(class >= bytes && (class == 256 || (class - bytes) * 5 <= class), "{bytes} -> {class}");
            assert_eq!(size_class(class), class);
        }
    }

    #[test]
    fn blocks_come_back_lowest_first_and_the_limit_holds() {
        let pool = BufferPool::<u64>::new(u64::MAX);
        let (a, ca, new_a) = take(&pool, 1000).unwrap();
        let (b, cb, _) = take(&pool, 1000).unwrap();
        assert!(new_a);
        let first = a.id;
        pool.put(b, cb);
        pool.put(a, ca);
        let (c, cc, new_c) = take(&pool, 900).unwrap();
        assert_eq!((c.id, new_c), (first, false));
        pool.set_limit(Some(4096));
        let text = take(&pool, 8192).err().unwrap().to_string();
        assert!(text.contains("8192 bytes wanted") && text.contains("set_limit"), "{text}");
        pool.put(c, cc);
        assert_eq!(pool.levels().0, 0);
        assert!(take(&pool, 3000).is_ok(), "free blocks make room under the limit");
    }

    #[test]
    fn a_block_is_never_larger_than_the_largest() {
        let pool = BufferPool::<u64>::new(1000);
        assert_eq!(take(&pool, 900).unwrap().1, 1000);
    }

    #[test]
    fn random_sizes_keep_the_pool_within_its_bound() {
        let pool = BufferPool::<u64>::new(u64::MAX);
        let mut live: Vec<(Block<u64>, u64)> = vec![];
        let mut state = 7u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let (mut highest, mut created) = (0, 0);
        for i in 0..100_000u64 {
            // Sizes over five orders of magnitude, whose typical size changes every 10,000 allocations.
            let bytes = random(16) + (1 << (random(12) + 8 + (i / 10_000) % 6));
            let (block, class, new) = take(&pool, bytes).unwrap();
            created += u64::from(new);
            live.push((block, class));
            while live.len() > 300 || (!live.is_empty() && random(3) == 0) {
                let at = random(live.len() as u64) as usize;
                let (block, class) = live.swap_remove(at);
                pool.put(block, class);
            }
            let (used, total, peak) = pool.levels();
            highest = highest.max(total);
            assert!(total <= 2 * peak + SLACK && used <= total, "{total} bytes for a peak of {peak}");
            if i % 1000 == 0 {
                let held: u64 = pool.memory().classes.iter().map(|c| c.bytes * (c.live + c.free)).sum();
                assert_eq!(held, total, "levels and blocks agree");
            }
        }
        let peak = pool.levels().2;
        assert!(created < 20_000, "{created} blocks were made");
        assert!(highest > peak, "the bound was never tried: {highest} bytes for a peak of {peak}");
    }

    #[test]
    fn stale_blocks_go() {
        let pool = BufferPool::<u64>::new(u64::MAX);
        let (big, class, _) = take(&pool, 1 << 20).unwrap();
        pool.put(big, class);
        for _ in 0..=STALE {
            let (b, class, _) = take(&pool, 300).unwrap();
            pool.put(b, class);
        }
        assert_eq!(pool.trim().len(), 1);
        assert!(pool.levels().1 < 1 << 20);
    }

    #[test]
    fn purposes_are_told_apart() {
        let pool = BufferPool::<u64>::new(u64::MAX);
        let (a, ..) = Tag::Parameter.during(|| take(&pool, 1000)).unwrap();
        let (b, class, _) = take(&pool, 5000).unwrap();
        let memory = pool.memory();
        assert_eq!((memory.parameters, memory.activations), (1024, class));
        pool.tag(b.id, Tag::Gradient);
        assert_eq!(pool.memory().gradients, class);
        assert_eq!(pool.memory().classes.len(), 2);
        let _ = a;
    }
}
