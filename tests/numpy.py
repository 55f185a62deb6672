"""Writes tests/numpy.txt: what NumPy makes of the inputs of tests/numpy.rs.

    python tests/numpy.py > tests/numpy.txt
"""
import sys
import warnings

sys.path.pop(0)  # this file has NumPy's name
import numpy as np

warnings.simplefilter("ignore")
f = lambda *v: np.array(v, np.float32)
table = {}

table["u"] = u = f(0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.6, 1e-30, 1e30, -1e30, np.inf, -np.inf, np.nan, 1, -1, 3.25, 100)
table["a"] = a = f(7, -7, 6.5, -0.5, 0, np.inf, -np.inf, np.nan, 2.25, 3e30)[:, None]
table["b"] = b = f(3, -3, 0.5, 0, np.inf, -np.inf, np.nan, 4e30)
table["i"] = i = np.array([-7, 7, 0, 5, -8, 2147483647], np.int32)[:, None]
table["j"] = j = np.array([3, -3, 0, 2, -1, 10], np.int32)
table["p"] = p = np.array([True, True, False, False])
table["q"] = q = np.array([True, False, True, False])
table["m"] = m = f(3, 1, 2, 2, -1, 0, 7, 7, 5, -4, 0, 2.5).reshape(3, 4)
table["n"] = n = f(3, 1, 2, np.nan, -1, 0, 7, 8, 5, -4, 0, 2.5).reshape(3, 4)
table["k"] = k = np.array([[3, -1, 0], [0, 0, 2], [1, -4, 1]], np.int32)
table["v"] = v = f(2, -1, 0.5, 4)
table["w"] = w = f(1, 2, 3)
table["s"] = s = f(-1, 0, 2, 2, 3, np.inf, np.nan, np.nan)
table["at"] = at = f(2, -5, np.inf, 2.5, np.nan, -1, 100).reshape(7, 1)
table["c"] = c = np.array([3, 1, 0, 3, 3], np.int32)
table["weights"] = weights = f(0.5, 1, 2, 0.25, 1)
table["near"] = near = u + f(*([0, 1e-7, 1e-3] * 6))
table["e"] = e = np.zeros((0, 3), np.float32)
table["z"] = z = np.float32(2.5).reshape(())
table["t"] = t = np.arange(24, dtype=np.float32).reshape(2, 3, 4)

results = {
    "isnan": np.isnan(u),
    "isinf": np.isinf(u),
    "isfinite": np.isfinite(u),
    "isfinite of integers": np.isfinite(i),
    "nan_to_num": np.nan_to_num(u),
    "nan_to_num given": np.nan_to_num(u, nan=7, posinf=8, neginf=-8),
    "round": np.rint(u),
    "exp2": np.exp2(u),
    "reciprocal": np.reciprocal(u),
    "arcsinh": np.arcsinh(u),
    "arccosh": np.arccosh(u),
    "hypot": np.hypot(a, b),
    "logaddexp": np.logaddexp(a, b),
    "remainder": np.remainder(a, b),
    "floor_divide": np.floor_divide(a, b),
    "fmod": np.fmod(a, b),
    "remainder of integers": np.remainder(i, j),
    "floor_divide of integers": np.floor_divide(i, j),
    "logical_xor": np.logical_xor(p, q),
    "isclose": np.isclose(near, u, rtol=1e-5, atol=1e-6),
    "isclose of integers": np.isclose(i, j, rtol=0.5, atol=1),
    "count_nonzero": np.array(np.count_nonzero(n), np.int32),
    "count_nonzero axis": np.count_nonzero(n, axis=-1).astype(np.int32),
    "count_nonzero nothing": np.count_nonzero(e, axis=0).astype(np.int32),
    "outer": np.outer(v, w),
    "outer of matrices": np.outer(m, w),
    "dot vectors": np.dot(v, v),
    "dot scalar": np.dot(z, m),
    "dot matrix vector": np.dot(m, v),
    "dot vector matrix": np.dot(v, m.T),
    "dot matrices": np.dot(m, m.T),
    "dot many": np.dot(t, m.T),
    "dot integers": np.dot(k, k[0]),
    "dot nothing": np.dot(e, w),
    "trace": np.trace(m),
    "trace above": np.trace(m, 1),
    "trace of axes": np.trace(t, -1, -1, 0),
    "trace nothing": np.trace(e),
    "diff": np.diff(m),
    "diff twice": np.diff(m, 2, 0),
    "diff of truth": np.diff(p),
    "diff to nothing": np.diff(w, 4),
    "diff nothing": np.diff(e, axis=0),
    "ravel": m.T.ravel(),
    "ravel scalar": z.ravel(),
    "ravel nothing": e.ravel(),
    "moveaxis": np.moveaxis(t, 0, -1),
    "moveaxis several": np.moveaxis(t, [0, -1], [-1, 0]),
    "hstack": np.hstack([m, m[:, :2]]),
    "hstack vectors": np.hstack([v, w]),
    "hstack scalars": np.hstack([z, z]),
    "vstack": np.vstack([m, v]),
    "vstack nothing": np.vstack([e, w]),
    "dstack": np.dstack([m, m]),
    "dstack vectors": np.dstack([w, w]),
    "argmax": np.array(np.argmax(m), np.int32),
    "argmin": np.array(np.argmin(m), np.int32),
    "argmax nan": np.array(np.argmax(n), np.int32),
    "argmax scalar": np.array(np.argmax(z), np.int32),
    "take_along_axis": np.take_along_axis(m, k, 1),
    "take_along_axis first": np.take_along_axis(m, k[:, :1] % 3, 0),
    "take_along_axis last": np.take_along_axis(m, np.argsort(m, axis=-1, kind="stable"), -1),
    "take_along_axis nothing": np.take_along_axis(m, k[:, :0], 1),
    "searchsorted": np.searchsorted(s, at).astype(np.int32),
    "searchsorted right": np.searchsorted(s, at, side="right").astype(np.int32),
    "searchsorted integers": np.searchsorted(np.array([0, 1, 3], np.int32), c).astype(np.int32),
    "searchsorted nothing": np.searchsorted(s, e).astype(np.int32),
    "searchsorted in nothing": np.searchsorted(e.ravel(), w).astype(np.int32),
    "bincount": np.bincount(c).astype(np.int32),
    "bincount weights": np.bincount(c, weights, 6).astype(np.float32),
    "bincount nothing": np.bincount(c[:0], minlength=2).astype(np.int32),
    "meshgrid 0": np.meshgrid(v, w)[0],
    "meshgrid 1": np.meshgrid(v, w)[1],
    "meshgrid ij": np.meshgrid(v, w, z, indexing="ij")[1],
    "median": np.median(m).astype(np.float32),
    "median axis": np.median(m, axis=0),
    "median last": np.median(m, axis=-1, keepdims=True),
    "median nan": np.median(n, axis=1),
    "median nothing": np.median(e, axis=0),
    "median scalar": np.median(z).astype(np.float32),
    "var": np.var(m, ddof=1),
    "var axis": np.var(m, axis=-1, ddof=2, keepdims=True),
    "var of one": np.var(z, ddof=1),
    "std": np.std(m, axis=0, ddof=1),
    "eye": np.eye(3, 4, k=1, dtype=np.float32),
    "eye below": np.eye(4, 2, k=-2, dtype=np.float32),
    "eye outside": np.eye(2, k=5, dtype=np.float32),
    "diag": np.diag(w, -1),
    "diag of matrix": np.diag(m, 2),
    "diag of integers": np.diag(c, 1),
    "diag nothing": np.diag(e.ravel(), 1),
    "flip": np.flip(t),
    "flip axes": np.flip(t, (0, -1)),
    "norm 1": np.linalg.norm(m.ravel(), 1),
    "norm 2": np.linalg.norm(m, 2, axis=1).astype(np.float32),
    "norm 3": np.linalg.norm(m, 3, axis=0, keepdims=True).astype(np.float32),
    "norm inf": np.linalg.norm(m, np.inf, axis=-1),
    "norm -inf": np.linalg.norm(m, -np.inf, axis=-1),
    "norm 0": np.linalg.norm(m, 0, axis=0),
    "norm nothing": np.linalg.norm(e, 1, axis=0),
}

added = m.copy()
np.add.at(added, (np.arange(3)[:, None], k), k.astype(np.float32))
results["scatter_add_along_axis"] = added
added = m[:, :3].copy()
np.add.at(added, (k % 3, np.arange(3)[None, :]), m[:, :3])
results["scatter_add_along_axis first"] = added

print(f"# Results of NumPy {np.__version__}: see tests/numpy.rs and tests/numpy.py.")
for name, value in {**table, **results}.items():
    value = np.asarray(value)
    shape = ",".join(map(str, value.shape))
    numbers = " ".join(repr(float(x)) for x in value.ravel())
    print(f"{name}: {value.dtype} ({shape}) {numbers}".rstrip())
