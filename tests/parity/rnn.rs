use super::{
    check::compare,
    fixture::{Case, Inputs},
};
use catena::{
    autograd::{Variable, using_config},
    device::Device,
    functions::{self as F, RnnActivation},
    links::Link,
    prelude::{DType, L, Tensor},
};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let pair = |(c, h): (Variable, Variable)| vec![c, h];
    match case.op.as_str() {
        "lstm" => return Some(pair(F::lstm(&xs["c"], &xs["x"]))),
        "slstm" => return Some(pair(F::slstm(&xs["c1"], &xs["c2"], &xs["x1"], &xs["x2"]))),
        "tree_lstm" => {
            let cells: Vec<&Variable> = (1..).map_while(|i| xs.get(&format!("c{i}"))).collect();
            return Some(pair(F::tree_lstm(&cells, &xs["x"])));
        }
        _ => {}
    }
    let of = |prefix: &str| -> Vec<Vec<Variable>> {
        (0..).map(|at| xs.list(&format!("{prefix}{at}_"))).take_while(|list| !list.is_empty()).collect()
    };
    let (ws, bs, steps) = (of("w"), of("b"), xs.list("xs"));
    let layers = || case.int("n_layers") as usize;
    let activation = || match case.attr("activation").as_str() {
        Some("relu") => RnnActivation::Relu,
        _ => RnnActivation::Tanh,
    };
    let with_cell = |(h, c, ys): (Variable, Variable, Vec<Variable>)| [h, c].into_iter().chain(ys).collect();
    let without = |(h, ys): (Variable, Vec<Variable>)| std::iter::once(h).chain(ys).collect();
    Some(match case.op.as_str() {
        "n_step_lstm" => with_cell(F::n_step_lstm(layers(), 0.0, &xs["hx"], &xs["cx"], &ws, &bs, &steps)),
        "n_step_bilstm" => with_cell(F::n_step_bilstm(layers(), 0.0, &xs["hx"], &xs["cx"], &ws, &bs, &steps)),
        "n_step_gru" => without(F::n_step_gru(layers(), 0.0, &xs["hx"], &ws, &bs, &steps)),
        "n_step_bigru" => without(F::n_step_bigru(layers(), 0.0, &xs["hx"], &ws, &bs, &steps)),
        "n_step_rnn" => without(F::n_step_rnn(layers(), 0.0, &xs["hx"], &ws, &bs, &steps, activation())),
        "n_step_birnn" => without(F::n_step_birnn(layers(), 0.0, &xs["hx"], &ws, &bs, &steps, activation())),
        _ => return None,
    })
}

/// Puts the case's parameters into a link.
fn load(link: &impl Link, case: &Case, device: &Device) {
    for (path, parameter) in link.namedparams() {
        let name = format!("in/p{}", path.replace('/', "."));
        let data = case.tensor(&name, device).unwrap_or_else(|| panic!("the case has no {name}"));
        assert_eq!(parameter.shape().as_ref(), Some(data.shape()), "{path}");
        parameter.set_data(data);
    }
}

/// The children of a tree's node: cells and outputs.
fn children<'a>(xs: &'a Inputs, case: &Case) -> Vec<Option<(&'a Variable, &'a Variable)>> {
    let child = |i: i64| Some((xs.get(&format!("c{i}"))?, xs.get(&format!("h{i}"))?));
    (1..=case.int("children") as i64).map(child).collect()
}

/// A link over several steps, or over several sequences.
pub fn run(case: &Case, device: &Device) -> Option<Result<(), String>> {
    let train = case.entry["config"]["train"].as_bool().unwrap_or(true);
    let _scope = using_config(|c| c.train = train);
    let (inputs, units) = (case.int("in") as usize, case.int("out") as usize);
    let xs = case.inputs(device);
    let steps: Vec<Variable> = (0..).map_while(|i| xs.get(&format!("x{i}")).cloned()).collect();
    let sequences = xs.list("xs");
    let layers = || case.int("n_layers") as usize;
    macro_rules! check {
        ($link:expr, |$name:ident| $ys:expr) => {{
            let $name = $link;
            load(&$name, case, device);
            let ys: Vec<Variable> = $ys;
            let parameters = $name.namedparams();
            let x = |name: &str| match name.strip_prefix("p.") {
                None => xs[name].clone(),
                Some(rest) => {
                    let path = format!("/{}", rest.replace('.', "/"));
                    parameters.iter().find(|(p, _)| *p == path).expect("a parameter of that name").1.variable()
                }
            };
            compare(case, device, &x, &ys)
        }};
    }
    let with_cell = |(h, c, ys): (Variable, Variable, Vec<Variable>)| [h, c].into_iter().chain(ys).collect();
    Some(match case.op.as_str() {
        "L.LSTM" => check!(L::LSTM::new(inputs, units), |l| {
            let ys: Vec<Variable> = steps.iter().map(|x| l.forward(x)).collect();
            ys.into_iter().chain(l.c.get()).collect()
        }),
        "L.StatelessLSTM" => check!(L::StatelessLSTM::new(inputs, units), |l| {
            let mut state: Option<(Variable, Variable)> = None;
            let mut ys = vec![];
            for x in &steps {
                let (c, h) = l.forward(state.as_ref().map(|s| &s.0), state.as_ref().map(|s| &s.1), x);
                ys.push(h.clone());
                state = Some((c, h));
            }
            ys.into_iter().chain(state.map(|s| s.0)).collect()
        }),
        "L.StatefulPeepholeLSTM" => check!(L::StatefulPeepholeLSTM::new(inputs, units), |l| {
            let ys: Vec<Variable> = steps.iter().map(|x| l.forward(x)).collect();
            ys.into_iter().chain(l.c.get()).collect()
        }),
        "L.StatefulGRU" | "L.GRU" => {
            check!(L::StatefulGRU::new(inputs, units), |l| steps.iter().map(|x| l.forward(x)).collect())
        }
        "L.StatelessGRU" => check!(L::StatelessGRU::new(inputs, units), |l| {
            // There a first state of zeros, not of nothing.
            let mut h = Variable::constant(Tensor::zeros([steps[0].shape()[0], units], DType::F32, device));
            let mut ys = vec![];
            for x in &steps {
                h = l.forward(Some(&h), x);
                ys.push(h.clone());
            }
            ys
        }),
        "L.StatefulMGU" => {
            check!(L::StatefulMGU::new(inputs, units), |l| steps.iter().map(|x| l.forward(x)).collect())
        }
        "L.NStepLSTM" => check!(L::NStepLSTM::new(layers(), inputs, units, 0.0), |l| {
            with_cell(l.forward(None, None, &sequences))
        }),
        "L.NStepBiLSTM" => check!(L::NStepBiLSTM::new(layers(), inputs, units, 0.0), |l| {
            with_cell(l.forward(None, None, &sequences))
        }),
        "L.StatefulZoneoutLSTM" => {
            let ratio = |name: &str| case.f64_or(name, 0.0);
            check!(L::StatefulZoneoutLSTM::new(inputs, units, ratio("c_ratio"), ratio("h_ratio")), |l| {
                let ys: Vec<Variable> = steps.iter().map(|x| l.forward(x)).collect();
                ys.into_iter().chain(l.c.get()).collect()
            })
        }
        "L.ChildSumTreeLSTM" => check!(L::ChildSumTreeLSTM::new(inputs, units), |l| {
            let (c, h) = l.forward(&children(&xs, case), xs.get("x"));
            vec![c, h]
        }),
        "L.NaryTreeLSTM" => check!(L::NaryTreeLSTM::new(inputs, units, case.int("children") as usize), |l| {
            let (c, h) = l.forward(&children(&xs, case), xs.get("x"));
            vec![c, h]
        }),
        "L.StatelessMGU" => check!(L::StatelessMGU::new(inputs, units), |l| {
            let mut h = Variable::constant(Tensor::zeros([steps[0].shape()[0], units], DType::F32, device));
            let mut ys = vec![];
            for x in &steps {
                h = l.forward(&h, x);
                ys.push(h.clone());
            }
            ys
        }),
        "L.NStepBiGRU" => check!(L::NStepBiGRU::new(layers(), inputs, units, 0.0), |l| {
            let (h, ys) = l.forward(None, &sequences);
            std::iter::once(h).chain(ys).collect()
        }),
        "L.NStepRNNTanh" => check!(L::NStepRNNTanh::new(layers(), inputs, units, 0.0), |l| {
            let (h, ys) = l.forward(None, &sequences);
            std::iter::once(h).chain(ys).collect()
        }),
        "L.NStepRNNReLU" => check!(L::NStepRNNReLU::new(layers(), inputs, units, 0.0), |l| {
            let (h, ys) = l.forward(None, &sequences);
            std::iter::once(h).chain(ys).collect()
        }),
        "L.NStepBiRNNTanh" => check!(L::NStepBiRNNTanh::new(layers(), inputs, units, 0.0), |l| {
            let (h, ys) = l.forward(None, &sequences);
            std::iter::once(h).chain(ys).collect()
        }),
        "L.NStepBiRNNReLU" => check!(L::NStepBiRNNReLU::new(layers(), inputs, units, 0.0), |l| {
            let (h, ys) = l.forward(None, &sequences);
            std::iter::once(h).chain(ys).collect()
        }),
        "L.NStepGRU" => check!(L::NStepGRU::new(layers(), inputs, units, 0.0), |l| {
            let (h, ys) = l.forward(None, &sequences);
            std::iter::once(h).chain(ys).collect()
        }),
        _ => return None,
    })
}
