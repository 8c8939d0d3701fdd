# SPDX-License-Identifier: Apache-2.0
"""Images from a folder to a picture of neighbours, and arrays of images."""

import json
import os
import pathlib
import struct
import unittest
import zlib

from program import ProgramTest, npy_bytes, read_npy

ICONS = pathlib.Path("/usr/share/icons/Adwaita/16x16")
FIXTURES = pathlib.Path(os.environ["MASKCL_SOURCE"]) / "tests/fixtures"


def png_bytes(width, height, pixel):
    """A colour PNG whose pixel at x, y is pixel(x, y)."""
    def chunk(name, data):
        return (struct.pack(">I", len(data)) + name + data +
                struct.pack(">I", zlib.crc32(name + data)))

    lines = b"".join(b"\0" + bytes(value for x in range(width) for value in pixel(x, y))
                     for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0,
                                                           0)) +
            chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def png_size(data):
    return struct.unpack(">II", data[16:24])


TRAIN = "--epochs", 2, "--batch", 8, "--hidden", 16, "--embedding", 4, "--seed", 1


class ImagesTest(ProgramTest):
    def make_folder(self, name="pictures", size=12):
        """Twelve pictures in two classes, of slopes and of stripes."""
        for i in range(6):
            for group, pixel in (("slopes", lambda x, y: (8 * x, 7 * y, 40 * i)),
                                 ("stripes", lambda x, y: (255 * (x % 2), 40 * i, 255 * (x % 2)))):
                (self.path(name) / group).mkdir(parents=True, exist_ok=True)
                self.write(f"{name}/{group}/{i}.png", png_bytes(size, size + 2, pixel))

    def test_a_folder_is_trained_on_embedded_and_searched(self):
        self.make_folder()
        result = self.succeed("pretrain", "pictures", "--size", 8, *TRAIN, "-o", "m.safetensors")
        self.assertNotIn("warning: pictures", result.stderr)
        info = self.succeed("info", "m.safetensors").stdout
        self.assertIn("8x8x3", info)
        self.succeed("embed", "m.safetensors", "pictures", "-o", "e.npy")
        self.assertEqual(read_npy(self.path("e.npy"))[0], (12, 4))
        # other sizes become the model's
        self.make_folder("larger", 31)
        self.succeed("embed", "m.safetensors", "larger", "-o", "larger.npy")
        self.assertEqual(read_npy(self.path("larger.npy"))[0], (12, 4))

        found = json.loads(self.succeed(
            "neighbors", "m.safetensors", "pictures", "--query", "3,stripes/2.png,larger/stripes",
            "-k", 4, "--json", "-o", "sheet.png").stdout)["queries"]
        self.assertEqual(len(found), 2 + 6)
        self.assertEqual([found[0][key] for key in ("row", "name", "class")],
                         [3, "slopes/3.png", "slopes"])
        for query in found:
            rows = [neighbor["row"] for neighbor in query["neighbors"]]
            similar = [neighbor["similarity"] for neighbor in query["neighbors"]]
            self.assertEqual(len(set(rows)), 4)
            self.assertEqual(similar, sorted(similar, reverse=True))
            self.assertLessEqual(max(similar), 1 + 1e-12)
        self.assertNotIn(3, [neighbor["row"] for neighbor in found[0]["neighbors"]])
        sheet = self.path("sheet.png").read_bytes()
        self.assertEqual(png_size(sheet), (5 * (48 + 4) + 4, 8 * (48 + 4) - 4))

        table = self.succeed("neighbors", "m.safetensors", "pictures", "--query", 3, "-k", 2).stdout
        lines = table.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertIn("slopes/3.png", lines[0])
        self.assertEqual(int(lines[1].split()[1]), found[0]["neighbors"][0]["row"])

    def test_options_of_columns_are_refused(self):
        self.make_folder()
        self.refuse("pretrain", "pictures", "--label", "x", "-o", "m.safetensors", code=2,
                    says=["--label: pictures is no table, and has no columns"])
        self.succeed("pretrain", "pictures", *TRAIN, "-o", "m.safetensors")
        for column in "size", "id", "label":
            self.refuse("embed", "m.safetensors", "pictures", "-o", "x.csv", "--keep", column,
                        code=2, says=["--keep: pictures is no table, and has no columns"])

    def test_arrays_are_not_resized(self):
        self.write("first.npy", npy_bytes("|u1", (4, 3, 8, 8), bytes(4 * 192)))
        for option, value in ("--size", 4), ("--colors", "grey"):
            self.refuse("pretrain", "first.npy", "--channels", "first", option, value, "-o",
                        "m.safetensors", code=2,
                        says=[option + ": the images of first.npy are 8 x 8 x 3, and stay so"])
        self.succeed("info", "first.npy", "--channels", "first", "--size", 8)

    def test_the_same_bits_from_a_folder_and_a_tar(self):
        tar = FIXTURES / "tars/folders.tar"
        self.succeed("pretrain", tar, "--size", 8, *TRAIN, "--batch", 4, "-o",
                     "tar.safetensors")
        first = self.succeed("info", "tar.safetensors").stdout
        (self.path("top") / "a").mkdir(parents=True)
        for source, name in (("jpg", "top/1.jpg"), ("png", "top/2.png"), ("png", "top/3.png"),
                             ("png", "top/4.png")):
            self.write(name, (FIXTURES / f"images/colour.{source}").read_bytes())
        self.succeed("pretrain", "top", "--size", 8, *TRAIN, "--batch", 4, "-o",
                     "top.safetensors")
        second = self.succeed("info", "top.safetensors").stdout
        digest = [line for line in first.splitlines() if "data_digest" in line]
        self.assertEqual(len(digest), 1)
        self.assertIn(digest[0], second)

    def test_what_queries_cannot_be(self):
        self.make_folder()
        self.succeed("pretrain", "pictures", "--size", 8, *TRAIN, "-o", "m.safetensors")
        of = "neighbors", "m.safetensors", "pictures"
        self.refuse(*of, "--query", 12, code=2, says=["--query", "12 rows", "no row 12"])
        self.refuse(*of, "--query", "nothing.png", code=2, says=["nothing.png", "no file"])
        self.refuse(*of, "--query", 1, "-k", 0, code=2, says=["-k"])
        self.refuse(*of, "--query", 1, "-o", "sheet.jpg", code=2, says=[".png"])
        self.refuse("neighbors", "m.safetensors", "pictures", code=2, says=["--query"])
        self.refuse(*of, "--query", "7," + ",".join(["pictures"] * 6), code=2,
                    says=["--query: asks for 73 rows, and at most 64"])
        self.random_rows("rows.npy", 4, 8 * 8 * 3)
        self.refuse("neighbors", "m.safetensors", "rows.npy", "--query", 1, "-o", "sheet.png",
                    code=1, says=["leave -o out"])
        result = self.succeed(*of, "--query", 1, "-k", 1000)
        self.assertEqual(len(result.stdout.splitlines()), 12)

    @unittest.skipUnless(ICONS.is_dir(), f"{ICONS} is not there")
    def test_icons_of_the_system(self):
        files = [path for path in ICONS.rglob("*.png") if path.is_file()]
        result = self.succeed("pretrain", ICONS, "--size", 8, "--epochs", 1, "--batch", 8, "-o",
                              "m.safetensors")
        self.assertNotIn("cannot be read", result.stderr)
        self.assertIn(f"{len(files)} rows", result.stdout + result.stderr)

    def test_damaged_files_are_left_out_or_refused(self):
        self.make_folder()
        self.write("pictures/stripes/9.png", png_bytes(12, 14, lambda x, y: (x, y, 0))[:80])
        result = self.succeed("pretrain", "pictures", *TRAIN, "-o", "m.safetensors")
        self.assertIn("1 of 13 images cannot be read and are left out: pictures/stripes/9.png",
                      result.stderr)
        self.refuse("pretrain", "pictures", "--strict", *TRAIN, "-o", "n.safetensors", code=1,
                    says=["pictures/stripes/9.png", "damaged PNG"])

    def test_arrays_with_channels_first(self):
        values = bytes(range(3 * 5 * 6)) * 10
        turned = bytes(values[(c * 5 + y) * 6 + x] for _ in range(10) for y in range(5)
                       for x in range(6) for c in range(3))
        self.write("first.npy", npy_bytes("|u1", (10, 3, 5, 6), values))
        self.write("last.npy", npy_bytes("|u1", (10, 5, 6, 3), turned))
        for name, options in ("first", ("--channels", "first")), ("last", ()):
            self.succeed("pretrain", f"{name}.npy", *options, "--views", "flip", *TRAIN, "-o",
                         f"{name}.safetensors")
            # told once: the model knows it from then on
            self.succeed("embed", f"{name}.safetensors", f"{name}.npy", "-o", f"{name}-e.npy")
        self.assertEqual(self.path("first-e.npy").read_bytes(),
                         self.path("last-e.npy").read_bytes())
        self.refuse("embed", "last.safetensors", "first.npy", "-o", "no.npy", code=1,
                    says=["5x6x3", "--channels"])
        self.write("table.npy", npy_bytes("|u1", (10, 90), values))
        self.refuse("pretrain", "table.npy", "--channels", "first", *TRAIN, "-o", "no.safetensors",
                    code=2, says=["--channels", "1 dimension"])


if __name__ == "__main__":
    unittest.main()
