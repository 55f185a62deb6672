//! Every case of every function: derivatives against finite differences, every device against the CPU's f64.
//!
//! `CATENA_SWEEP=quick` takes only the first case of each function.

use catena::{functions, testing};

fn sweep(group: &str) {
    let devices = testing::devices();
    let (_, entries) = functions::groups().into_iter().find(|(name, _)| *name == group).expect("a group of that name");
    let most = if std::env::var("CATENA_SWEEP").is_ok_and(|v| v == "quick") { 1 } else { usize::MAX };
    let mut failed = vec![];
    let mut count = 0;
    for case in entries.iter().flat_map(|e| (e.cases)().into_iter().take(most)) {
        count += 1;
        if let Err(error) = testing::conform(&case, &devices) {
            println!("FAIL {error}");
            failed.push(error);
        }
    }
    println!("{group}: {count} cases on {devices:?}");
    assert!(failed.is_empty(), "{} of {count} cases failed:\n{}", failed.len(), failed.join("\n"));
}

macro_rules! groups {
    ($($group:ident),*) => {$(
        #[test]
        fn $group() {
            sweep(stringify!($group));
        }
    )*};
}
groups!(activation, array, connection, evaluation, loss, math, noise, normalization, pooling, rnn, util);

#[test]
fn no_group_is_left_out() {
    assert_eq!(functions::groups().len(), 11);
}
