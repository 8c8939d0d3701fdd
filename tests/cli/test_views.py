# SPDX-License-Identifier: Apache-2.0
"""The command views, the text of --views, and the views themselves against PyTorch's, which
tools/fixtures/torch_views.py committed."""

import array
import json
import math
import os
import pathlib
import unittest

from program import ProgramTest, read_npy

FIXTURES = pathlib.Path(os.environ["MASKCL_SOURCE"]) / "tests/fixtures/views"
CASES = json.loads((FIXTURES / "views.json").read_text())
TOLERANCE = 1e-5


class ParityTest(ProgramTest):
    def compare(self, name):
        case = CASES["cases"][name]
        self.succeed("views", FIXTURES / f"{case['data']}.npy", "-o", self.path("views.npy"), "-q", "--views",
                     case["views"], "--seed", CASES["seed"], "--epoch", CASES["epoch"])
        (rows, states, columns), ours = read_npy(self.path("views.npy"))
        theirs = array.array("f", (FIXTURES / f"{name}.bin").read_bytes())
        self.assertEqual((states, rows * 2 * columns), (3, len(theirs)))
        for row in range(rows):
            for column in range(2 * columns):
                one, other = ours[(3 * row + 1) * columns + column], theirs[2 * row * columns + column]
                self.assertLessEqual(abs(one - other), TOLERANCE, f"{name}: row {row}, {column} of both views")


for _name in CASES["cases"]:
    setattr(ParityTest, "test_" + _name.replace("-", "_"), lambda self, name=_name: self.compare(name))


class DistributionTest(ProgramTest):
    """Of many draws, against what the options say."""

    def draw(self, data, parts, *more):
        self.succeed("views", data, "-o", self.path("views.npy"), "-q", "--views", parts, *more)
        (rows, _, columns), values = read_npy(self.path("views.npy"))
        split = [[], [], []]
        for row in range(rows):
            for state in range(3):
                first = (3 * row + state) * columns
                split[state].append(values[first:first + columns])
        return split

    def test_noise_is_normal(self):
        zeros = self.npy("zeros.npy", (400, 100), [0.0] * 40000)
        _, *views = self.draw(zeros, "noise:2")
        for view in views:
            flat = [value / 2 for row in view for value in row]
            moments = [sum(v**k for v in flat) / len(flat) for k in (1, 2, 3, 4)]
            for moment, expected, spread in zip(moments, (0, 1, 0, 3), (1, 2, 15, 96)):
                self.assertLess(abs(moment - expected), 4.5 * math.sqrt(spread / len(flat)))
        pairs = [(a, b) for one, other in zip(*views) for a, b in zip(one, other)]
        self.assertLess(abs(sum(a * b for a, b in pairs) / len(pairs)), 4 * 4.5 / math.sqrt(len(pairs)))

    def test_corruption_takes_columns_marginals(self):
        # Column c of row r is 100·c + r: every value tells where it came from.
        rows, columns = 300, 40
        data = self.npy("rows.npy", (rows, columns),
                        [100.0 * c + r / 10 for r in range(rows) for c in range(columns)])
        original, first, second = self.draw(data, "corrupt:0.4:one", "--standardize", "none")
        self.assertEqual(second, original)
        replaced, donors = 0, [0] * rows
        for row in range(rows):
            for column in range(columns):
                donor = round(10 * (first[row][column] - 100 * column))
                self.assertIn(donor, range(rows))
                if donor != row:
                    replaced += 1
                    donors[donor] += 1
        count = rows * columns
        expected = 0.4 * (1 - 1 / rows)
        self.assertLess(abs(replaced / count - expected), 4.5 * math.sqrt(expected * (1 - expected) / count))
        chi = sum((d - replaced / rows)**2 / (replaced / rows) for d in donors)
        self.assertLess(abs(chi - rows), 4.5 * math.sqrt(2 * rows))

    def test_a_patch_is_hidden_in_all_channels(self):
        images = self.npy("images.npy", (60, 5, 7, 3), [1.0] * 60 * 105)
        for sides in "2px", "1-4px":
            _, first, second = self.draw(images, f"mask:block:0.5:{sides}")
            for one, other in zip(first, second):
                for pixel in range(0, 105, 3):
                    self.assertEqual(len(set(one[pixel:pixel + 3])), 1)
                self.assertTrue(all(a + b == 1 for a, b in zip(one, other)))
            self.assertLess(abs(sum(map(sum, first)) / (60 * 105) - 0.5), 0.1)

    def test_flips_and_masks_of_views_are_their_own(self):
        images = self.npy("images.npy", (400, 1, 2), [1.0, 2.0] * 400)
        _, first, second = self.draw(images, "flip:0.3")
        flipped = [(list(a) == [2, 1], list(b) == [2, 1]) for a, b in zip(first, second)]
        for part in sum(a for a, _ in flipped) / 400, sum(b for _, b in flipped) / 400:
            self.assertLess(abs(part - 0.3), 4.5 * math.sqrt(0.21 / 400))
        self.assertLess(abs(sum(a and b for a, b in flipped) / 400 - 0.09), 4.5 * math.sqrt(0.0819 / 400))


class CommandTest(ProgramTest):
    def test_rows_stay_the_same_whatever_is_drawn_with_them(self):
        data = self.random_rows("rows.npy", 700, 33)
        parts = ["--views", "corrupt:0.3,noise:0.2,mask", "-q"]
        self.succeed("views", data, "-o", self.path("all.npy"), *parts)
        self.succeed("views", data, "-o", self.path("some.npy"), *parts, "--first", 300, "--rows", 280)
        _, every = read_npy(self.path("all.npy"))
        _, some = read_npy(self.path("some.npy"))
        self.assertEqual(some, every[3 * 33 * 300:3 * 33 * 580])

    def test_seed_and_epoch_change_them(self):
        data = self.random_rows("rows.npy", 5, 7)
        seen = set()
        for more in (), ("--seed", 1), ("--epoch", 2):
            self.succeed("views", data, "-o", self.path("views.npy"), "-q", "--views", "noise", *more)
            seen.add(self.path("views.npy").read_bytes())
        self.assertEqual(len(seen), 3)

    def test_picture(self):
        data = self.images("images.gz", 40, compress=True)
        done = self.succeed("views", data, "-o", self.path("views.png"), "--views", "affine,flip")
        self.assertIn("drew the views of 32 rows from row 0 on", done.stdout)
        self.assertEqual(self.path("views.png").read_bytes()[:8], b"\x89PNG\r\n\x1a\n")

    def test_refusals(self):
        rows, images = self.random_rows("rows.npy", 5, 7), self.images("images", 5)
        out = self.path("views.png")
        self.refuse("views", rows, "-o", out, code=1, says=("rows are not images", "write an .npy file"))
        self.refuse("views", images, "-o", self.path("views.txt"), code=2, says=("neither .npy nor .png",))
        self.refuse("views", images, "-o", images, code=2)
        self.refuse("views", images, "-o", out, "--first", 5, code=2, says=("there is no row 5",))
        self.refuse("views", images, "-o", out, "--rows", 6, code=2, says=("5 rows from row 0 on, not 6",))
        self.refuse("views", self.path("none"), "-o", out, code=1)
        for part in ("shift", "scale", "rotate", "flip", "brightness", "affine", "mask:block", "crop", "contrast", "color",
                     "grey", "blur"):
            self.refuse("views", rows, "-o", self.path("views.npy"), "--views", part, code=2,
                        says=("need images", "these have 1 dimension"))

    def test_texts_that_are_refused(self):
        rows = self.random_rows("rows.npy", 5, 7)
        for text, reason in (
                ("", "unknown part of the views ''"),
                ("flip,,noise", "unknown part of the views ''"),
                ("solarize", "unknown part of the views 'solarize': it is shift, scale"),
                ("blur:3", "blur:3: the number must be above 0, at most 1"),
                ("blur:0.5:0.3", "'0.3' is too much after blur"),
                ("blur:1:2-x", "'2-x' after blur is not two numbers"),
                ("crop:0", "crop:0: the number must be above 0, at most 1"),
                ("crop:0.5:2", "'2' after crop: it takes the part of the area"),
                ("color:2", "color:2: the number must be above 0, at most 1.25"),
                ("color:1:0", "'0' after color: the probability must be above 0, at most 1"),
                ("color,hue", "color and hue set the same: leave one of them out"),
                ("hue:0.6", "hue:0.6: the number must be above 0, at most 0.5"),
                ("flip:2", "flip:2: the number must be above 0, at most 1"),
                ("scale:1", "scale:1: the number must be between 0 and 1"),
                ("rotate:4", "at most 3.1415927"),
                ("noise:0", "noise:0: the number must be above 0"),
                ("noise:inf", "'inf' after noise is not a number"),
                ("noise:", "'' after noise is not a number"),
                ("noise:1:2", "'2' is too much after noise"),
                ("corrupt:0.5:two", "'two' is too much after corrupt"),
                ("flip,flip", "flip stands twice"),
                ("affine,rotate:1", "affine and rotate set the same: leave one of them out"),
                ("mask:round", "unknown mask 'round'"),
                ("mask:uniform:0.5", "a uniform mask has no ratio"),
                ("mask:bernoulli:4px", "only a block mask has patches"),
                ("mask:bernoulli:1.5", "mask:1.5: the number must be between 0 and 1"),
                ("mask:bernoulli:other", "unknown relation of two masks 'other'"),
                ("mask:none:0.5", "there is no mask"),
                ("mask:bernoulli:0.5:0.3", "'0.3' after mask: there is another ratio before it"),
                ("mask:bernoulli:complement:whole", "there is another relation before it"),
                ("mask:block:2px:3px", "there is another patch before it"),
                ("noise:" + "1" * 600, "at most 511 are possible")):
            self.refuse("views", rows, "-o", self.path("views.npy"), "--views", text, code=2, says=(reason,))

    def test_ranges_and_channels_that_do_not_fit(self):
        grey = self.images("images", 5)
        for text, reason in (
                ("saturation", "saturation need images of 3 channels, red, green and blue; these have 1"),
                ("crop,color", "(brightness and contrast work on all images)"),
                ("grey", "grey need images of 3 channels"),
                ("jitter", "jitter says how often brightness, contrast, saturation and hue change"),
                ("crop:0.5-0.2", "crop: an area of 0.5-0.2"),
                ("crop:0-1", "crop: an area of 0-1"),
                ("crop:0.1-1:0-2", "crop: width by height of 0-2"),
                ("blur:0.1-200", "blur: a deviation of 0.1-200"),
                ("span,crop", "other parts of these views are for images"),
                ("mask:block:4-2px", "the smaller side comes first"),
                ("mask:block:2-900px", "a patch of 900 pixels for images")):
            self.refuse("views", grey, "-o", self.path("views.npy"), "--views", text, code=2, says=(reason,))

    def test_one_mask_in_one_place(self):
        rows = self.random_rows("rows.npy", 5, 7)
        model = ("-o", self.path("model.safetensors"))
        for more in ("--mask", "uniform"), ("--mask-ratio", 0.3):
            self.refuse("pretrain", rows, *model, "--views", "noise,mask:bernoulli:0.5", *more, code=2,
                        says=("--views: its mask is not that of --mask",))
        self.refuse("pretrain", rows, *model, "--views", "noise", "--mask-ratio", 0.3, code=2,
                    says=("--mask-ratio: there is no mask",))
        self.refuse("pretrain", rows, *model, "--views", "flip", code=2, says=("views with flip need images",))
        small = ("--hidden", "none", "--embedding", 2, "--epochs", 1, "-q", *model)
        self.succeed("pretrain", rows, *small, "--views", "mask:bernoulli:0.3,noise", "--mask-ratio", 0.3)
        self.succeed("pretrain", rows, *small, "--views", "noise:0.2", "--mask", "bernoulli")
        info = self.information(self.path("model.safetensors"))["metadata"]
        self.assertEqual(info["views"], "noise:0.2,mask:bernoulli:0.5:complement")

    def test_every_part_is_shown_as_it_is_read(self):
        images = self.images("images", 5)
        small = ("--hidden", "none", "--embedding", 2, "--epochs", 1, "-q", "--objective",
                 "reconstruction", "-o", self.path("model.safetensors"))
        for text, shown in (
                ("none", "none"), ("mask:none", "none"),
                ("affine", "shift:0.15,scale:0.2,rotate:0.2"),
                ("corrupt:one,noise", "noise:0.1,corrupt:0.6:one"),
                ("brightness,flip,mask", "flip:0.5,brightness:0.2,mask:bernoulli:0.5:complement"),
                ("mask:block:whole:2px:0.25", "mask:block:0.25:2px:whole"),
                ("crop:0.2,contrast,mask:block:2-3px", "crop:0.2-1:0.75-1.3333333,contrast:0.2,mask:block:0.5:2-3px:complement"),
                ("mask:uniform:independent", "mask:uniform:independent")):
            self.succeed("pretrain", images, *small, "--views", text)
            metadata = self.information(self.path("model.safetensors"))["metadata"]
            self.assertEqual(metadata["views"], shown)
            self.succeed("pretrain", images, *small, "--views", shown)
            self.assertEqual(self.information(self.path("model.safetensors"))["metadata"]["views"], shown)

    def test_a_run_goes_on_with_the_same_views_only(self):
        rows = self.random_rows("rows.npy", 8, 7)
        run = ("pretrain", rows, "-o", self.path("model.safetensors"), "--hidden", "none", "--embedding", 2,
               "--epochs", 2, "-q", "--checkpoint-every", 1)
        self.succeed(*run, "--views", "noise:0.1")
        self.succeed(*run[:-2], "--checkpoint-every", 1, "--views", "noise:0.1", "--resume")

    def test_parts_of_the_data_at_a_time_give_the_same_model(self):
        rows = self.random_rows("rows.npy", 600, 90)
        run = ("pretrain", rows, "--hidden", 9, "--embedding", 4, "--epochs", 2, "--batch", 50, "-q", "--views",
               "corrupt:0.5,noise:0.1,mask", "--objective", "nt-xent+reconstruction", "--gemm", "native")
        digests = set()
        for name, more in ("whole", ()), ("parts", ("--device-memory", "460K")):
            self.succeed(*run, *more, "-o", self.path(name))
            digests.add(self.information(self.path(name))["digest"])
        self.assertEqual(len(digests), 1)

    def test_help(self):
        for name in ("shift", "scale", "rotate", "affine", "crop", "flip", "brightness", "contrast", "saturation", "hue",
                     "jitter", "color", "grey", "blur", "corrupt", "noise", "mask"):
            self.assertIn(f"{name}[:", self.succeed("help", "views").stdout)


if __name__ == "__main__":
    unittest.main()
