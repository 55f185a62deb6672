//! Prints every device that can be opened, and the one that `Device::best()` takes.
//!
//! `cargo run --example devices`

use catena::prelude::*;

fn main() -> catena::error::Result<()> {
    for device in Device::all() {
        println!("{:12}{:12}{:8}{}", device.id, device.kind, device.interface, device.name);
    }
    println!("best: {}", Device::from_env()?);
    Ok(())
}
