"""Writes step.json: what a further step of Adam by Chainer 7.8.1, from its own files, makes of the logits.

Run with Chainer 7.8.1 and NumPy 1.23 from the root of the repository.
"""

import gzip
import json
import pathlib

import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np

here = pathlib.Path(__file__).parent
digits = pathlib.Path("examples/data/mnist")


class Net(chainer.Chain):
    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.conv1 = L.Convolution2D(1, 8, 3, pad=1, nobias=True)
            self.bn1 = L.BatchNormalization(8)
            self.conv2 = L.Convolution2D(8, 16, 3, pad=1)
            self.bn2 = L.BatchNormalization(16)
            self.fc1 = L.Linear(784, 32)
            self.fc2 = L.Linear(32, 10)

    def forward(self, x):
        h = F.max_pooling_2d(F.relu(self.bn1(self.conv1(x))), 2)
        h = F.max_pooling_2d(F.relu(self.bn2(self.conv2(h))), 2)
        return self.fc2(F.relu(self.fc1(h)))


images = np.frombuffer(gzip.open(digits / "t10k-images-idx3-ubyte.gz").read(), np.uint8, offset=16)
labels = np.frombuffer(gzip.open(digits / "t10k-labels-idx1-ubyte.gz").read(), np.uint8, offset=8)
x = images.reshape(-1, 1, 28, 28)[:32].astype("f") / 255
t = labels[:32].astype("i")
expected = np.load(here / "expected.npz")
model = L.Classifier(Net())
chainer.serializers.load_npz(here / "model.npz", model.predictor)
optimizer = chainer.optimizers.Adam().setup(model)
chainer.serializers.load_npz(here / "optimizer_adam.npz", optimizer)
chainer.config.train = False  # no dropout, fixed statistics
assert np.abs(model.predictor(x).array - expected["logits"]).max() < 1e-4
optimizer.update(model, x, t)
after = model.predictor(x[:8]).array
(here / "step.json").write_text(json.dumps({"t": int(optimizer.t), "logits": [[float(f"{v:.9g}") for v in row] for row in after]}) + "\n")
