# SPDX-License-Identifier: Apache-2.0
"""maskcl compare."""

import json
import random
import shlex
import signal
import unittest

from program import ProgramTest


class CompareTest(ProgramTest):
    def table(self, name="my rows.csv", rows=100):
        draw = random.Random(1)
        lines = "".join(f"{i % 2 + draw.gauss(0, 0.4):.3f},{draw.gauss(0, 1):.3f},"
                        f"{draw.choice('pq')},{'' if i == 7 else 'ab'[i % 2]}\n" for i in range(rows))
        self.write(name, ("x,y,c,kind\n" + lines).encode())
        return name

    def test_table(self):
        done = self.succeed("compare", self.table(), "--label", "kind", "--recipes",
                            "default,fast,default,reference", "--time", "1h", "--seed", 3, "-q")
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"\Arecipe +linear probe +balanced +20-NN +epochs +seconds\Z")
        rows = {}
        for line in lines[1:5]:
            name, rest = line[:17].strip(), line[17:].split()
            self.assertEqual(rest[1], "±")
            rows[name] = float(rest[0])
        self.assertEqual(set(rows), {"raw inputs", "untrained encoder", "default", "reference"})
        self.assertEqual(list(rows.values()), sorted(rows.values(), reverse=True))
        self.assertGreater(rows["raw inputs"], 70)
        self.assertRegex(lines[5], r"\Afast +not trained: .*values from 0 to 1")
        self.assertEqual(lines[6], "measured on a held-out fifth, 20 of 99 labelled rows")
        best = next(name for name in rows if name in ("default", "reference"))
        self.assertRegex(lines[7], r"\A%s is .* than the raw inputs" % best)
        self.assertRegex(lines[8], r"\A%s is .* than the untrained encoder" % best)
        self.assertEqual(len(lines), 10)
        words = shlex.split(lines[9])
        self.assertEqual(words, ["maskcl", "pretrain", "my rows.csv", "--label", "kind", "--seed",
                                 "3", "--recipe", best, "-o", "MODEL.safetensors"])
        self.succeed(*words[1:], "-q")
        self.assertIn("MODEL.safetensors", self.contents())

    def test_labels_in_a_file(self):
        self.npy("rows.npy", (60, 6), [random.Random(2).random() for _ in range(360)])
        self.npy("classes.npy", (60,), [i % 3 for i in range(60)])
        said = self.succeed("compare", "rows.npy", "classes.npy", "--recipes", "default,fast",
                            "--json", "-q").stdout
        result = json.loads(said)
        self.assertEqual((result["train_rows"], result["test_rows"]), (48, 12))
        self.assertFalse(result["interrupted"])
        self.assertEqual(result["not_trained"], [])
        entries = {entry.get("recipe", entry.get("features")): entry for entry in result["results"]}
        self.assertEqual(set(entries), {"raw inputs", "untrained encoder", "default", "fast"})
        for entry in entries.values():
            p = entry["linear_accuracy"]
            self.assertAlmostEqual(entry["standard_error"], (p * (1 - p) / 12) ** 0.5)
        self.assertEqual(entries["default"]["epochs"], entries["default"]["epochs_of_recipe"])
        self.assertEqual([entry["than"] for entry in result["verdict"]],
                         ["raw inputs", "untrained encoder"])
        self.assertRegex(result["command"], r"\Amaskcl pretrain rows.npy --validate classes.npy "
                                            r"--recipe (default|fast) -o MODEL.safetensors\Z")

    def test_time_and_signals(self):
        self.table("many.csv", 20000)
        result = json.loads(self.succeed("compare", "many.csv", "--label", "kind", "--recipes",
                                         "tabular", "--time", "4s", "--json", "-q").stdout)
        entry, = (entry for entry in result["results"] if "recipe" in entry)
        self.assertEqual(entry["epochs_of_recipe"], 100)
        self.assertLess(entry["epochs"], 100)
        process = self.start_program("compare", "many.csv", "--label", "kind", "--recipes",
                                     "tabular,default", "--time", "2h")
        for line in process.stderr:
            if "recipe 1 of 2: tabular" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
        self.assertEqual(process.returncode, 130)
        self.assertIn("interrupted by SIGINT: 0 of 2 recipes are through", err)
        self.assertRegex(out, r"(?m)^raw inputs  ")
        self.assertNotIn("maskcl pretrain", out)

    def test_refused(self):
        self.table()
        self.refuse("compare", "my rows.csv", "--label", "kind", "--recipes", "auto,nix", code=2,
                    says=["--recipes", "'nix'"])
        self.refuse("compare", "my rows.csv", code=1, says=["no labels", "--label"])
        for time in ("0", "5x", "m", "-1s", "1e9h"):
            self.refuse("compare", "my rows.csv", "--label", "kind", f"--time={time}", code=2,
                        says=["--time"])
        self.write("one.csv", b"x,kind\n1,a\n2,b\n")
        self.refuse("compare", "one.csv", "--label", "kind", "-q", code=1,
                    says=["one.csv", "no column that could be an input"])
        self.npy("one.npy", (2, 1), [1, 2])
        self.npy("kinds.npy", (2,), [0, 1], "<i4")
        done = self.run_program("compare", "one.npy", "kinds.npy", "-q")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no recipe can train on these rows", done.stderr)
        self.assertRegex(done.stdout, r"(?m)^auto +not trained: ")


if __name__ == "__main__":
    unittest.main()
