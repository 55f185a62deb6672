//! Densities, entropies and divergences against Chainer's values; draws against the moments they should have.

#![allow(clippy::approx_constant, reason = "the numbers are what Chainer printed")]

use catena::{
    distributions::{
        Bernoulli, Beta, Categorical, Cauchy, Chisquare, Dirichlet, Distribution, Exponential, Gamma, Geometric,
        Gumbel, Independent, KlDivergence, Laplace, LogNormal, MultivariateNormal, Normal, OneHotCategorical, Pareto,
        Poisson, Uniform, cross_entropy, kl_divergence,
    },
    prelude::*,
    testing::devices,
};

fn v(values: &[f32], shape: &[usize], device: &Device) -> Variable {
    Variable::new(Tensor::from_slice(values, shape, device))
}

fn expect(got: &Variable, expected: &[f64], what: &str) {
    let got = got.data().to_f64().unwrap();
    assert_eq!(got.len(), expected.len(), "{what}: {got}");
    for (g, e) in got.iter().zip(expected) {
        assert!((g - e).abs() < 2e-5 * (1.0 + e.abs()), "{what}: {got}, expected {expected:?}");
    }
}

struct Values {
    log_prob: [f64; 2],
    entropy: [f64; 2],
    kl: [f64; 2],
}

fn check<D: KlDivergence>(name: &str, p: &D, q: &D, x: &Variable, values: &Values) {
    expect(&p.log_prob(x), &values.log_prob, &format!("{name}: log_prob"));
    expect(&p.entropy(), &values.entropy, &format!("{name}: entropy"));
    expect(&kl_divergence(p, q), &values.kl, &format!("{name}: kl"));
    expect(&kl_divergence(p, p), &[0.0; 2], &format!("{name}: kl with itself"));
}

/// The mean and variance of many draws lie within five standard errors of those stated.
fn check_draws<D: Distribution>(name: &str, p: &D) {
    catena::random::seed(11);
    const N: usize = 20_000;
    let draws = p.sample(&[N]);
    let mut expected = vec![N];
    expected.extend(p.batch_shape().iter().chain(p.event_shape().iter()));
    assert_eq!(draws.shape()[..], expected, "{name}");
    let draws = draws.data().to_f64().unwrap();
    let (means, variances) = (p.mean().data().to_f64().unwrap(), p.variance().data().to_f64().unwrap());
    let width = means.len();
    for (i, (mean, variance)) in means.iter().zip(variances.iter()).enumerate() {
        let column: Vec<f64> = draws.iter().skip(i).step_by(width).copied().collect();
        let m = column.iter().sum::<f64>() / N as f64;
        let s = column.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / N as f64;
        let fourth = column.iter().map(|x| (x - m).powi(4)).sum::<f64>() / N as f64;
        let error = (variance / N as f64).sqrt();
        assert!((m - mean).abs() < 5.0 * error, "{name}: mean of draws {m}, expected {mean}");
        let error = ((fourth - s * s).max(0.0) / N as f64).sqrt();
        assert!((s - variance).abs() < 5.0 * error + 1e-9, "{name}: variance of draws {s}, expected {variance}");
    }
}

#[test]
fn numbers() {
    for d in devices() {
        let v2 = |a: f32, b: f32| v(&[a, b], &[2], &d);
        let x = v2(1.2, -0.4);
        let (p, q) = (Normal::new(&v2(0.5, -1.0), &v2(2.0, 0.3)), Normal::new(&v2(0.0, 1.0), &v2(1.0, 2.0)));
        check(
            "normal",
            &p,
            &q,
            &x,
            &Values {
                log_prob: [-1.673335714, -1.714965729],
                entropy: [2.112085714, 0.214965729],
                kl: [0.931852819, 1.908369985],
            },
        );
        check_draws("normal", &p);
        expect(&p.cdf(&x), &[0.636830651, 0.977249868], "normal: cdf");
        expect(&p.icdf(&v2(0.3, 0.8)), &[-0.548801025, -0.74751363], "normal: icdf");

        let (p, q) = (Laplace::new(&v2(0.5, -1.0), &v2(2.0, 0.3)), Laplace::new(&v2(0.0, 1.0), &v2(1.0, 2.0)));
        check(
            "laplace",
            &p,
            &q,
            &x,
            &Values {
                log_prob: [-1.736294361, -1.489174376],
                entropy: [2.386294361, 0.489174376],
                kl: [0.364454386, 1.89731088],
            },
        );
        check_draws("laplace", &p);
        expect(&p.cdf(&x), &[0.647655955, 0.932332358], "laplace: cdf");
        expect(&p.icdf(&v2(0.3, 0.8)), &[-0.521651248, -0.72511278], "laplace: icdf");

        let (p, q) = (Uniform::new(&v2(0.0, -2.0), &v2(2.0, 3.0)), Uniform::new(&v2(-1.0, -2.0), &v2(2.0, 4.0)));
        check(
            "uniform",
            &p,
            &q,
            &x,
            &Values {
                log_prob: [-0.6931471806, -1.6094379124],
                entropy: [0.6931471806, 1.6094379124],
                kl: [0.4054651081, 0.1823215568],
            },
        );
        check_draws("uniform", &p);
        let outside = p.prob(&v2(-0.1, 3.1)).data().to_f64().unwrap();
        assert_eq!(outside.sum(), 0.0);
        let reach = kl_divergence(&q, &p).data().to_f64().unwrap();
        assert!(reach.iter().all(|k| *k == f64::INFINITY), "{reach}");

        let (p, q) = (Gamma::new(&v2(0.7, 4.0), &v2(2.0, 0.3)), Gamma::new(&v2(1.5, 2.0), &v2(1.0, 0.5)));
        check(
            "gamma",
            &p,
            &q,
            &v2(1.2, 0.4),
            &Values {
                log_prob: [-1.40076674, -1.058073781],
                entropy: [1.288007361, 0.81943366],
                kl: [0.254648588, 0.142127115],
            },
        );
        check_draws("gamma", &p);

        let (p, q) = (Beta::new(&v2(0.7, 4.0), &v2(2.0, 0.3)), Beta::new(&v2(1.5, 2.0), &v2(1.0, 0.5)));
        check(
            "beta",
            &p,
            &q,
            &v2(0.2, 0.7),
            &Values {
                log_prob: [0.43364113, -0.933780286],
                entropy: [-0.40499649, -2.436522121],
                kl: [1.007934743, 0.38575081],
            },
        );
        check_draws("beta", &p);
    }
}

#[test]
fn more_numbers() {
    for d in devices() {
        let v2 = |a: f32, b: f32| v(&[a, b], &[2], &d);
        let x = v2(1.2, 0.4);

        let p = Cauchy::new(&v2(0.5, -1.0), &v2(2.0, 0.3));
        let far = v2(1.2, -0.4);
        expect(&p.log_prob(&far), &[-1.953435407, -1.550194994], "cauchy: log_prob");
        expect(&p.entropy(), &[3.224171428, 1.327051443], "cauchy: entropy");
        expect(&p.cdf(&far), &[0.607166923, 0.852416382], "cauchy: cdf");
        expect(&p.icdf(&v2(0.3, 0.8)), &[-0.953085056, -0.587085424], "cauchy: icdf");
        assert!([p.mean(), p.variance()].iter().all(|v| v.data().to_f64().unwrap().iter().all(|v| v.is_nan())));
        // Draws have no moments: a quarter of them lies beyond the scale on each side.
        catena::random::seed(11);
        let within = p.cdf(&p.sample(&[20_000])).data().to_f64().unwrap();
        let quarter = within.iter().filter(|p| **p < 0.25).count() as f64 / within.len() as f64;
        assert!((quarter - 0.25).abs() < 0.012 && within.iter().all(|p| p.is_finite()), "{d}: {quarter}");

        let (p, q) = (Exponential::new(&v2(0.7, 4.0)), Exponential::new(&v2(1.5, 2.0)));
        check(
            "exponential",
            &p,
            &q,
            &x,
            &Values {
                log_prob: [-1.196674944, -0.213705639],
                entropy: [1.356674944, -0.386294361],
                kl: [0.380717091, 0.193147181],
            },
        );
        check_draws("exponential", &p);
        expect(&p.cdf(&x), &[0.568289477, 0.798103482], "exponential: cdf");
        expect(&p.icdf(&v2(0.3, 0.8)), &[0.509535634, 0.402359478], "exponential: icdf");
        assert_eq!(p.prob(&v2(-0.1, -3.0)).data().to_f64().unwrap().sum(), 0.0);
        expect(&cross_entropy(&p, &q), &[1.356674944 + 0.380717091, -0.386294361 + 0.193147181], "cross entropy");

        let (p, q) = (Gumbel::new(&v2(0.5, -1.0), &v2(2.0, 0.3)), Gumbel::new(&v2(0.0, 1.0), &v2(1.0, 2.0)));
        check(
            "gumbel",
            &p,
            &q,
            &far,
            &Values {
                log_prob: [-1.74783527, -0.931362479],
                entropy: [2.270362845, 0.373242861],
                kl: [0.597129804, 1.942754878],
            },
        );
        expect(&p.mean(), &[1.65443133, -0.8268353005], "gumbel: mean");
        check_draws("gumbel", &p);

        let normal = |p: [f32; 2], q: [f32; 2]| LogNormal::new(&v2(p[0], p[1]), &v2(q[0], q[1]));
        let (p, q) = (normal([0.5, -1.0], [2.0, 0.3]), normal([0.0, 1.0], [1.0, 2.0]));
        check(
            "log_normal",
            &p,
            &q,
            &x,
            &Values {
                log_prob: [-1.80702222, 1.162395883],
                entropy: [2.612085714, -0.785034271],
                kl: [0.931852819, 1.908369985],
            },
        );
        expect(&p.mean(), &[12.18249396, 0.3848121446], "log_normal: mean");
        expect(&p.variance(), &[7954.670768, 0.01394536434], "log_normal: variance");
        check_draws("log_normal", &normal([0.5, -1.0], [0.2, 0.3]));
        assert_eq!(p.prob(&v2(0.0, -3.0)).data().to_f64().unwrap().sum(), 0.0);

        let (p, q) = (Pareto::new(&v2(1.0, 0.5), &v2(5.5, 6.0)), Pareto::new(&v2(0.5, 0.4), &v2(1.0, 3.0)));
        check(
            "pareto",
            &p,
            &q,
            &v2(1.2, 0.6),
            &Values {
                log_prob: [0.519657973, 1.208655752],
                entropy: [-0.52292991, -1.318239983],
                kl: [1.579713455, 0.8625778345],
            },
        );
        expect(&p.variance(), &[0.07760141093, 0.015], "pareto: variance");
        check_draws("pareto", &Pareto::new(&v2(1.0, 0.5), &v2(15.0, 20.0)));
        assert_eq!(p.prob(&v2(0.9, 0.4)).data().to_f64().unwrap().sum(), 0.0);
        let heavy = [q.mean(), kl_divergence(&q, &p)].map(|v| v.data().to_f64().unwrap().into_raw_vec_and_offset().0);
        assert_eq!([heavy[0][0], heavy[1][0], heavy[1][1]], [f64::INFINITY; 3], "{heavy:?}");

        let (p, q) = (Chisquare::new(&v2(1.4, 8.0)), Chisquare::new(&v2(3.0, 4.0)));
        check(
            "chisquare",
            &p,
            &q,
            &x,
            &Values {
                log_prob: [-1.40076674, -7.513220387],
                entropy: [1.288007361, 2.716553644],
                kl: [0.594369359, 0.720475868],
            },
        );
        check_draws("chisquare", &p);
    }
}

#[test]
fn counts() {
    for d in devices() {
        let v2 = |a: f32, b: f32| v(&[a, b], &[2], &d);
        let (p, q) = (Geometric::new(&v2(0.3, 0.8)), Geometric::new(&v2(0.5, 0.6)));
        check(
            "geometric",
            &p,
            &q,
            &v2(3.0, 1.0),
            &Values {
                log_prob: [-1.917322692, -0.223143551],
                entropy: [2.03621434, 0.62550303],
                kl: [0.274276262, 0.114395277],
            },
        );
        expect(&p.variance(), &[7.777777778, 0.3125], "geometric: variance");
        check_draws("geometric", &p);

        let (p, q) = (Poisson::new(&v2(0.7, 14.0)), Poisson::new(&v2(1.5, 10.0)));
        expect(&p.log_prob(&v2(2.0, 11.0)), &[-2.106497068, -2.47267722], "poisson: log_prob");
        expect(&kl_divergence(&p, &q), &[0.266501964, 0.710611313], "poisson: kl");
        check_draws("poisson", &p);
        check_draws("poisson", &Poisson::new(&v2(9.9, 10.0)));
        check_draws("poisson", &Poisson::new(&v2(1e-3, 2e5)));
        let draws = p.sample(&[20_000]);
        assert!(draws.data().to_f64().unwrap().iter().all(|x| *x >= 0.0 && x.fract() == 0.0), "{d}");
        // Every number as often as it should be: the mean of log-probabilities is minus the entropy.
        let mean = F::mean_axes(&p.log_prob(&draws), Some(&[0]), false).data().to_f64().unwrap();
        let off = mean.iter().zip([-1.104597199, -2.732279118]).any(|(m, e)| (m - e).abs() > 0.03);
        assert!(!off, "{d}: poisson: draws: {mean}");
    }
}

#[test]
fn events() {
    for d in devices() {
        let (p, q) = (Bernoulli::from_p(&v(&[0.2, 0.9], &[2], &d)), Bernoulli::from_p(&v(&[0.5, 0.3], &[2], &d)));
        check(
            "bernoulli",
            &p,
            &q,
            &v(&[1.0, 0.0], &[2], &d),
            &Values {
                log_prob: [-1.6094379124, -2.302585093],
                entropy: [0.5004024235, 0.3250829734],
                kl: [0.192744757, 0.7941600449],
            },
        );
        check_draws("bernoulli", &p);
        let certain = Bernoulli::new(&v(&[f32::INFINITY, f32::NEG_INFINITY], &[2], &d));
        expect(&certain.log_prob(&v(&[1.0, 0.0], &[2], &d)), &[0.0, 0.0], "bernoulli: certain");
        expect(&certain.entropy(), &[0.0, 0.0], "bernoulli: certain");

        let p = Categorical::from_p(&v(&[0.2, 0.3, 0.5, 0.7, 0.2, 0.1], &[2, 3], &d));
        let q = Categorical::new(&F::log(&v(&[0.1, 0.6, 0.3, 0.3, 0.3, 0.4], &[2, 3], &d)));
        let x = Variable::constant(Tensor::from_slice(&[2, 0], [2], &d));
        check(
            "categorical",
            &p,
            &q,
            &x,
            &Values {
                log_prob: [-0.693147181, -0.356674944],
                entropy: [1.029653014, 0.801818553],
                kl: [0.186098094, 0.373386045],
            },
        );
        let hot = OneHotCategorical::from_p(&v(&[0.2, 0.3, 0.5, 0.7, 0.2, 0.1], &[2, 3], &d));
        check(
            "one_hot_categorical",
            &hot,
            &OneHotCategorical::new(&F::log(&v(&[0.1, 0.6, 0.3, 0.3, 0.3, 0.4], &[2, 3], &d))),
            &v(&[0.0, 0.0, 1.0, 1.0, 0.0, 0.0], &[2, 3], &d),
            &Values {
                log_prob: [-0.693147181, -0.356674944],
                entropy: [1.029653014, 0.801818553],
                kl: [0.186098094, 0.373386045],
            },
        );
        check_draws("one_hot_categorical", &hot);
        catena::random::seed(3);
        let draws = p.sample(&[20_000]);
        assert_eq!(draws.shape()[..], [20_000, 2]);
        // The mean of log-probabilities is minus the entropy.
        let mean = F::mean_axes(&p.log_prob(&draws), Some(&[0]), false).data().to_f64().unwrap();
        let far = mean.iter().zip([-1.029653014, -0.801818553]).any(|(m, e)| (m - e).abs() > 0.02);
        assert!(!far, "categorical: draws: {mean}");
        let never = Categorical::from_p(&v(&[0.0, 1.0], &[2], &d));
        assert_eq!(never.entropy().item().unwrap(), 0.0);

        let p = Dirichlet::new(&v(&[0.7, 2.0, 3.0, 1.0, 1.0, 4.0], &[2, 3], &d));
        let q = Dirichlet::new(&v(&[1.0, 1.0, 1.0, 2.0, 3.0, 0.5], &[2, 3], &d));
        check(
            "dirichlet",
            &p,
            &q,
            &v(&[0.2, 0.3, 0.5, 0.7, 0.2, 0.1], &[2, 3], &d),
            &Values {
                log_prob: [1.222517436, -3.912023005],
                entropy: [-1.508800928, -1.645732274],
                kl: [0.815653748, 5.578430429],
            },
        );
        check_draws("dirichlet", &p);

        // Twice the same, side by side.
        let twice = |a: &[f32]| [a, a].concat();
        let p = MultivariateNormal::new(
            &v(&twice(&[0.5, -1.0]), &[2, 2], &d),
            &v(&twice(&[1.0, 9.0, 0.5, 0.8]), &[2, 2, 2], &d),
        );
        let q = MultivariateNormal::new(
            &v(&twice(&[0.0, 1.0]), &[2, 2], &d),
            &v(&twice(&[2.0, 0.0, -0.3, 0.6]), &[2, 2, 2], &d),
        );
        check(
            "multivariate_normal",
            &p,
            &q,
            &v(&[1.2, -0.4], &[2], &d),
            &Values { log_prob: [-1.90856164; 2], entropy: [2.614733515; 2], kl: [6.18411094; 2] },
        );
        check_draws("multivariate_normal", &p);

        let (p, q) = (
            Normal::new(&v(&[0.5, -1.0], &[1, 2], &d), &v(&[2.0, 0.3], &[1, 2], &d)),
            Normal::new(&v(&[0.0, 1.0], &[1, 2], &d), &v(&[1.0, 2.0], &[1, 2], &d)),
        );
        let (p, q) = (Independent::new(p, 1), Independent::new(q, 1));
        expect(&kl_divergence(&p, &q), &[0.931852819 + 1.908369985], "independent: kl");
        expect(&p.log_prob(&v(&[1.2, -0.4], &[1, 2], &d)), &[-1.673335714 - 1.714965729], "independent: log_prob");
    }
}

#[test]
fn gradients_flow_through_draws() {
    for d in devices() {
        catena::random::seed(5);
        let through = |p: &[&Variable], sample: Variable| {
            F::sum(&F::square(&sample)).backward();
            for (i, p) in p.iter().enumerate() {
                let g = p.grad().unwrap_or_else(|| panic!("{d}: no gradient for parameter {i}"));
                assert!(g.to_f64().unwrap().iter().all(|g| g.is_finite() && *g != 0.0), "{d}: parameter {i}");
            }
        };
        let pair = || [v(&[1.5, 0.6], &[2], &d), v(&[0.8, 2.0], &[2], &d)];
        let [a, b] = pair();
        through(&[&a, &b], Normal::new(&a, &b).sample(&[4]));
        let [a, b] = pair();
        through(&[&a, &b], Laplace::new(&a, &b).sample(&[4]));
        let [a, b] = pair();
        through(&[&a, &b], Gamma::new(&a, &b).sample(&[4]));
        let [a, b] = pair();
        through(&[&a, &b], Beta::new(&a, &b).sample(&[4]));
        let [a, _] = pair();
        through(&[&a], Dirichlet::new(&a).sample(&[4]));
        let [a, b] = pair();
        through(&[&a, &b], Cauchy::new(&a, &b).sample(&[4]));
        let [a, b] = pair();
        through(&[&a, &b], Gumbel::new(&a, &b).sample(&[4]));
        let [a, b] = pair();
        through(&[&a, &b], LogNormal::new(&a, &b).sample(&[4]));
        let [a, b] = pair();
        through(&[&a, &b], Pareto::new(&a, &b).sample(&[4]));
        let [a, b] = pair();
        through(&[&a], Exponential::new(&a).sample(&[4]));
        through(&[&b], Chisquare::new(&b).sample(&[4]));

        // d E[z] / d k = theta: the gradient of the mean of many draws.
        let k = v(&[2.5], &[1], &d);
        let theta = v(&[1.5], &[1], &d);
        F::mean(&Gamma::new(&k, &theta).sample(&[20_000])).backward();
        let slope = k.grad().unwrap().item().unwrap();
        assert!((slope - 1.5).abs() < 0.03, "{d}: {slope}");
    }
}
