# SPDX-License-Identifier: Apache-2.0
"""The library's files as NumPy, the safetensors package and PyTorch see them.

    test_model.py WRITE_MODEL

Initial parameters are computed here once more, from the numeric contract alone. PyTorch's part is
left out where PyTorch is not installed. Exits with 77 without NumPy or safetensors.
"""

import os
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy as np
    import safetensors
    import safetensors.numpy
except ImportError as error:
    print(f"skipped: {error}; MASKCL_PYTHON names an interpreter that has it")
    sys.exit(77)

try:
    import torch
    import safetensors.torch
except ImportError:
    torch = None

WRITE_MODEL = sys.argv.pop(1)
DIGESTS = "maskcl_digest", "maskcl_file_digest"


def philox(counter, key):
    """Philox4x32-10 of Salmon et al. 2011 for arrays of counters: an array [n, 4] of words."""
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    c = [np.asarray(word, np.uint64) for word in counter]
    k = list(key)
    for _ in range(10):
        p = c[0] * np.uint64(0xD2511F53)
        q = c[2] * np.uint64(0xCD9E8D57)
        c = [
            (q >> shift) ^ c[1] ^ np.uint64(k[0]),
            q & mask,
            (p >> shift) ^ c[3] ^ np.uint64(k[1]),
            p & mask,
        ]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return np.stack(np.broadcast_arrays(*c), -1).astype(np.uint32)


def initial_values(seed, tensor, count, fan_in):
    """Stream 0: row = the tensor's number, element = flat index, epoch 0, view 0."""
    quads = np.arange((count + 3) // 4)
    words = philox((quads, tensor, 0, 0), (seed % 2**32, seed // 2**32)).reshape(-1)[:count]
    u = (words >> 8).astype(np.float32) * np.float32(2.0**-24)
    return (np.float32(2) * u - np.float32(1)) * np.float32(1 / np.sqrt(np.float64(fan_in)))


def expected_tensors(seed, widths):
    """Name → values of a freshly made model; widths is [input, hidden..., embedding]."""
    tensors = {}
    for network, w in (("encoder", widths), ("decoder", widths[::-1])):
        for layer, (fan_in, out) in enumerate(zip(w, w[1:])):
            for kind, shape in (("weight", (out, fan_in)), ("bias", (out,))):
                values = initial_values(seed, len(tensors), int(np.prod(shape)), fan_in)
                tensors[f"{network}.{2 * layer}.{kind}"] = values.reshape(shape)
    return tensors


class Reference(unittest.TestCase):
    """This file's own Philox, with the known answers of Random123."""

    def test_known_answers(self):
        ones = 0xFFFFFFFF
        for counter, key, words in (
            ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
            ((ones,) * 4, (ones,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
            (
                (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
                (0xA4093822, 0x299F31D0),
                (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
            ),
        ):
            self.assertEqual(tuple(philox(counter, key)), words)


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_helper(self, *arguments, code=0):
        command = [WRITE_MODEL, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def create(self, seed, widths, activation="relu"):
        path = self.path("model.safetensors")
        self.run_helper("create", path, seed, widths[0], widths[-1], activation, *widths[1:-1])
        return path

    def assert_same_bits(self, a, b, name):
        self.assertEqual(a.dtype, np.float32, name)
        self.assertEqual(a.shape, b.shape, name)
        np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32), name)

    def test_initial_parameters(self):
        for seed, widths in (
            (0, [784, 128, 64]),
            (1, [784, 128, 64]),
            (2**32 + 5, [784, 1024, 512, 256]),
            (2**64 - 1, [7, 37, 2, 129]),
            (3, [1, 1]),
            (4, [129, 3]),
        ):
            with self.subTest(seed=seed, widths=widths):
                read = safetensors.numpy.load_file(self.create(seed, widths))
                expected = expected_tensors(seed, widths)
                self.assertEqual(set(read), set(expected))
                for name, values in expected.items():
                    self.assert_same_bits(read[name], values, name)

    def test_metadata(self):
        path = self.create(5, [784, 1024, 512, 256], "gelu")
        with safetensors.safe_open(path, "np") as file:
            metadata = file.metadata()
        self.assertRegex(metadata.pop("maskcl_version"), r"^\d+\.\d+\.\d+$")
        for key in DIGESTS:
            self.assertRegex(metadata.pop(key), "^[0-9a-f]{32}$")
        self.assertEqual(
            metadata,
            {
                "maskcl_format": "1",
                "input": "784",
                "hidden": "1024,512",
                "embedding": "256",
                "activation": "gelu",
                "input_shape": "28,28",
                "note": '"é\\\n\x01 日本',
            },
        )

    def test_a_file_saved_by_the_package_is_loaded(self):
        path, saved, copy = self.create(6, [20, 11, 5]), self.path("saved"), self.path("copy")
        tensors = safetensors.numpy.load_file(path)
        with safetensors.safe_open(path, "np") as file:
            metadata = file.metadata()
        safetensors.numpy.save_file(tensors, saved, metadata)  # in another order
        self.run_helper("copy", saved, copy)
        tensors["encoder.2.bias"] = np.arange(5, dtype=np.float32)
        safetensors.numpy.save_file(tensors, saved, metadata)
        self.assertIn("leaves out 'maskcl_digest' and 'maskcl_file_digest'",
                      self.run_helper("copy", saved, copy, code=1))
        for key in DIGESTS:
            del metadata[key]
        safetensors.numpy.save_file(tensors, saved, metadata)
        self.run_helper("copy", saved, copy)
        copied = safetensors.numpy.load_file(copy)
        self.assertEqual(set(copied), set(tensors))
        for name, values in tensors.items():
            self.assert_same_bits(copied[name], values, name)
        with safetensors.safe_open(copy, "np") as file:
            written = file.metadata()
        for key in DIGESTS:
            self.assertRegex(written.pop(key), "^[0-9a-f]{32}$")
        self.assertEqual(written, metadata)

    def test_a_file_without_our_metadata_is_refused(self):
        path, saved, copy = self.create(6, [20, 11, 5]), self.path("saved"), self.path("copy")
        safetensors.numpy.save_file(safetensors.numpy.load_file(path), saved)
        message = self.run_helper("copy", saved, copy, code=1)
        self.assertIn("is a safetensors file, but not a maskcl model", message)
        self.assertFalse(os.path.exists(copy))

    def test_half_precision_is_refused(self):
        path, saved = self.create(6, [20, 11, 5]), self.path("saved")
        tensors = safetensors.numpy.load_file(path)
        tensors["encoder.0.bias"] = tensors["encoder.0.bias"].astype(np.float16)
        safetensors.numpy.save_file(tensors, saved, {"maskcl_format": "1"})
        message = self.run_helper("copy", saved, self.path("copy"), code=1)
        self.assertIn("tensor 'encoder.0.bias': unknown dtype 'F16'", message)

    def test_npy(self):
        for shape in ((), (7,), (0,), (3, 5), (100, 28, 28), (2,) * 16, (1,) * 32):
            with self.subTest(shape=shape):
                path = self.path("array.npy")
                self.run_helper("npy", path, *shape)
                array = np.load(path, allow_pickle=False)
                expected = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
                self.assertEqual(array.dtype.str, "<f4")
                self.assertTrue(array.flags.c_contiguous)
                np.testing.assert_array_equal(array, expected)

    @unittest.skipIf(torch is None, "PyTorch is not installed")
    def test_the_published_class_loads_it(self):
        nn = torch.nn

        class Published(nn.Module):
            def __init__(self):
                super().__init__()
                self.encoder = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64))
                self.decoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 784))

        model = Published()
        state = safetensors.torch.load_file(self.create(7, [784, 128, 64]))
        model.load_state_dict(state, strict=True)
        expected = expected_tensors(7, [784, 128, 64])
        for name, parameter in model.named_parameters():
            self.assert_same_bits(parameter.detach().numpy(), expected[name], name)
        x = torch.linspace(0, 1, 784).reshape(1, 784)
        e = {name: values.astype(np.float64) for name, values in expected.items()}
        h = np.maximum(e["encoder.0.weight"] @ x[0].double().numpy() + e["encoder.0.bias"], 0)
        z = e["encoder.2.weight"] @ h + e["encoder.2.bias"]
        np.testing.assert_allclose(model.encoder(x)[0].detach().numpy(), z, rtol=1e-4, atol=1e-6)


if __name__ == "__main__":
    unittest.main()
