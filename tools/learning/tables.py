# SPDX-License-Identifier: Apache-2.0
"""The tables inside scikit-learn, and its methods on their raw columns. Run by measure.py with a
Python that has scikit-learn; prints JSON.

    tables.py split TABLE FOLDS SEED FOLDER        writes each fold as .npy files
    tables.py peer TABLE FOLDS SEED METHOD LABELS  measures a method on the same folds"""

import json
import pathlib
import sys
import time

import numpy
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

TABLES = {"digits": load_digits, "breast cancer": load_breast_cancer, "wine": load_wine}
METHODS = {
    "logistic regression": lambda seed: LogisticRegression(max_iter=5000),
    "gradient boosting": lambda seed: GradientBoostingClassifier(random_state=seed),
}
DRAWS = 5  # as many as maskcl probe --labels-per-class makes


def folds(table, count, seed):
    """Rows and labels of each fold, the columns standardised by those to learn from."""
    rows, labels = TABLES[table](return_X_y=True)
    for train, test in StratifiedKFold(count, shuffle=True, random_state=seed).split(rows, labels):
        scaler = StandardScaler().fit(rows[train])
        yield {"train": scaler.transform(rows[train]).astype(numpy.float32),
               "train-labels": labels[train].astype(numpy.uint8),
               "test": scaler.transform(rows[test]).astype(numpy.float32),
               "test-labels": labels[test].astype(numpy.uint8)}


def split(table, count, seed, folder):
    result = []
    for index, fold in enumerate(folds(table, int(count), int(seed))):
        files = {}
        for name, values in fold.items():
            path = pathlib.Path(folder) / str(index) / f"{name}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            numpy.save(path, numpy.ascontiguousarray(values))
            files[name] = str(path)
        result.append(files)
    return result


def draw(labels, per_class, generator):
    """The numbers of so many rows of each class."""
    return numpy.concatenate([
        generator.choice(numpy.flatnonzero(labels == label), per_class, replace=False)
        for label in numpy.unique(labels)])


def peer(table, count, seed, method, per_class):
    everything, few, deviations, seconds = [], [], [], 0.0
    for index, fold in enumerate(folds(table, int(count), int(seed))):
        def accuracy(chosen):
            model = METHODS[method](int(seed))
            model.fit(fold["train"][chosen], fold["train-labels"][chosen])
            return model.score(fold["test"], fold["test-labels"])

        begun = time.monotonic()
        everything.append(accuracy(slice(None)))
        seconds += time.monotonic() - begun
        draws = [accuracy(draw(fold["train-labels"], int(per_class),
                               numpy.random.default_rng([int(seed), index, number])))
                 for number in range(DRAWS)]
        few.append(numpy.mean(draws))
        deviations.append(numpy.std(draws, ddof=1))
    return {"width": fold["train"].shape[1], "linear": numpy.mean(everything),
            "few": numpy.mean(few), "few_deviation": numpy.mean(deviations), "seconds": seconds}


if __name__ == "__main__":
    command = {"split": split, "peer": peer}[sys.argv[1]]
    print(json.dumps(command(*sys.argv[2:])))
