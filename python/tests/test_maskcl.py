# SPDX-License-Identifier: Apache-2.0
"""The package as its users have it: installed, on whatever OpenCL device there is.

    python -m unittest discover python/tests

MASKCL_PROGRAM, where it is set, is the program whose models must have the same bits.
"""
import json
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

import maskcl
from maskcl import MaskclWarning, MaskedContrastiveClassifier, MaskedContrastiveEncoder

PYTHON = pathlib.Path(__file__).resolve().parents[1]
SMALL = {"recipe": "default", "epochs": 2, "hidden": 8, "embedding": 4, "verbose": False, "random_state": 0}


def frame(rows=120):
    random = np.random.default_rng(0)
    table = pd.DataFrame({
        "mass": random.normal(4200, 800, rows),
        "island": random.choice(["Biscoe", "Dream, far", 'the "small" one'], rows),
        "eggs": random.integers(0, 4, rows),
        "tagged": random.choice([True, False], rows),
        "grade": pd.Categorical(random.choice(["low", "high"], rows)),
    })
    table.loc[3, "mass"] = np.nan
    table.loc[5, "island"] = None
    return table


class EstimatorTest(unittest.TestCase):
    def check(self, estimator):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = check_estimator(estimator, on_fail=None, on_skip=None)
        self.assertGreater(len(results), 40)
        for result in results:
            with self.subTest(check=result["check_name"]):
                self.assertIn(result["status"], ("passed", "skipped"), result["exception"])

    def test_encoder(self):
        self.check(MaskedContrastiveEncoder(recipe="default", epochs=2, hidden=8, embedding=4, verbose=False))

    def test_classifier(self):
        encoder = MaskedContrastiveEncoder(recipe="default", epochs=2, hidden=16, embedding=8, verbose=False)
        self.check(MaskedContrastiveClassifier(encoder=encoder, epochs=40, learning_rate=0.01, verbose=False))

    def test_pipelines_and_searches(self):
        table = frame()
        classes = (table["eggs"] > 1).astype(int)
        pipeline = make_pipeline(MaskedContrastiveEncoder(**SMALL), LogisticRegression())
        scores = cross_val_score(pipeline, table, classes, cv=3, n_jobs=2)
        self.assertTrue(np.isfinite(scores).all())
        search = GridSearchCV(pipeline, {"maskedcontrastiveencoder__embedding": [2, 4]}, cv=2).fit(table, classes)
        self.assertIn(search.best_params_["maskedcontrastiveencoder__embedding"], (2, 4))

    def test_names_and_pandas_output(self):
        encoder = MaskedContrastiveEncoder(**SMALL).set_output(transform="pandas")
        embedded = encoder.fit_transform(frame())
        self.assertEqual(list(embedded.columns), list(encoder.get_feature_names_out()))
        self.assertEqual(embedded.shape, (120, 4))
        self.assertEqual(list(encoder.feature_names_in_), list(frame().columns))

    def test_a_pickle_is_the_model(self):
        encoder = MaskedContrastiveEncoder(**SMALL).fit(frame())
        again = pickle.loads(pickle.dumps(encoder))
        self.assertEqual(again.model_.digest, encoder.model_.digest)
        np.testing.assert_array_equal(again.transform(frame()), encoder.transform(frame()))

    def test_seeds(self):
        rows = np.random.default_rng(1).normal(size=(40, 6)).astype(np.float32)
        first = MaskedContrastiveEncoder(**SMALL).fit(rows)
        self.assertEqual(clone(first).fit(rows).model_.digest, first.model_.digest)
        other = MaskedContrastiveEncoder(**{**SMALL, "random_state": np.random.RandomState(3)}).fit(rows)
        self.assertNotEqual(other.model_.digest, first.model_.digest)

    def test_classes_are_those_given(self):
        table = frame()
        classes = np.where(table["grade"] == "low", "lower", "upper")
        classifier = MaskedContrastiveClassifier(
            encoder=MaskedContrastiveEncoder(**SMALL), epochs=30, learning_rate=0.01, random_state=0,
            verbose=False).fit(table, classes)
        self.assertEqual(list(classifier.classes_), ["lower", "upper"])
        self.assertGreater(classifier.score(table, classes), 0.9)
        np.testing.assert_allclose(classifier.predict_proba(table).sum(axis=1), 1, rtol=1e-5)
        self.assertEqual(pickle.loads(pickle.dumps(classifier)).model_.classes, ["lower", "upper"])

    def test_options_of_data_reach_the_encoder(self):
        table = frame().assign(**{"a, b": range(120)})
        classifier = MaskedContrastiveClassifier(encoder=MaskedContrastiveEncoder(**SMALL), ignore=["grade", "a, b"], epochs=1,
                                                 verbose=False).fit(table, table["grade"].astype(str))
        self.assertIn('"name":"grade","kind":"ignored"', classifier.model_.metadata["schema"])
        self.assertIn('"name":"a, b","kind":"ignored"', classifier.model_.metadata["schema"])

    def test_one_context_for_all(self):
        rows = np.random.default_rng(3).normal(size=(20, 3)).astype(np.float32)
        before = len(maskcl._library._contexts)
        encoder = MaskedContrastiveEncoder(**SMALL, gemm="native-gpu", reproducible=True).fit(rows)
        self.assertEqual(encoder.transform(rows).shape, (20, 4))
        self.assertEqual(len(maskcl._library._contexts), before + 1)


class DataTest(unittest.TestCase):
    def test_the_same_table_by_whatever_library(self):
        table = frame().astype({"grade": str})
        encoder = MaskedContrastiveEncoder(**SMALL).fit(table)
        expected = encoder.transform(table)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "table.csv"
            table.to_csv(path, index=False)
            for same in (pl.from_pandas(table), pa.Table.from_pandas(table), table[table.columns[::-1]], path):
                with self.subTest(type=type(same).__name__), warnings.catch_warnings():
                    warnings.simplefilter("error")
                    if isinstance(same, pd.DataFrame):  # scikit-learn's rule is that columns keep their order
                        embedded = encoder.model_.transform(same)
                    else:
                        embedded = encoder.transform(same)
                    np.testing.assert_array_equal(embedded, expected)

    def test_what_a_csv_file_would_leave_out(self):
        table = frame(60).assign(constant=1.0, nothing=np.nan, when=pd.date_range("2020", periods=60),
                                 number=range(60), price=[f"{i / 7:.2f}" for i in range(60)])
        with self.assertWarnsRegex(MaskclWarning, "'constant'"):
            encoder = MaskedContrastiveEncoder(**SMALL).fit(table)
        kinds = {column["name"]: column["kind"] for column in json.loads(encoder.model_.metadata["schema"])["columns"]}
        self.assertEqual(kinds, {
            "mass": "number", "island": "category", "eggs": "number", "tagged": "category", "grade": "category",
            "constant": "ignored", "nothing": "ignored", "when": "ignored", "number": "ignored", "price": "number"})

    def test_categories_of_numbers(self):
        table = frame(60).assign(code=pd.Categorical(np.arange(60) % 3))
        encoder = MaskedContrastiveEncoder(**SMALL).fit(table)
        self.assertIn('"code","kind":"category"', encoder.model_.metadata["schema"].replace('"name":', ""))

    def test_what_has_no_rows_of_numbers(self):
        for rows, says in ((np.ma.masked_array(np.ones((9, 3)), np.eye(9, 3)), "masked"),
                           (pd.concat([frame(), frame()], axis=1), "two of its columns are called 'mass'"),
                           (pl.from_pandas(frame().astype({"grade": str})).lazy(), "collect")):
            with self.subTest(type=type(rows).__name__), self.assertRaisesRegex(ValueError, says):
                MaskedContrastiveEncoder(**SMALL).fit(rows)

    def test_images_and_their_flat_rows(self):
        rows = np.random.default_rng(1).random((40, 6, 6, 3)).astype(np.float32)
        encoder = MaskedContrastiveEncoder(**SMALL).fit(rows)
        np.testing.assert_array_equal(encoder.transform(rows.reshape(40, -1)), encoder.transform(rows))

    def test_arrays(self):
        rows = np.random.default_rng(1).random((50, 8, 8)).astype(np.float32)
        encoder = MaskedContrastiveEncoder(**SMALL).fit(rows)
        expected = encoder.transform(rows)
        for same in np.asfortranarray(rows), rows.astype(np.float64), [*map(np.ndarray.tolist, rows)]:
            np.testing.assert_array_equal(encoder.transform(same), expected)

    def test_what_is_said(self):
        encoder = MaskedContrastiveEncoder(**SMALL).fit(frame().dropna())
        with self.assertWarnsRegex(MaskclWarning, "column 'mass': 1 rows have no value"):
            encoder.transform(frame())
        with self.assertRaisesRegex(ValueError, "lacks|missing|there is no column|has no column"):
            encoder.model_.transform(frame().drop(columns="mass"))
        with self.assertRaisesRegex(ValueError, "infinite|infinity|inf"):
            encoder.fit(frame().assign(mass=[np.inf, *range(119)]))

    def test_wrong_options(self):
        rows = np.zeros((10, 3), np.float32)
        with self.assertRaisesRegex(ValueError, "`activation`: 'nonsense'"):
            MaskedContrastiveEncoder(recipe="default", activation="nonsense").fit(rows)
        with self.assertRaisesRegex(ValueError, "early_stop|batch"):
            MaskedContrastiveEncoder(recipe="default", batch=11).fit(rows + np.arange(10)[:, None])
        with self.assertRaisesRegex(TypeError, "unexpected keyword"):
            MaskedContrastiveEncoder(bach=11)
        with self.assertRaisesRegex(maskcl.DeviceError, "nowhere"):
            MaskedContrastiveEncoder(recipe="default", device="nowhere").fit(rows)


class ModelTest(unittest.TestCase):
    @unittest.skipUnless(os.environ.get("MASKCL_PROGRAM"), "the program is not there to compare with")
    def test_bits_are_the_programs(self):
        program = os.environ["MASKCL_PROGRAM"]
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            frame().to_csv(folder / "table.csv", index=False)
            rows = np.random.default_rng(2).random((80, 10)).astype(np.float32)
            np.save(folder / "rows.npy", rows)
            for data, name in (frame(), "table.csv"), (rows, "rows.npy"):
                for options in {}, {"hidden": [16, 8], "embedding": 4, "epochs": 3, "objective": "scarf"}:
                    with self.subTest(data=name, options=options):
                        mine = MaskedContrastiveEncoder(random_state=5, verbose=False, **options).fit(data).model_
                        given = [text for key, value in options.items() for text in (
                            "--" + key, ",".join(map(str, value)) if isinstance(value, list) else str(value))]
                        model = folder / "model.safetensors"
                        subprocess.run([program, "pretrain", folder / name, "-o", model, "--seed", "5", "-q", *given],
                                       check=True)
                        self.assertEqual(mine.digest, maskcl.load(model).digest)

    def test_files(self):
        model = MaskedContrastiveEncoder(**SMALL).fit(frame()).model_
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.safetensors"
            model.save(path)
            again = maskcl.load(path)
            self.assertEqual(again.metadata, model.metadata)
            self.assertEqual(again.columns, list(frame().columns))
            self.assertEqual(again.embedding_width, 4)
            with self.assertRaisesRegex(OSError, "nothing"):
                maskcl.load(pathlib.Path(folder) / "nothing")
            path.write_bytes(path.read_bytes()[:100])
            with self.assertRaisesRegex(ValueError, "model.safetensors"):
                maskcl.load(path)

    def test_torch(self):
        try:
            import torch
        except ImportError:
            self.skipTest("torch is not installed")
        rows = np.random.default_rng(3).normal(size=(60, 7)).astype(np.float32)
        for options in ({}, {"normalization": "batch", "activation": "gelu", "hidden": [9, 5]},
                        {"normalization": "layer", "activation": "tanh", "embedding_layer": "activated"}):
            with self.subTest(**options):
                encoder = MaskedContrastiveEncoder(**{**SMALL, **options}).fit(rows)
                module = encoder.model_.to_torch()
                with torch.no_grad():
                    embedded = module(torch.from_numpy(rows)).numpy()
                np.testing.assert_allclose(embedded, encoder.transform(torch.from_numpy(rows)), atol=1e-5)

    def test_torch_of_images(self):
        try:
            import torch
        except ImportError:
            self.skipTest("torch is not installed")
        images = np.random.default_rng(4).random((40, 12, 10, 3)).astype(np.float32)
        series = np.random.default_rng(4).random((40, 20, 2)).astype(np.float32)
        for rows, options in (
                (images, {"encoder": "conv:8x3,pool:max,residual(conv:8x3,conv:8x3),depthwise:3/2,dense:6",
                          "normalization": "batch"}),
                (images, {"encoder": "patches:6x4/2:0.1,pool:grid:2", "filters": "patches"}),
                (images, {"encoder": "conv:8x5/2p0,pool:global", "normalization": "group", "activation": "gelu"}),
                (series, {"encoder": "conv1d:8x5/2,pool:avg,dense:6", "normalization": "layer"})):
            with self.subTest(**options):
                model = MaskedContrastiveEncoder(recipe="default", epochs=1, verbose=False, random_state=0,
                                                 **options).fit(rows).model_
                with torch.no_grad():
                    embedded = model.to_torch()(torch.from_numpy(np.moveaxis(rows, -1, 1))).numpy()
                np.testing.assert_allclose(embedded, model.transform(rows), atol=1e-5)

    def test_devices(self):
        listed = maskcl.devices()
        self.assertTrue(any(device.usable for device in listed))
        usable = next(device for device in listed if device.usable)
        rows = np.random.default_rng(3).normal(size=(20, 3)).astype(np.float32)
        MaskedContrastiveEncoder(**SMALL, device=usable.id).fit(rows)


class ProcessTest(unittest.TestCase):
    def script(self, text):
        return [sys.executable, "-c", textwrap.dedent(text)]

    def test_interrupts_keep_the_model(self):
        process = subprocess.Popen(self.script("""
            import numpy as np, sys
            from maskcl import MaskedContrastiveEncoder
            rows = np.random.default_rng(0).random((300, 20)).astype(np.float32)
            MaskedContrastiveEncoder(recipe="default", epochs=1, verbose=False).fit(rows)
            print("begun", flush=True)
            encoder = MaskedContrastiveEncoder(recipe="default", epochs=1000000, verbose=False)
            try:
                encoder.fit(rows)
            except KeyboardInterrupt as problem:
                print(problem, encoder.transform(rows).shape, flush=True)
        """), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(process.stdout.readline(), "begun\n")
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(out, "what training had come to is in model_ (300, 64)\n")

    def test_forked_processes_are_told(self):
        result = subprocess.run(self.script("""
            import os, maskcl
            maskcl.devices()
            pid = os.fork()
            if pid == 0:
                try:
                    maskcl.devices()
                except maskcl.MaskclError as error:
                    os._exit(0 if "spawn" in str(error) else 1)
                os._exit(2)
            raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """), timeout=60)
        self.assertEqual(result.returncode, 0)


class PackageTest(unittest.TestCase):
    def test_signatures_are_the_tables(self):
        subprocess.run([sys.executable, PYTHON / "generate.py", "--check"], check=True)

    def test_types(self):
        result = subprocess.run([sys.executable, "-m", "mypy", "--config-file", PYTHON / "pyproject.toml", "--cache-dir",
                                 os.devnull], cwd=PYTHON, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_version(self):
        self.assertRegex(maskcl.__version__, r"^\d+\.\d+\.\d+")
        self.assertEqual(maskcl.__all__, sorted(maskcl.__all__))


if __name__ == "__main__":
    unittest.main()
