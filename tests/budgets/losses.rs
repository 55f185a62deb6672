//! Losses of links.

use super::{count, numbers, unfused};
use catena::prelude::*;

#[test]
fn the_hierarchical_softmax_takes_what_it_states() {
    if unfused() {
        return;
    }
    let tree = L::Tree::huffman(&[9.0, 5.0, 3.0, 2.0, 1.0, 1.0]);
    let forward = |device: &Device| {
        let loss = L::BinaryHierarchicalSoftmax::new(8, &tree).to_device(device);
        let (x, t) = (numbers(&[4, 8], device), Tensor::from_slice(&[0, 5, 2, -1], [4], device));
        let y = loss.forward(&x, &Variable::constant(t));
        y.data().force();
        (loss, x, y)
    };
    let (forth, read_backs) = count(forward);
    assert_eq!((forth, read_backs), (8, 0), "forward");
    let (both, read_backs) = count(|device| {
        let (loss, x, y) = forward(device);
        y.backward();
        (loss, x, y)
    });
    assert_eq!((both - forth, read_backs), (6, 0), "backward");
}
