//! Exact counters of what a device did.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a device did since it was opened, or between two snapshots: `after - before`.
        ///
        /// ```
        /// # use catena::prelude::*;
        /// let device = Device::cpu();
        /// let before = device.stats();
        /// let x = Tensor::ones([2, 3], DType::F32, &device);
        /// x.add(&x).to_host().unwrap();
        /// assert_eq!((device.stats() - before).launches, 1);
        /// ```
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
            /// Bytes that live tensors hold now (a level, not a difference).
            pub used_bytes: u64,
            /// Bytes the pool holds from the system now, free blocks included (a level).
            pub total_bytes: u64,
            /// Largest `used_bytes` so far, or since [`Device::reset_peak`](super::Device::reset_peak) (a level).
            pub peak_bytes: u64,
        }

        impl std::ops::Sub for Stats {
            type Output = Stats;
            /// The counts between two snapshots; levels are those of `self`.
            fn sub(self, before: Stats) -> Stats {
                Stats { $($name: self.$name - before.$name,)* ..self }
            }
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $($name: self.$name.load(Relaxed),)* ..Stats::default() }
            }
        }
    };
}

counters! {
    /// Kernels launched.
    launches,
    /// Command buffers handed to the driver.
    submits,
    /// Times the program waited for values to come back.
    read_backs,
    /// Bytes copied from the host.
    bytes_up,
    /// Bytes copied to the host.
    bytes_down,
    /// Buffers asked of the system, because the pool had none that fits.
    buffers_created,
    /// Allocations served, from the pool or not.
    allocations,
    /// Pipelines compiled.
    pipelines,
    /// Bind groups made.
    bind_groups,
    /// Bind groups found in the cache.
    bind_group_hits,
    /// Microseconds for which measuring kernels held the program up, unless it asked for that.
    tuning_micros,
}

pub(crate) fn bump(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Relaxed);
}
