//! The names of Chainer 7.8.1, one to one: that this compiles is the test. What is left out needs Theano, and
//! `AlexNet`-like models that Chainer had in examples alone.

#[allow(unused_imports)]
mod names {
    pub use catena::functions::{
        absolute, absolute_error, accuracy, add, arccos, arcsin, arctan, arctan2, arctanh, argmax, argmax_crf1d,
        argmin, as_strided, average, average_pooling_1d, average_pooling_2d, average_pooling_3d, average_pooling_nd,
        batch_det, batch_inv, batch_l2_norm_squared, batch_matmul, batch_normalization, batch_renormalization,
        bernoulli_nll, bias, bilinear, binary_accuracy, black_out, broadcast, broadcast_to, cast, ceil, cholesky,
        classification_summary, clip, clipped_relu, concat, connectionist_temporal_classification, contrastive,
        convolution_1d, convolution_2d, convolution_3d, convolution_nd, copy, cos, cosh, crelu, crf1d,
        cross_covariance, cumprod, cumsum, deconvolution_1d, deconvolution_2d, deconvolution_3d, deconvolution_nd,
        decorrelated_batch_normalization, decov, deformable_convolution_2d_sampler, depth2space,
        depthwise_convolution_2d, det, diagonal, digamma, dilated_convolution_2d,
        discriminative_margin_based_clustering_loss, dropout, dstack, einsum, elu, embed_id, erf, erfc, erfcinv, erfcx,
        erfinv, exp, expand_dims, expm1, f1_score, fft, fix, fixed_batch_normalization, fixed_batch_renormalization,
        fixed_decorrelated_batch_normalization, flatten, flip, fliplr, flipud, floor, fmod, forget, gaussian,
        gaussian_kl_divergence, gaussian_nll, get_item, group_normalization, gumbel_softmax, hard_sigmoid, hinge,
        hstack, huber_loss, identity, ifft, im2col, inv, layer_normalization, leaky_relu, lgamma, linear,
        linear_interpolate, local_convolution_2d, local_response_normalization, log, log_ndtr, log_softmax, log1p,
        log2, log10, logsumexp, lstm, matmul, max, max_pooling_1d, max_pooling_2d, max_pooling_3d, max_pooling_nd,
        maximum, maxout, mean, mean_absolute_error, mean_squared_error, min, minimum, moveaxis, n_step_bigru,
        n_step_bilstm, n_step_birnn, n_step_gru, n_step_lstm, n_step_rnn, ndtr, ndtri, negative_sampling, normalize,
        pad, pad_sequence, permutate, polygamma, precision, prelu, prod, r2_score, recall, relu, relu6, repeat,
        reshape, resize_images, roi_average_align_2d, roi_average_pooling_2d, roi_max_align_2d, roi_max_pooling_2d,
        roi_pooling_2d, rollaxis, rrelu, rsqrt, scale, scatter_add, select_item, selu, separate, shift, sigmoid,
        sigmoid_cross_entropy, sign, simplified_dropconnect, sin, sinh, slstm, softmax, softmax_cross_entropy,
        softplus, space2depth, sparse_matmul, spatial_pyramid_pooling_2d, spatial_transformer_grid,
        spatial_transformer_sampler, split_axis, sqrt, square, squared_difference, squared_error, squeeze, stack, sum,
        sum_to, swapaxes, swish, tan, tanh, tensordot, tile, transpose, transpose_sequence, tree_lstm, triplet,
        unpooling_1d, unpooling_2d, unpooling_3d, unpooling_nd, upsampling_2d, vstack, where_, zeta, zoneout,
    };

    pub use catena::links::{
        BatchNormalization, BatchRenormalization, Bias, Bilinear, BinaryHierarchicalSoftmax, BlackOut, CRF1d,
        ChildSumTreeLSTM, Classifier, Convolution1D, Convolution2D, Convolution3D, ConvolutionND, Deconvolution1D,
        Deconvolution2D, Deconvolution3D, DeconvolutionND, DecorrelatedBatchNormalization, DeformableConvolution2D,
        DepthwiseConvolution2D, DilatedConvolution2D, EmbedID, GRU, GoogLeNet, GroupNormalization, Highway, Inception,
        InceptionBN, LSTM, LayerNormalization, Linear, LocalConvolution2D, MLPConvolution2D, Maxout, NStepBiGRU,
        NStepBiLSTM, NStepBiRNNReLU, NStepBiRNNTanh, NStepGRU, NStepLSTM, NStepRNNReLU, NStepRNNTanh, NaryTreeLSTM,
        NegativeSampling, PReLU, Parameter, ResNet50Layers, ResNet101Layers, ResNet152Layers, Scale,
        SimplifiedDropconnect, StatefulGRU, StatefulMGU, StatefulPeepholeLSTM, StatefulZoneoutLSTM, StatelessGRU,
        StatelessLSTM, StatelessMGU, Swish, VGG16Layers, VGG19Layers,
    };

    pub use catena::links::initializers::{
        Constant, DownsamplingConvFilter, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity, LeCunNormal,
        LeCunUniform, NaN, Normal, One, Orthogonal, Uniform, UpsamplingDeconvFilter, Zero,
    };

    pub use catena::optimizers::{
        AMSBound, AMSGrad, AdaBound, AdaDelta, AdaGrad, Adam, AdamW, CorrectedMomentumSGD, MSVAG, MomentumSGD,
        NesterovAG, RMSprop, RMSpropGraves, SGD, SMORMS3,
    };

    // From today's practice.
    pub use catena::optimizers::{LAMB, Lion, Muon};

    pub use catena::optimizers::{
        GradientClipping, GradientHardClipping, GradientLARS, GradientNoise, Lasso, WeightDecay,
    };

    pub use catena::distributions::{
        Bernoulli, Beta, Categorical, Cauchy, Chisquare, Dirichlet, Exponential, Gamma, Geometric, Gumbel, Independent,
        Laplace, LogNormal, MultivariateNormal, Normal as Gaussian, OneHotCategorical, Pareto, Poisson,
        Uniform as Even, cross_entropy, kl_divergence,
    };
}

use catena::{
    links::{Link, Persistent, Replica, Summary},
    optimizers::{Adam, Rule},
    prelude::*,
    serializers::{load_npz, save_npz},
};

#[test]
fn an_optimizers_name_is_its_settings() {
    let same = |a: Adam, b: Adam| assert_eq!(format!("{a:?}"), format!("{b:?}"));
    same(names::AdamW(0.01, 0.1), Adam::w(0.01, 0.1));
    same(names::AMSGrad(0.01), Adam::ams_grad(0.01));
    same(names::AdaBound(0.01, 0.1), Adam::ada_bound(0.01, 0.1));
    same(names::AMSBound(0.01, 0.1), Adam::ams_bound(0.01, 0.1));
    assert_eq!(names::SGD::new(0.5).lr, 0.5);
}

chain! {
    struct Model {
        l1: L::Linear,
        l2: L::Linear,
        seen: Persistent,
    }
}

impl Model {
    fn new() -> Model {
        let seen = Persistent::new(Tensor::zeros([2], DType::F32, &Device::cpu()));
        Model { l1: L::Linear::lazy(3), l2: L::Linear::new(3, 2), seen }
    }

    fn forward(&self, x: &Variable) -> Variable {
        self.l2.forward(&F::relu(&self.l1.forward(x)))
    }
}

fn ones(n: usize) -> Variable {
    Variable::constant(Tensor::ones([2, n], DType::F32, &Device::cpu()))
}

fn numbers(p: &Parameter) -> Vec<f32> {
    p.data().to_vec::<f32>().expect("values")
}

#[test]
fn a_lazy_parameter_takes_its_size_from_the_first_call() {
    let model = Model::new();
    assert!(!model.l1.W.is_initialized());
    assert_eq!(model.count_params(), 3 + 8, "what has a size counts");
    // Clearing gradients and an optimizer may come before the first call.
    model.cleargrads();
    let mut optimizer = Sgd::new(0.1).setup(&model);
    let loss = F::sum(&model.forward(&ones(5)));
    assert_eq!(model.l1.W.shape().as_deref(), Some(&[3, 5][..]));
    assert_eq!(model.count_params(), 15 + 3 + 8);
    loss.backward();
    let before = numbers(&model.l2.b.clone().expect("by default"));
    optimizer.update();
    assert_ne!(numbers(&model.l2.b.clone().expect("by default")), before);
}

#[test]
fn what_is_not_updated_stands_still() {
    let model = Model::new();
    model.forward(&ones(5));
    model.l1.disable_update();
    let mut optimizer = Sgd::new(0.1).setup(&model);
    let (w1, w2) = (numbers(&model.l1.W), numbers(&model.l2.W));
    let mut step = || {
        model.cleargrads();
        F::sum(&F::square(&model.forward(&ones(5)))).backward();
        optimizer.update();
    };
    step();
    assert_eq!(numbers(&model.l1.W), w1);
    assert_ne!(numbers(&model.l2.W), w2);
    model.l1.enable_update();
    step();
    assert_ne!(numbers(&model.l1.W), w1);
}

#[test]
fn shared_weights_are_one_parameter_and_copies_are_others() {
    let layer = L::Linear::new(3, 3);
    let (shared, copied) = (layer.share(), layer.copy());
    assert!(shared.W.is(&layer.W) && !copied.W.is(&layer.W));
    F::sum(&shared.forward(&layer.forward(&ones(3)))).backward();
    assert_eq!(numbers(&layer.W), numbers(&copied.W));
    assert!(copied.W.grad().is_none() && shared.W.grad().is_some());
    let twice = layer.repeat(2, Replica::Share);
    assert_eq!(twice.count_params(), 12);
    assert_eq!(layer.repeat(2, Replica::Copy).count_params(), 24);
}

#[test]
fn persistent_values_are_saved_and_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.npz");
    let model = Model::new();
    model.forward(&ones(5));
    model.seen.set_data(Tensor::from_slice(&[4.0f32, 5.0], [2], &Device::cpu()));
    assert_eq!(model.namedpersistents()[0].0, "/seen");
    save_npz(&path, &model).expect("a file");
    let mut other = Model::new();
    load_npz(&path, &mut other).expect("the file");
    assert_eq!(other.seen.data().to_vec::<f32>().expect("values"), [4.0, 5.0]);
    // A parameter without a size takes that of the file.
    assert_eq!(numbers(&other.l1.W), numbers(&model.l1.W));
}

#[test]
fn a_summary_names_shapes_and_counts() {
    let model = Model::new();
    let before: Summary = model.summary();
    assert!(before.to_string().contains("l1/W"), "{before}");
    model.forward(&ones(5));
    let text = model.summary().to_string();
    assert!(text.contains("(3, 5)") && text.contains("26"), "{text}");
}
