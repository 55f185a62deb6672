"""Writes networks.json: the networks of Chainer 7.8.1 with weights that are a formula, and what they give.

Run with Chainer 7.8.1 and NumPy 1.23. The networks of its examples are written down here in its links.
"""

import json
import pathlib

import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np


def uniform(n, seed):
    """In [0, 1), from a counter and a seed; tests/networks.rs has the same."""
    x = np.arange(n, dtype=np.uint32) + np.uint32((seed * 0x9E3779B9) & 0xFFFFFFFF)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return (x >> np.uint32(8)).astype(np.float32) / np.float32(16777216)


def values(path, shape, seed):
    u = uniform(int(np.prod(shape)), seed).reshape(shape)
    last = path.rsplit("/", 1)[1]
    if last == "W":
        return (u * 2 - 1) * np.float32(np.sqrt(6.0 / np.prod(shape[1:])))
    if last in ("gamma", "avg_var"):
        return u + np.float32(0.5)
    return (u - np.float32(0.5)) * np.float32(0.2)


def fill(model):
    entries = [(path, p) for path, p in model.namedparams()]
    for prefix, link in model.namedlinks():
        if isinstance(link, L.BatchNormalization):
            entries += [(f"{prefix}/{name}", link) for name in ("avg_mean", "avg_var")]
    entries = [(path.replace("/net/", "/", 1), p) for path, p in entries]
    for seed, (path, p) in enumerate(sorted(entries, key=lambda e: e[0])):
        if isinstance(p, chainer.Parameter):
            p.array[...] = values(path, p.shape, seed + 1)
        else:
            name = path.rsplit("/", 1)[1]
            setattr(p, name, values(path, getattr(p, name).shape, seed + 1))


class Convs(chainer.Chain):
    """A network from a list: (name, link) or a function."""

    def __init__(self, steps):
        super().__init__()
        self.steps = []
        for step in steps:
            if isinstance(step, tuple):
                name, link = step
                with self.init_scope():
                    setattr(self, name, link)
                self.steps.append(link)
            else:
                self.steps.append(step)

    def forward(self, x):
        for step in self.steps:
            x = step(x)
        return x


def conv(*args, **kwargs):
    return L.Convolution2D(*args, **kwargs)


def pool(k, s):
    return lambda x: F.max_pooling_2d(x, k, s)


def alexnet(classes, side):
    r = F.relu
    return Convs([
        ("conv1", conv(3, 64, 11, 4, 2)), r, pool(3, 2), ("conv2", conv(64, 192, 5, 1, 2)), r, pool(3, 2),
        ("conv3", conv(192, 384, 3, 1, 1)), r, ("conv4", conv(384, 256, 3, 1, 1)), r,
        ("conv5", conv(256, 256, 3, 1, 1)), r, pool(3, 2), ("fc6", L.Linear(None, 4096)), r,
        ("fc7", L.Linear(4096, 4096)), r, ("fc8", L.Linear(4096, classes))])


def overfeat(classes, side):
    r = F.relu
    return Convs([
        ("conv1", conv(3, 96, 11, 4)), r, pool(2, 2), ("conv2", conv(96, 256, 5)), r, pool(2, 2),
        ("conv3", conv(256, 512, 3, 1, 1)), r, ("conv4", conv(512, 1024, 3, 1, 1)), r,
        ("conv5", conv(1024, 1024, 3, 1, 1)), r, pool(3, 2), ("fc6", L.Linear(None, 3072)), r,
        ("fc7", L.Linear(3072, 4096)), r, ("fc8", L.Linear(4096, classes))])


def vgg_a(classes, side):
    steps, inputs = [], 3
    for group, (channels, depth) in enumerate([(64, 1), (128, 1), (256, 2), (512, 2), (512, 2)]):
        for i in range(depth):
            steps += [(f"conv{group + 1}_{i + 1}", conv(inputs, channels, 3, 1, 1)), F.relu]
            inputs = channels
        steps.append(pool(2, 2))
    return Convs(steps + [
        ("fc6", L.Linear(None, 4096)), F.relu, ("fc7", L.Linear(4096, 4096)), F.relu,
        ("fc8", L.Linear(4096, classes))])


def nin(classes, side):
    r = F.relu
    mlp = L.MLPConvolution2D
    return Convs([
        ("mlpconv1", mlp(None, (96, 96, 96), 11, stride=4)), r, pool(3, 2),
        ("mlpconv2", mlp(None, (256, 256, 256), 5, pad=2)), r, pool(3, 2),
        ("mlpconv3", mlp(None, (384, 384, 384), 3, pad=1)), r, pool(3, 2),
        ("mlpconv4", mlp(None, (1024, 1024, classes), 3, pad=1)), lambda x: F.mean(x, axis=(2, 3))])


def lenet5(classes, side):
    r = F.relu
    return Convs([
        ("conv1", conv(1, 6, 5)), r, pool(2, 2), ("conv2", conv(6, 16, 5)), r, pool(2, 2), ("conv3", conv(16, 120, 4)), r,
        ("fc4", L.Linear(120, 84)), r, ("fc5", L.Linear(84, classes))])


class Published(chainer.Chain):
    """One of chainer.links.model.vision with another number of classes, and for other sides."""

    def __init__(self, net, layers):
        super().__init__()
        with self.init_scope():
            self.net = net
        self.layers = layers

    def forward(self, x):
        found = self.net(x, layers=self.layers)
        return [found[name] for name in self.layers]


def vgg(n_layers):
    def make(classes, side):
        net = {16: L.VGG16Layers, 19: L.VGG19Layers}[n_layers](None)
        if side != 224:
            net.fc6 = L.Linear(512 * (side // 32) ** 2, 4096)
        if classes != 1000:
            net.fc8 = L.Linear(4096, classes)
        return Published(net, ["fc8"])
    return make


def resnet(n_layers, downsample_fb=False):
    def make(classes, side):
        net = L.model.vision.resnet.ResNetLayers(None, n_layers, downsample_fb)
        if classes != 1000:
            net.fc6 = L.Linear(2048, classes)
        return Published(net, ["fc6"])
    return make


def googlenet(classes, side):
    net = L.GoogLeNet(None)
    if side != 224:
        L.model.vision.googlenet._average_pooling_2d_k7 = lambda x: F.average_pooling_2d(x, x.shape[2:])
        L.model.vision.googlenet._average_pooling_2d_k5 = lambda x: F.average_pooling_2d(x, min(5, x.shape[2]), 3)
        net.loss1_fc1 = L.Linear(None, 1024)
        net.loss2_fc1 = L.Linear(None, 1024)
    if classes != 1000:
        net.loss1_fc2, net.loss2_fc2 = L.Linear(1024, classes), L.Linear(1024, classes)
        net.loss3_fc = L.Linear(1024, classes)
    return Published(net, ["loss3_fc"])


class GoogLeNetBN(chainer.Chain):
    def __init__(self, classes, side):
        super().__init__()
        I = L.InceptionBN
        with self.init_scope():
            self.conv1 = conv(3, 64, 7, 2, 3, nobias=True)
            self.norm1 = L.BatchNormalization(64)
            self.conv2 = conv(64, 192, 3, 1, 1, nobias=True)
            self.norm2 = L.BatchNormalization(192)
            self.inc3a = I(192, 64, 64, 64, 64, 96, "avg", 32)
            self.inc3b = I(256, 64, 64, 96, 64, 96, "avg", 64)
            self.inc3c = I(320, 0, 128, 160, 64, 96, "max", stride=2)
            self.inc4a = I(576, 224, 64, 96, 96, 128, "avg", 128)
            self.inc4b = I(576, 192, 96, 128, 96, 128, "avg", 128)
            self.inc4c = I(576, 160, 128, 160, 128, 160, "avg", 128)
            self.inc4d = I(608, 96, 128, 192, 160, 192, "avg", 128)
            self.inc4e = I(608, 0, 128, 192, 192, 256, "max", stride=2)
            self.inc5a = I(1056, 352, 192, 320, 160, 224, "avg", 128)
            self.inc5b = I(1024, 352, 192, 320, 192, 224, "max", 128)
            self.out = L.Linear(1024, classes)
            self.conva = conv(576, 128, 1, nobias=True)
            self.norma = L.BatchNormalization(128)
            self.lina = L.Linear(None, 1024, nobias=True)
            self.norma2 = L.BatchNormalization(1024)
            self.outa = L.Linear(1024, classes)
            self.convb = conv(608, 128, 1, nobias=True)
            self.normb = L.BatchNormalization(128)
            self.linb = L.Linear(None, 1024, nobias=True)
            self.normb2 = L.BatchNormalization(1024)
            self.outb = L.Linear(1024, classes)

    def forward(self, x):
        aside = lambda h: F.average_pooling_2d(h, min(5, h.shape[2]), 3)
        h = F.max_pooling_2d(F.relu(self.norm1(self.conv1(x))), 3, stride=2, pad=1)
        h = F.max_pooling_2d(F.relu(self.norm2(self.conv2(h))), 3, stride=2, pad=1)
        h = self.inc4a(self.inc3c(self.inc3b(self.inc3a(h))))
        a = F.relu(self.norma2(self.lina(F.relu(self.norma(self.conva(aside(h)))))))
        h = self.inc4d(self.inc4c(self.inc4b(h)))
        b = F.relu(self.normb2(self.linb(F.relu(self.normb(self.convb(aside(h)))))))
        h = self.inc5b(self.inc5a(self.inc4e(h)))
        h = self.out(F.average_pooling_2d(h, h.shape[2:]))
        return [h, self.outa(a), self.outb(b)]


class Block(chainer.Chain):
    def __init__(self, inputs, outputs):
        super().__init__()
        with self.init_scope():
            self.conv = conv(inputs, outputs, 3, pad=1, nobias=True)
            self.bn = L.BatchNormalization(outputs)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


def vgg_cifar(classes, side):
    steps, inputs = [], 3
    for group, (channels, depth) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]):
        for i in range(depth):
            steps.append((f"block{group + 1}_{i + 1}", Block(inputs, channels)))
            inputs = channels
        steps.append(pool(2, 2))
    return Convs(steps + [
        ("fc1", L.Linear(None, 512, nobias=True)), ("bn_fc1", L.BatchNormalization(512)), F.relu,
        ("fc2", L.Linear(512, classes, nobias=True))])


NETWORKS = {
    "alexnet": (alexnet, 224, 63),
    "overfeat": (overfeat, 231, 71),
    "vgg_a": (vgg_a, 224, 32),
    "vgg16": (vgg(16), 224, 32),
    "vgg19": (vgg(19), 224, 32),
    "nin": (nin, 227, 67),
    "googlenet": (googlenet, 224, 70),
    "googlenetbn": (GoogLeNetBN, 224, 48),
    "resnet50": (resnet(50), 224, 40),
    "resnet101": (resnet(101), 224, None),
    "resnet152": (resnet(152), 224, None),
    "resnet50_fb": (resnet(50, True), 224, 40),
    "vgg_cifar": (vgg_cifar, 32, 32),
    "lenet5": (lenet5, 28, 28),
}


def main():
    report = {}
    chainer.global_config.train = False
    chainer.global_config.enable_backprop = False
    for name, (make, whole, small) in NETWORKS.items():
        classes = 10 if name in ("vgg_cifar", "lenet5") else 1000
        channels = 1 if name == "lenet5" else 3
        model = make(classes, whole)
        if any(p.array is None for p in model.params()):
            model(np.zeros((1, channels, whole, whole), "f"))
        entry = {"classes": classes, "insize": whole, "parameters": int(model.count_params())}
        if small:
            model = make(10, small)
            x = uniform(2 * channels * small * small, 1000).reshape(2, channels, small, small) - np.float32(0.5)
            if name == "googlenet":
                outputs = googlenet_outputs(model.net, x)
            else:
                model(x)
                fill(model)
                outputs = model(x)
            outputs = outputs if isinstance(outputs, list) else [outputs]
            entry |= {"small": small, "outputs": [[float(f"{v:.9g}") for v in y.array.ravel()] for y in outputs]}
        report[name] = entry
        print(name, entry["parameters"], [np.abs(y).max() for y in entry.get("outputs", [])], flush=True)
    text = json.dumps(report).replace('"classes"', '\n  "classes"').replace('}, "', '},\n"')
    pathlib.Path(__file__).with_name("networks.json").write_text(text + "\n")


def googlenet_outputs(net, x):
    """The scores and those of the two branches: Chainer computes a branch only from what the last stage gave."""

    def run():
        f = net.functions
        h, found = chainer.Variable(x), {}
        for key in f:
            if key == "prob":
                break
            for step in f[key]:
                h = step(h)
            for after, branch in (("inception_4a", "loss1_fc2"), ("inception_4d", "loss2_fc2")):
                if key == after:
                    a = h
                    for step in f[branch]:
                        a = step(a)
                    found[branch] = a
        return [h, found["loss1_fc2"], found["loss2_fc2"]]

    run()
    fill(net)
    return run()


main()
