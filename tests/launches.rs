//! Launches of every loss and normalisation, as its file states them: `Launches: 2 forward, 1 backward`.
//!
//! Counted on a GPU or a software adapter, of the first case of each function, for all gradients, with fusion; a test binary
//! of its own, since a device counts for all of its process.

use catena::{
    autograd::{Grad, grad},
    functions,
    kernel::philox::Generator,
    prelude::*,
    testing,
};

/// The two numbers after `Launches:` in the documentation of a function.
fn stated(group: &str, name: &str) -> Option<(u64, u64)> {
    let path = format!("{}/src/functions/{group}/{name}.rs", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let line = text.lines().find_map(|l| l.split_once("Launches: "))?.1;
    let number = |word: &str| line.split(word).next()?.rsplit([' ', ',']).find(|w| !w.is_empty())?.parse().ok();
    Some((number(" forward")?, number(" backward")?))
}

#[test]
fn every_loss_and_normalisation_takes_what_it_states() {
    if std::env::var("CATENA_FUSION").is_ok_and(|v| v == "off") {
        return;
    }
    let device = testing::devices().pop().expect("there is always the CPU");
    assert!(!device.is_cpu(), "launches are counted on a GPU; install a software adapter");
    let mut wrong = vec![];
    for (group, entries) in functions::groups().into_iter().filter(|(g, _)| ["loss", "normalization"].contains(g)) {
        for entry in entries {
            let case = (entry.cases)().swap_remove(0);
            let mut generator = Generator::new(7);
            let xs: Vec<Variable> = testing::draw(&case, &mut generator)
                .into_iter()
                .map(|host| {
                    let t = Tensor::from_host(host, &Device::cpu()).expect("the CPU holds every dtype");
                    let t = if t.dtype().is_float() { t.cast(DType::F32) } else { t };
                    let t = t.to_device(&device);
                    if t.dtype().is_float() { Variable::new(t) } else { Variable::constant(t) }
                })
                .collect();
            device.synchronize().unwrap();
            let before = device.stats();
            let ys = case.call(&xs);
            ys.iter().for_each(|y| y.data().force());
            let forward = (device.stats() - before).launches;
            let before = device.stats();
            let outputs: Vec<&Variable> = ys.iter().filter(|y| y.requires_grad()).collect();
            let seeds = outputs.iter().map(|y| Some(Variable::constant(y.data().full_like(0.5)))).collect();
            let inputs: Vec<&Variable> = xs.iter().filter(|x| x.requires_grad()).collect();
            let gxs = grad(&outputs, &inputs, Grad { grad_outputs: seeds, ..Grad::default() });
            gxs.iter().flatten().for_each(|gx| gx.data().force());
            let did = device.stats() - before;
            println!("{group}/{}: {forward} forward, {} backward", entry.name, did.launches);
            if did.read_backs > 0 {
                wrong.push(format!("{group}/{}: {} read-backs", entry.name, did.read_backs));
            }
            match stated(group, entry.name) {
                Some(stated) if stated == (forward, did.launches) => {}
                other => wrong.push(format!(
                    "{group}/{}: states {other:?}, takes {forward} forward, {} backward",
                    entry.name, did.launches
                )),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
