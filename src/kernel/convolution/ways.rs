//! Which of several ways a GPU takes to a convolution: by transforms of tiles, or by the windows as they are.

use super::{
    Convolve, Direction,
    transformed::{self, Basis, Transformed},
};
use crate::{
    device::Device,
    error::Result,
    kernel::tuner::{self, Question, bucket},
    shape::ConvolutionShape,
    tensor::{
        Tensor,
        expr::{Launcher, Operands, Plan},
    },
};

/// The ways that there are, of which the rule takes the first.
#[derive(Debug)]
pub(super) struct Ways {
    tiles: Vec<Transformed>,
    windows: Option<Convolve>,
    windows_first: bool,
}

impl Ways {
    /// None where no tiles are worth a thought. `windows` tells whether one launch can take them as they are.
    pub fn of(direction: Direction, s: &ConvolutionShape, x: &Tensor, windows: impl FnOnce() -> bool) -> Option<Ways> {
        let ways = transformed::ways(direction, s, x);
        let windows_first = !ways.first()?.1;
        let windows = windows().then(|| Convolve { direction, shape: s.clone() });
        if windows_first && windows.is_none() {
            return None;
        }
        Some(Ways { tiles: ways.into_iter().map(|way| way.0).collect(), windows, windows_first })
    }

    /// Tiles by the basis, or windows.
    fn launch(&self, way: Option<Basis>, args: &Operands, plan: &Plan) -> Result<()> {
        match self.tiles.iter().find(|tiles| Some(tiles.job.basis) == way) {
            Some(tiles) => tiles.run(args.clone(), plan),
            None => self.windows.as_ref().expect("one of the ways").run(args.clone(), plan),
        }
    }

    /// What the answer depends on.
    pub fn question(&self) -> Question {
        let Transformed { direction, job, .. } = &self.tiles[0];
        let sizes = [job.images, job.groups, job.channels, job.filters].map(bucket);
        let about = format!("{direction:?} {sizes:?} {:?} {:?}", job.kernel, job.results.map(bucket));
        Question { kind: "convolution ways", about, work: 2.0 * job.plain() as f64 }
    }
}

impl Launcher for Ways {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        let Device::Gpu(gpu) = &plan.device else { unreachable!("the CPU has its own") };
        let mut ways: Vec<_> = self.tiles.iter().map(|tiles| Some(tiles.job.basis)).collect();
        if self.windows.is_some() {
            ways.insert(if self.windows_first { 0 } else { ways.len() }, None);
        }
        let way = tuner::choose(gpu, || self.question(), &ways, |way| self.launch(way, &args, plan))?;
        self.launch(way, &args, plan)
    }

    fn takes_epilogue(&self, _: &Device) -> bool {
        true
    }
}
