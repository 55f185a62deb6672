//! Whole buffers kept by size class, so that a training loop allocates nothing after its first steps.

use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    sync::atomic::AtomicU64,
};

/// A block with its number; equal and ordered by the number alone.
pub(crate) struct Block<B> {
    pub id: u64,
    pub raw: B,
    /// The batch of the recorder that last used it: it stays with the memory from one owner to the next.
    pub batch: AtomicU64,
}
impl<B> Block<B> {
    pub fn new(id: u64, raw: B) -> Block<B> {
        Block { id, raw, batch: AtomicU64::new(0) }
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
    live: BTreeMap<u64, u64>,
    next_id: u64,
    used: u64,
    total: u64,
    peak: u64,
    limit: Option<u64>,
}

/// Blocks of memory by size class.
pub(crate) struct BufferPool<B> {
    inner: Mutex<Inner<B>>,
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
    pub fn new() -> Self {
        BufferPool {
            inner: Mutex::new(Inner {
                free: BTreeMap::new(),
                live: BTreeMap::new(),
                next_id: 0,
                used: 0,
                total: 0,
                peak: 0,
                limit: None,
            }),
        }
    }

    /// A block of at least `bytes`; `create` is called where the pool has none. The flag tells whether it was created.
    pub fn take(
        &self,
        device: &str,
        bytes: u64,
        create: impl Fn(u64) -> Result<B, String>,
        evicted: impl FnOnce(Vec<Block<B>>),
    ) -> Result<(Block<B>, u64, bool)> {
        let class = size_class(bytes);
        let mut pool = self.inner.lock();
        let block = pool.free.get_mut(&class).and_then(BinaryHeap::pop).map(|Reverse(b)| b);
        let (block, created) = match block {
            Some(block) => (block, false),
            None => {
                let over = |pool: &Inner<B>| pool.limit.is_some_and(|l| pool.total + class > l);
                let mut raw = if over(&pool) { Err(String::new()) } else { create(class) };
                if raw.is_err() {
                    // Give everything free back to the system and try once more.
                    let blocks = drain(&mut pool);
                    evicted(blocks);
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
                            holders: largest(&pool),
                        });
                    }
                }
            }
        };
        pool.used += class;
        pool.peak = pool.peak.max(pool.used);
        pool.live.insert(block.id, class);
        Ok((block, class, created))
    }

    /// Takes a block back.
    pub fn put(&self, block: Block<B>, class: u64) {
        let mut pool = self.inner.lock();
        pool.used -= class;
        pool.live.remove(&block.id);
        pool.free.entry(class).or_default().push(Reverse(block));
    }

    /// Forgets every free block and returns them, to be dropped outside the lock.
    pub fn free_all(&self) -> Vec<Block<B>> {
        drain(&mut self.inner.lock())
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
}

fn drain<B>(pool: &mut Inner<B>) -> Vec<Block<B>> {
    let mut out = vec![];
    for (class, blocks) in std::mem::take(&mut pool.free) {
        pool.total -= class * blocks.len() as u64;
        out.extend(blocks.into_iter().map(|Reverse(b)| b));
    }
    out
}

fn largest<B>(pool: &Inner<B>) -> String {
    let mut sizes: Vec<u64> = pool.live.values().copied().collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let shown: Vec<String> = sizes.iter().take(3).map(|s| format!("{s} bytes")).collect();
    if shown.is_empty() { "none".into() } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let pool = BufferPool::<u64>::new();
        let take = |n| pool.take("test", n, Ok, |_| {});
        let (a, ca, new_a) = take(1000).unwrap();
        let (b, cb, _) = take(1000).unwrap();
        assert!(new_a);
        let first = a.id;
        pool.put(b, cb);
        pool.put(a, ca);
        let (c, cc, new_c) = take(900).unwrap();
        assert_eq!((c.id, new_c), (first, false));
        pool.set_limit(Some(4096));
        let text = take(8192).err().unwrap().to_string();
        assert!(text.contains("8192 bytes wanted") && text.contains("set_limit"), "{text}");
        pool.put(c, cc);
        assert_eq!(pool.levels().0, 0);
        assert!(take(3000).is_ok(), "free blocks make room under the limit");
    }
}
