//! A function of one's own, checked as catena's are, in a network that tells three kinds of iris apart.
//!
//! `cargo run --release --example own_function`

use catena::{
    autograd::{Case, Forward, Function, Retain, Saved, apply},
    datasets::vendored_dir,
    error::{Error, Result},
    prelude::*,
    shape::{InvalidType, Meta, same_float},
    testing,
};

/// `max(x, 0)^2` (So et al., "Primer", 2021).
#[derive(Debug)]
struct SquaredRelu;

impl Function for SquaredRelu {
    fn name(&self) -> &'static str {
        "squared_relu"
    }

    /// The shape and dtype of the result, or what is wrong with the input.
    fn infer(&self, xs: &[Meta]) -> std::result::Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        Ok(xs.to_vec())
    }

    /// What is kept for the backward pass.
    fn retain(&self) -> Retain {
        Retain::INPUTS
    }

    /// In tensors, for any device.
    fn forward(&self, xs: &[Tensor]) -> Forward {
        let y = xs[0].relu();
        y.mul(&y).into()
    }

    /// In variables, so that the gradient can be differentiated again.
    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| 2.0 * F::relu(saved.input(0)) * gy)]
    }
}

#[track_caller]
fn squared_relu(x: &Variable) -> Variable {
    apply(SquaredRelu, &[x])
}

chain! {
    /// 4 - 16 - 3 units.
    struct Net {
        l1: L::Linear,
        l2: L::Linear,
    }
}

impl Net {
    fn new() -> Net {
        Net { l1: L::Linear::new(4, 16), l2: L::Linear::new(16, 3) }
    }

    fn forward(&self, x: &Variable) -> Variable {
        self.l2.forward(&squared_relu(&self.l1.forward(x)))
    }
}

fn main() -> Result<()> {
    // Gradients of first and second order against finite differences, on every device there is.
    let case = Case::new("squared_relu", |x| squared_relu(&x[0])).input([3, 5]).avoiding(0.0);
    if let Err(differences) = testing::conform(&case, &testing::devices()) {
        panic!("{differences}");
    }
    println!("squared_relu: gradients agree with finite differences on {:?}", testing::devices());

    let device = Device::from_env()?;
    let (training, held_out) = irises(&device)?;
    let model = Net::new().to_device(&device);
    let mut optimizer = Adam::new(0.01).setup(&model);
    for step in 1..=200 {
        let (x, t) = &training;
        let loss = F::softmax_cross_entropy(&model.forward(x), t);
        model.cleargrads();
        loss.backward();
        optimizer.update();
        if step % 50 == 0 {
            let (x, t) = &held_out;
            let accuracy = F::accuracy(&model.forward(x), t, None);
            println!("step {step:>3}  loss {:.4}  held out: accuracy {:.3}", loss.item()?, accuracy.item()?);
        }
    }
    Ok(())
}

/// Measurements, each column with mean 0 and deviation 1, and kinds.
type Flowers = (Variable, Variable);

/// 120 flowers to learn from, 30 held out: every fifth of each kind.
fn irises(device: &Device) -> Result<(Flowers, Flowers)> {
    let path = vendored_dir("iris").unwrap_or_default().join("iris.csv");
    let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
    let mut rows: Vec<Vec<f32>> = vec![];
    for (n, line) in text.lines().enumerate().skip(1) {
        let row: std::result::Result<Vec<f32>, _> = line.split(',').map(str::parse).collect();
        match row {
            Ok(row) if row.len() == 5 => rows.push(row),
            _ => {
                return Err(Error::BadFile {
                    path,
                    expected: format!("five numbers in line {}", n + 1),
                    actual: format!("`{line}`"),
                    hint: "restore the file from the repository".into(),
                });
            }
        }
    }
    let count = rows.len() as f32;
    for column in 0..4 {
        let mean = rows.iter().map(|r| r[column]).sum::<f32>() / count;
        let deviation = (rows.iter().map(|r| (r[column] - mean).powi(2)).sum::<f32>() / count).sqrt();
        rows.iter_mut().for_each(|r| r[column] = (r[column] - mean) / deviation);
    }
    let flowers = |held_out: bool| {
        let chosen = || rows.iter().enumerate().filter(|(i, _)| (i % 5 == 4) == held_out).map(|(_, r)| r);
        let x: Vec<f32> = chosen().flat_map(|r| r[..4].to_vec()).collect();
        let t: Vec<i32> = chosen().map(|r| r[4] as i32).collect();
        let n = t.len();
        let constant = Variable::constant;
        (constant(Tensor::from_slice(&x, [n, 4], device)), constant(Tensor::from_slice(&t, [n], device)))
    };
    Ok((flowers(false), flowers(true)))
}
