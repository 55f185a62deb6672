use chacha20::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// The numbers `0..len` in a random order, which `seed` and `draw` decide alone: the same on every platform, in
/// every version.
///
/// Each `draw` of one seed is an order of its own, so that an epoch's order follows from two numbers.
///
/// ```
/// use catena::datasets::permutation;
/// assert_eq!(permutation(5, 1, 0), permutation(5, 1, 0));
/// assert_ne!(permutation(50, 1, 0), permutation(50, 1, 1));
/// ```
pub fn permutation(len: usize, seed: u64, draw: u64) -> Vec<usize> {
    // The key is laid out here, and the shuffle done here, because crates change theirs between versions.
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(draw);
    let mut order: Vec<usize> = (0..len).collect();
    for i in (1..len).rev() {
        order.swap(i, below(&mut rng, i as u64 + 1) as usize);
    }
    order
}

/// A number below `bound`, every one as likely: Lemire's method.
fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    let mut wide = u128::from(rng.next_u64()) * u128::from(bound);
    if (wide as u64) < bound {
        let threshold = bound.wrapping_neg() % bound;
        while (wide as u64) < threshold {
            wide = u128::from(rng.next_u64()) * u128::from(bound);
        }
    }
    (wide >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_never_change() {
        // From another implementation of ChaCha8: saved runs go on with these orders.
        assert_eq!(permutation(10, 0, 0), [9, 2, 3, 4, 6, 7, 0, 1, 5, 8]);
        assert_eq!(permutation(10, 42, 3), [1, 5, 9, 3, 2, 0, 7, 8, 6, 4]);
    }

    #[test]
    fn every_order_is_as_likely() {
        let mut seen = std::collections::HashMap::new();
        for draw in 0..24_000 {
            *seen.entry(permutation(4, 7, draw)).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 24);
        assert!(seen.values().all(|n| (850..1150).contains(n)), "{seen:?}");
    }

    #[test]
    fn nothing_and_one_thing() {
        assert_eq!(permutation(0, 1, 2), Vec::<usize>::new());
        assert_eq!(permutation(1, 1, 2), [0]);
    }
}
