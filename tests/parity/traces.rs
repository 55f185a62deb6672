use super::{check::close_values, fixture::Case};
use catena::{
    autograd::{Grad, grad},
    optimizers::Rule,
    prelude::*,
};
use ndarray::{ArrayD, Axis, IxDyn};

/// Whole training runs: losses step by step, and the parameters at the end.
pub fn run(case: &Case, device: &Device) -> Option<Result<(), String>> {
    match case.name.as_str() {
        "traces/fig2a_mlp_sgd" => Some(fig2a(case, device, Sgd::new(case.f64("lr")))),
        "traces/fig2a_mlp_momentum" => {
            let (lr, momentum) = (case.f64("lr"), case.f64("momentum"));
            Some(fig2a(case, device, MomentumSGD { lr, momentum }))
        }
        "traces/fig2b_rnn_bptt" => Some(fig2b(case, device)),
        "traces/lstm_lm_bptt" => Some(lstm_lm(case, device)),
        "traces/nstep_bigru_adam" => Some(nstep_bigru(case, device)),
        "traces/gradient_penalty" => Some(gradient_penalty(case, device)),
        "traces/convnet_bn" => Some(convnet_bn(case, device)),
        _ => None,
    }
}

chain! {
    struct Mlp {
        l1: L::Linear,
        l2: L::Linear,
        l3: L::Linear,
    }
}

chain! {
    struct Classified {
        predictor: Mlp,
    }
}

chain! {
    struct Rnn {
        emb: L::EmbedID,
        x2h: L::Linear,
        h2h: L::Linear,
        h2y: L::Linear,
    }
}

/// `predictor.l1.W` for `/predictor/l1/W`.
fn member(path: &str) -> String {
    path.trim_start_matches('/').replace('/', ".")
}

fn start(case: &Case, model: &dyn Link, device: &Device) -> Result<(), String> {
    for (path, parameter) in model.namedparams() {
        let path = format!("in/p.{}", member(&path));
        parameter.set_data(case.tensor(&path, device).ok_or(format!("{path} is missing"))?);
    }
    Ok(())
}

fn end(case: &Case, model: &dyn Link, device: &Device) -> Result<(), String> {
    for (path, parameter) in model.namedparams() {
        let path = format!("out/p.{}", member(&path));
        let actual = parameter.data().to_f64().map_err(|e| e.to_string())?;
        close_values(&path, &actual, &wanted(case, &path)?, case.tolerance("fwd", device))?;
    }
    Ok(())
}

fn wanted(case: &Case, path: &str) -> Result<ArrayD<f64>, String> {
    case.values(path).ok_or(format!("{path} is missing"))
}

fn column(case: &Case, path: &str, actual: Vec<f64>, device: &Device) -> Result<(), String> {
    let actual = ArrayD::from_shape_vec(IxDyn(&[actual.len()]), actual).map_err(|e| e.to_string())?;
    close_values(path, &actual, &wanted(case, path)?, case.tolerance("fwd", device))
}

fn number(v: &Variable) -> Result<f64, String> {
    v.item().map_err(|e| e.to_string())
}

fn fig2a(case: &Case, device: &Device, rule: impl Rule) -> Result<(), String> {
    let (n_in, hidden, n_out) = (case.int("n_in") as usize, case.int("n_hidden") as usize, case.int("n_out") as usize);
    let predictor =
        Mlp { l1: L::Linear::new(n_in, hidden), l2: L::Linear::new(hidden, hidden), l3: L::Linear::new(hidden, n_out) };
    let model = Classified { predictor };
    start(case, &model, device)?;
    let mut optimizer = rule.setup(&model);
    let (x, t, order) = (wanted(case, "in/X")?, wanted(case, "in/T")?, wanted(case, "in/order")?);
    let size = case.int("batchsize") as usize;
    let (mut losses, mut accuracies) = (vec![], vec![]);
    for epoch in order.outer_iter() {
        let epoch: Vec<usize> = epoch.iter().map(|&i| i as usize).collect();
        for batch in epoch.chunks(size) {
            let rows: ArrayD<f32> = x.select(Axis(0), batch).mapv(|v| v as f32);
            let labels: ArrayD<i32> = t.select(Axis(0), batch).mapv(|v| v as i32);
            let place = |a: catena::tensor::HostArray| Tensor::from_host(a, device).map_err(|e| e.to_string());
            let (x, t) = (Variable::constant(place(rows.into())?), Variable::constant(place(labels.into())?));
            let p = &model.predictor;
            let y = p.l3.forward(&F::relu(&p.l2.forward(&F::relu(&p.l1.forward(&x)))));
            let loss = F::softmax_cross_entropy(&y, &t);
            losses.push(number(&loss)?);
            accuracies.push(number(&F::accuracy(&y, &t, None))?);
            model.cleargrads();
            loss.backward();
            optimizer.update();
        }
    }
    column(case, "out/loss", losses, device)?;
    column(case, "out/accuracy", accuracies, device)?;
    end(case, &model, device)
}

fn fig2b(case: &Case, device: &Device) -> Result<(), String> {
    let (vocabulary, embedded, hidden) =
        (case.int("n_vocab") as usize, case.int("n_embed") as usize, case.int("n_hidden") as usize);
    let model = Rnn {
        emb: L::EmbedID::new(vocabulary, embedded),
        x2h: L::Linear::new(embedded, hidden),
        h2h: L::Linear::new(hidden, hidden),
        h2y: L::Linear::new(hidden, vocabulary),
    };
    start(case, &model, device)?;
    let mut optimizer = Sgd::new(case.f64("lr")).setup(&model);
    optimizer.add_hook(GradientClipping(case.f64("clip")));
    let sequence = case.tensor("in/seq", device).ok_or("in/seq is missing")?;
    let batch = case.int("B") as usize;
    let mut h = Variable::constant(Tensor::zeros([batch, hidden], DType::F32, device));
    let (mut losses, mut norms) = (vec![], vec![]);
    let mut total: Option<Variable> = None;
    for step in 0..case.int("T") as usize {
        let row = |i: usize| Variable::constant(sequence.slice(&[Slice::from(i)]));
        let x = F::tanh(&model.emb.forward(&row(step)));
        h = F::tanh(&(model.x2h.forward(&x) + model.h2h.forward(&h)));
        let loss = F::softmax_cross_entropy(&model.h2y.forward(&h), &row(step + 1));
        losses.push(number(&loss)?);
        total = Some(match total {
            Some(before) => before + &loss,
            None => loss,
        });
        if (step + 1) % case.int("bptt") as usize == 0
            && let Some(total) = total.take()
        {
            model.cleargrads();
            total.backward();
            let mut squares = 0.0;
            for g in model.params().iter().filter_map(Parameter::grad) {
                squares += g.to_f64().map_err(|e| e.to_string())?.iter().map(|v| v * v).sum::<f64>();
            }
            norms.push(squares.sqrt());
            total.unchain_backward();
            optimizer.update();
        }
    }
    column(case, "out/loss", losses, device)?;
    column(case, "out/grad_norm", norms, device)?;
    let last = h.data().to_f64().map_err(|e| e.to_string())?;
    close_values("out/h_last", &last, &wanted(case, "out/h_last")?, case.tolerance("fwd", device))?;
    end(case, &model, device)
}

chain! {
    struct Lm {
        emb: L::EmbedID,
        l1: L::LSTM,
        l2: L::LSTM,
        out: L::Linear,
    }
}

fn lstm_lm(case: &Case, device: &Device) -> Result<(), String> {
    let (vocabulary, embedded, hidden) =
        (case.int("n_vocab") as usize, case.int("n_embed") as usize, case.int("n_hidden") as usize);
    let model = Lm {
        emb: L::EmbedID::new(vocabulary, embedded),
        l1: L::LSTM::new(embedded, hidden),
        l2: L::LSTM::new(hidden, hidden),
        out: L::Linear::new(hidden, vocabulary),
    };
    start(case, &model, device)?;
    let mut optimizer = Sgd::new(case.f64("lr")).setup(&model);
    optimizer.add_hook(GradientClipping(case.f64("clip")));
    let sequence = case.tensor("in/seq", device).ok_or("in/seq is missing")?;
    let row = |i: usize| Variable::constant(sequence.slice(&[Slice::from(i)]));
    let mut losses = vec![];
    let mut total: Option<Variable> = None;
    for step in 0..case.int("T") as usize {
        let y = model.out.forward(&model.l2.forward(&model.l1.forward(&model.emb.forward(&row(step)))));
        let loss = F::softmax_cross_entropy(&y, &row(step + 1));
        losses.push(number(&loss)?);
        let sum = total.take().map_or(loss.clone(), |before| before + &loss);
        if (step + 1) % case.int("bptt") as usize == 0 {
            model.cleargrads();
            sum.backward();
            sum.unchain_backward();
            optimizer.update();
        } else {
            total = Some(sum);
        }
    }
    column(case, "out/loss", losses, device)?;
    let last = model.l2.h.get().ok_or("no state")?.data().to_f64().map_err(|e| e.to_string())?;
    close_values("out/h_last", &last, &wanted(case, "out/h_last")?, case.tolerance("fwd", device))?;
    end(case, &model, device)
}

chain! {
    struct Classes {
        gru: L::NStepBiGRU,
        out: L::Linear,
    }
}

fn nstep_bigru(case: &Case, device: &Device) -> Result<(), String> {
    let (inputs, units, classes) = (case.int("in") as usize, case.int("out") as usize, case.int("classes") as usize);
    let model = Classes { gru: L::NStepBiGRU::new(1, inputs, units, 0.0), out: L::Linear::new(2 * units, classes) };
    start(case, &model, device)?;
    let mut optimizer = Adam::new(case.f64("alpha")).setup(&model);
    let sequences = case.sizes("lengths").map_or(0, |l| l.len());
    let xs: Vec<Variable> = (0..sequences)
        .map(|i| case.tensor(&format!("in/xs{i}"), device).expect("sequences are stored").into())
        .collect();
    let t: Variable = case.tensor("in/t", device).ok_or("in/t is missing")?.into();
    let mut losses = vec![];
    for _ in 0..case.int("steps") {
        let (hy, _) = model.gru.forward(None, &xs);
        let side = |i: usize| F::get_item(&hy, &[Slice::from(i)]);
        let loss = F::softmax_cross_entropy(&model.out.forward(&F::concat(&[&side(0), &side(1)], 1)), &t);
        losses.push(number(&loss)?);
        model.cleargrads();
        loss.backward();
        optimizer.update();
    }
    column(case, "out/loss", losses, device)?;
    end(case, &model, device)
}

chain! {
    struct ConvNet {
        c1: L::Convolution2D,
        bn1: L::BatchNormalization,
        c2: L::Convolution2D,
        fc: L::Linear,
    }
}

chain! {
    struct ClassifiedImages {
        predictor: ConvNet,
    }
}

fn convnet_bn(case: &Case, device: &Device) -> Result<(), String> {
    let predictor = ConvNet {
        c1: L::Convolution2D::new(2, 4, 3).pad(1).nobias(),
        bn1: L::BatchNormalization::new(4),
        c2: L::Convolution2D::new(4, 6, 3).stride(2),
        fc: L::Linear::new(6, 3),
    };
    let model = ClassifiedImages { predictor }.to_device(device);
    start(case, &model, device)?;
    let (lr, momentum) = (case.f64("lr"), case.f64("momentum"));
    let mut optimizer = MomentumSGD { lr, momentum }.setup(&model);
    optimizer.add_hook(WeightDecay(case.f64("weight_decay")));
    let p = &model.predictor;
    let forward = |x: &Variable| {
        let h = F::max_pooling_2d(&F::relu(&p.bn1.forward(&p.c1.forward(x))), 2);
        p.fc.forward(&F::relu(&p.c2.forward(&h)))
    };
    let (x, t) = (case.tensor("in/X", device).ok_or("in/X")?, case.tensor("in/T", device).ok_or("in/T")?);
    let step = |of: &Tensor, i: usize| Variable::constant(of.slice(&[Slice::from(i)]));
    let mut losses = vec![];
    for i in 0..x.shape()[0] {
        let loss = F::softmax_cross_entropy(&forward(&step(&x, i)), &step(&t, i));
        losses.push(number(&loss)?);
        model.cleargrads();
        loss.backward();
        optimizer.update();
    }
    column(case, "out/loss", losses, device)?;
    let compare = |path: &str, actual: &Tensor| {
        let actual = actual.to_f64().map_err(|e| e.to_string())?;
        close_values(path, &actual, &wanted(case, path)?, case.tolerance("fwd", device))
    };
    compare("state/avg_mean", &p.bn1.avg_mean.data())?;
    compare("state/avg_var", &p.bn1.avg_var.data())?;
    end(case, &model, device)?;
    let _scope = catena::autograd::test_mode();
    compare("out/y_test", forward(&step(&x, 0)).data())
}

chain! {
    struct Critic {
        l1: L::Linear,
        l2: L::Linear,
    }
}

/// Plain descent of 0.1 on a critic of one layer of tanh.
fn gradient_penalty(case: &Case, device: &Device) -> Result<(), String> {
    let model = Critic { l1: L::Linear::new(4, 8), l2: L::Linear::new(8, 1) };
    start(case, &model, device)?;
    let mut optimizer = Sgd::new(0.1).setup(&model);
    let batches = case.tensor("in/X", device).ok_or("in/X is missing")?;
    let mut losses = vec![];
    for i in 0..batches.shape()[0] {
        let x = Variable::new(batches.slice(&[Slice::from(i)]).contiguous());
        let y = model.l2.forward(&F::tanh(&model.l1.forward(&x)));
        let ones = Some(Variable::constant(y.data().full_like(1.0)));
        let options = Grad { grad_outputs: vec![ones], enable_double_backprop: true, ..Grad::default() };
        let slope = grad(&[&y], &[&x], options).remove(0).ok_or("no gradient of the input")?;
        let length = F::sqrt(&F::sum_axes(&F::square(&slope), Some(&[1]), false));
        let loss = F::mean(&y) + F::mean(&F::square(&(length - 1.0))) * case.f64("lambda");
        losses.push(number(&loss)?);
        model.cleargrads();
        loss.backward();
        optimizer.update();
    }
    column(case, "out/loss", losses, device)?;
    end(case, &model, device)
}
