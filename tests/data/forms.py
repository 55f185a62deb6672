"""Writes forms.npz: one member for each form of .npy that catena reads, and some that it must refuse.

Run with any NumPy from 1.20 on; the bytes differ between versions only in the pickled members.
"""

import io
import pathlib
import zipfile

import numpy as np

base = np.arange(6).reshape(2, 3)
forms = {f"c_{t}": base.astype(t) for t in ("f2", "f4", "f8", "i4", "i8", "u4", "u1")}
forms["c_b1"] = base % 2 == 1
forms |= {f"fortran_{t}": np.asfortranarray(base.astype(t)) for t in ("f4", "i8")}
forms |= {f"big_{t}": base.astype(">" + t) for t in ("f2", "f4", "f8", "i4", "i8", "u4")}
forms["big_text"] = np.array(["ab", "", "αβγ"]).astype(">U3")
forms["negative_i4"] = np.array([-1, -(2**31)], "i4")
forms["wide_i8"] = np.array(-(2**63), "i8")
forms["special_f4"] = np.array([np.inf, -np.inf, -0.0, np.finfo("f4").tiny / 2], "f4")
forms["scalar_f8"] = np.array(0.1)
forms["scalar_bool"] = np.array(True)
forms["text"] = np.array("αβ \U0001f600 {\"a\": 1}")
forms["no_text"] = np.array("")
forms["empty"] = np.zeros((0, 3), "f4")
forms["five_axes"] = np.arange(32, dtype="f4").reshape(2, 2, 2, 2, 2)
forms["v2"] = base.astype("f4")
forms["v3"] = base.astype("f4")
forms["none"] = np.array(None)
forms["refused_i2"] = base.astype("i2")
forms["refused_c8"] = base.astype("c8")
forms["refused_pickle"] = np.array({"a": 1})
forms["refused_nones"] = np.array([None, None])
forms["refused_one_none"] = np.array([None])
forms["refused_shape"] = base.astype("f4")
forms["refused_struct"] = np.zeros(2, [("a", "f4"), ("b", "i4")])

with zipfile.ZipFile(pathlib.Path(__file__).with_name("forms.npz"), "w", allowZip64=True) as archive:
    for i, (name, value) in enumerate(forms.items()):
        member = zipfile.ZipInfo(name + ".npy")
        member.compress_type = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[i % 2]
        version = {"v2": (2, 0), "v3": (3, 0)}.get(name)
        with archive.open(member, "w", force_zip64=i % 3 == 0) as to, io.BytesIO() as whole:
            np.lib.format.write_array(whole, value, version=version, allow_pickle=True)
            made = whole.getvalue()
            to.write(made.replace(b"(2, 3)", b"(9, 9)") if name == "refused_shape" else made)
