# SPDX-License-Identifier: Apache-2.0
"""maskcl reconstruct."""

import pathlib
import random
import struct
import unittest
import zlib

from program import ProgramTest, read_npy, read_tensors

GAP, GROUP_GAP, GREY = 2, 8, 128


def paeth(a, b, c):
    distances = [abs(b - c), abs(a - c), abs(a + b - 2 * c)]
    return [a, b, c][distances.index(min(distances))]


def read_png(path):
    """(width, height, channels, rows of bytes) of an 8-bit PNG without interlace."""
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, packed = 8, b""
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        body = data[place + 8:place + 8 + size]
        assert zlib.crc32(kind + body) == struct.unpack_from(">I", data, place + 8 + size)[0]
        if kind == b"IHDR":
            width, height, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        place += 12 + size
    assert (depth, interlace) == (8, 0)
    channels = {0: 1, 2: 3}[color]
    raw, length = zlib.decompress(packed), width * channels
    rows, before = [], bytearray(length)
    for y in range(height):
        kind = raw[y * (length + 1)]
        row = bytearray(raw[y * (length + 1) + 1:(y + 1) * (length + 1)])
        for x in range(length):
            left = row[x - channels] if x >= channels else 0
            corner = before[x - channels] if x >= channels else 0
            row[x] = (row[x] + [0, left, before[x], (left + before[x]) // 2,
                                paeth(left, before[x], corner)][kind]) % 256
        rows.append(bytes(row))
        before = row
    return width, height, channels, rows


class ArrayTest(ProgramTest):
    def reconstruct(self, *options, data="rows.npy", columns=12):
        """[(original, masked, reconstruction)] a row."""
        self.succeed("reconstruct", "model.safetensors", data, "-o", "out.npy", "-q", *options)
        shape, values = read_npy(self.path("out.npy"))
        self.assertEqual(shape[1:], (3, columns))
        tiles = [list(values[columns * i:columns * (i + 1)]) for i in range(3 * shape[0])]
        return list(zip(tiles[::3], tiles[1::3], tiles[2::3]))

    def test_the_three_states_of_a_row(self):
        self.model()
        self.random_rows("rows.npy", 5, 12)
        _, values = read_npy(self.path("rows.npy"))
        tensors, _ = read_tensors(self.path("model.safetensors"))
        triples = self.reconstruct()
        self.assertEqual(len(triples), 5)
        kept = 0
        for row, (original, masked, reconstruction) in enumerate(triples):
            self.assertEqual(original, list(values[12 * row:12 * row + 12]))
            for x, m in zip(original, masked):
                self.assertIn(m, (0.0, x))
                kept += m != 0
            for layer in "encoder.0", "encoder.2", "decoder.0", "decoder.2":
                (outputs, inputs), weight = tensors[layer + ".weight"]
                bias = tensors[layer + ".bias"][1]
                masked = [sum(x * weight[o * inputs + i] for i, x in enumerate(masked)) + bias[o]
                          for o in range(outputs)]
                if layer.endswith(".0"):
                    masked = [max(x, 0.0) for x in masked]
            for got, expected in zip(reconstruction, masked):
                self.assertAlmostEqual(got, expected, delta=1e-4)
        self.assertTrue(10 < kept < 50, kept)

    def test_rows_can_be_chosen(self):
        self.model()
        self.random_rows("rows.npy", 9, 12)
        triples = self.reconstruct()
        self.assertEqual(self.reconstruct("--first", 3), triples[3:])
        self.assertEqual(self.reconstruct("--rows", 2), triples[:2])
        self.assertEqual(self.reconstruct("--first", 8, "--rows", 1), triples[8:])
        for options, says in [(["--first", 9], "no row 9"), (["--rows", 10], "9 rows from row 0"),
                              (["--first", 5, "--rows", 5], "4 rows from row 5"),
                              (["--rows", 0], "0 is not from 1")]:
            self.refuse("reconstruct", "model.safetensors", "rows.npy", "-o", "new.npy", *options,
                        code=2, says=[says])

    def test_the_mask_is_the_models_unless_told_otherwise(self):
        self.random_rows("rows.npy", 40, 12)
        self.model("model.safetensors", 12, "--mask-ratio", "0.9", "--seed", "3")
        ratio = {}
        for name, options in [("model", []), ("same", ["--mask-ratio", "0.9", "--seed", "3"]),
                              ("less", ["--mask-ratio", "0.1"]), ("seed", ["--seed", "4"]),
                              ("uniform", ["--mask", "uniform"])]:
            masks = [[m / x for x, m in zip(original, masked)]
                     for original, masked, _ in self.reconstruct(*options)]
            ratio[name] = [m for row in masks for m in row]
        mean = {name: sum(values) / len(values) for name, values in ratio.items()}
        self.assertEqual(ratio["model"], ratio["same"])
        self.assertNotEqual(ratio["model"], ratio["seed"])
        self.assertAlmostEqual(mean["model"], 0.9, delta=0.06)
        self.assertAlmostEqual(mean["less"], 0.1, delta=0.06)
        self.assertAlmostEqual(mean["uniform"], 0.5, delta=0.06)
        self.assertGreater(len(set(round(m, 4) for m in ratio["uniform"])), 100)

    def test_block_masks(self):
        self.images("images.idx", 6, 4, 4)
        self.model("model.safetensors", 16)
        triples = self.reconstruct("--mask", "block", "--mask-patch", 2, data="images.idx",
                                   columns=16)
        for original, masked, _ in triples:
            for y in 0, 2:
                for x in 0, 2:
                    patch = {bool(masked[place]) for place in (
                        4 * y + x, 4 * y + x + 1, 4 * y + x + 4, 4 * y + x + 5) if original[place]}
                    self.assertLessEqual(len(patch), 1)
        self.random_rows("rows.npy", 3, 16)
        self.refuse("reconstruct", "model.safetensors", "rows.npy", "-o", "new.npy", "--mask",
                    "block", "-q", code=2, says=["block masks need images"])

    def test_options_that_contradict_the_models_mask(self):
        self.random_rows("rows.npy", 3, 12)
        self.model("model.safetensors", 12, "--mask", "uniform")
        for options, says in [(["--mask-ratio", "0.5"], "--mask-ratio: a uniform mask"),
                              (["--mask-patch", "2"], "--mask-patch: only a block mask")]:
            self.refuse("reconstruct", "model.safetensors", "rows.npy", "-o", "new.npy", *options,
                        code=2, says=[says])

    def test_an_untrained_decoder_is_warned_of(self):
        self.random_rows("rows.npy", 3, 12)
        self.model("model.safetensors", 12, "--objective", "cosine")
        result = self.succeed("reconstruct", "model.safetensors", "rows.npy", "-o", "o.npy", "-q")
        self.assertRegex(result.stderr, r"\Amaskcl: warning: model.safetensors was trained for nothing that trains a decoder")
        self.path("model.safetensors").unlink()
        self.model("model.safetensors", 12, "--objective", "vime")
        result = self.succeed("reconstruct", "model.safetensors", "rows.npy", "-o", "v.npy", "-q")
        self.assertEqual(result.stderr, "")

    def test_refusals(self):
        self.random_rows("rows.npy", 3, 12)
        self.random_rows("wide.npy", 3, 13)
        self.model()
        refuse = lambda data, output, code, *says: self.refuse(
            "reconstruct", "model.safetensors", data, "-o", output, code=code, says=says)
        refuse("rows.npy", "out.jpg", 2, "out.jpg", ".npy", ".png")
        refuse("rows.npy", "out", 2, ".npy", ".png")
        refuse("rows.npy", ".png", 2, ".npy", ".png")
        refuse("rows.npy", "rows.npy", 2, "-o: rows.npy")
        refuse("wide.npy", "out.npy", 1, "wide.npy", "13 values", "12")
        refuse("rows.npy", "out.png", 1, "rows.npy", "not images")
        refuse("nonesuch", "out.npy", 1, "nonesuch")


class PictureTest(ProgramTest):
    def picture(self, data, columns, *options):
        self.model("model.safetensors", columns)
        self.succeed("reconstruct", "model.safetensors", data, "-o", "out.PNG", "-q", *options)
        self.succeed("reconstruct", "model.safetensors", data, "-o", "out.npy", "-q", *options)
        return read_png(self.path("out.PNG")), read_npy(self.path("out.npy"))

    def check(self, data, height, width, channels, *options, rows, across):
        (wide, high, got, lines), (shape, values) = self.picture(
            data, height * width * channels, *options)
        group = 3 * width + 2 * GAP + GROUP_GAP
        down = -(-rows // across)
        self.assertEqual((wide, high, got), (across * group - GROUP_GAP,
                                             down * (height + GAP) - GAP, channels))
        seen = [[False] * (wide * channels) for _ in range(high)]
        size = height * width * channels
        for row in range(rows):
            for tile in range(3):
                left = (row % across * group + tile * (width + GAP)) * channels
                top = row // across * (height + GAP)
                for place in range(size):
                    y = top + place // (width * channels)
                    x = left + place % (width * channels)
                    value = values[(3 * row + tile) * size + place]
                    expected = min(max(value, 0.0), 1.0) * 255
                    self.assertAlmostEqual(lines[y][x], expected, delta=0.51)
                    seen[y][x] = True
        for y in range(high):
            for x in range(wide * channels):
                self.assertTrue(seen[y][x] or lines[y][x] == GREY)

    def test_one_image(self):
        self.images("images.idx", 3, 5, 7)
        self.check("images.idx", 5, 7, 1, "--rows", 1, rows=1, across=1)

    def test_a_grid_of_the_first_32(self):
        self.images("images.idx", 40, 6, 6)
        self.check("images.idx", 6, 6, 1, rows=32, across=3)

    def test_fewer_than_32(self):
        self.images("images.idx", 2, 6, 6)
        self.check("images.idx", 6, 6, 1, rows=2, across=1)

    def test_an_uneven_last_line_and_values_outside_0_to_1(self):
        generator = random.Random(3)
        self.npy("rows.npy", (11, 4, 4), [generator.gauss(0.5, 1) for _ in range(11 * 16)])
        self.check("rows.npy", 4, 4, 1, rows=11, across=2)

    def test_colours(self):
        generator = random.Random(4)
        self.npy("rows.npy", (5, 3, 4, 3), [generator.random() for _ in range(5 * 36)])
        self.check("rows.npy", 3, 4, 3, rows=5, across=1)

    def test_one_channel_of_its_own(self):
        self.npy("rows.npy", (2, 3, 4, 1), [i / 24 for i in range(24)])
        self.check("rows.npy", 3, 4, 1, rows=2, across=1)

    def test_what_is_no_picture(self):
        for shape in (2, 12), (2, 3, 4, 2), (2, 3, 2, 2, 1):
            self.npy("rows.npy", shape, range(2 * 12 if shape != (2, 3, 4, 2) else 48))
            self.model("model.safetensors", 12 if shape != (2, 3, 4, 2) else 24)
            self.refuse("reconstruct", "model.safetensors", "rows.npy", "-o", "out.png", code=1,
                        says=["rows.npy", "not images", ".npy"])


if __name__ == "__main__":
    unittest.main()
