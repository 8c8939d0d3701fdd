# SPDX-License-Identifier: Apache-2.0
"""Estimators by scikit-learn's contract."""
from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from . import _library, _training
from ._data import Data, as_array, column_names, is_path, is_table, open_data, quoted_names, refuse_masks
from ._model import Model, load
from ._options import Options
from ._parameters import FinetuneParameters, PretrainParameters


def _seed(random_state: Any) -> int:
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _bytes(limit: Any) -> int:
    """A number of bytes, or a text such as "512M"; 0 for None."""
    match = re.fullmatch(r"(\d+)([KMGT]?)", str(limit or 0))
    if not match:
        raise ValueError(f"`device_memory`: {limit!r} is no number of bytes, such as 512 * 2**20 or '512M'")
    return int(match[1]) << 10 * " KMGT".index(match[2] or " ")


class _Estimator(BaseEstimator):
    """What both have in common."""

    model_: Model
    _maps = False  # fitted to an array of more than two dimensions

    def _values(self, kind: str) -> dict[str, Any]:
        """The options of a kind, lists of columns as the library reads them."""
        values = {key: getattr(self, key) for key in getattr(self, f"_{kind}_options")}
        for key in "categorical", "numeric", "ignore":
            if values.get(key) is not None and not isinstance(values[key], str):
                values[key] = quoted_names(map(str, values[key]))
        return values

    def _context(self) -> _library.Context:
        context = _library.context(self.platform, self.device, self.gemm, reproducible=self.reproducible)
        _library.lib.mcl_context_limit_memory(context.pointer, _bytes(self.device_memory))
        return context

    def _take(self, trained: _training.Trained) -> None:
        """Keeps what a training has come to, and goes on with its interruption."""
        self.model_, self.history_ = trained.model, trained.history
        if trained.interrupted:
            raise KeyboardInterrupt("what training had come to is in model_")

    def _rows(self, X: Any, *, reset: bool) -> Any:
        """X as the library takes it. Arrays are checked as scikit-learn does; tables and paths are the library's
        to check."""
        if reset:
            for name in "n_features_in_", "feature_names_in_":
                self.__dict__.pop(name, None)
        if is_path(X):
            return X
        if is_table(X):
            names = column_names(X) or []
            if reset:
                self.n_features_in_ = len(names)
                self.feature_names_in_ = np.asarray(names, dtype=object)
            return X
        if hasattr(X, "__dlpack__") and not isinstance(X, np.ndarray):
            X = as_array(X)
        refuse_masks(X)
        dimensions = getattr(X, "ndim", None) or np.ndim(np.asarray(X))
        if dimensions > 2 or (dimensions == 2 and not reset and self._maps):  # the shape is the library's to know
            return np.asarray(X)
        return validate_data(self, X, reset=reset, dtype="numeric", allow_nd=True,
                             ensure_min_samples=2 if reset else 1)

    def _open(self, X: Any) -> Data:
        options = Options("data")
        values = self._values("data")
        options.set_all(values)
        options.check_conflicts(values)
        data = open_data(X, options, fitting=True)
        self._know(X, data)
        return data

    def _know(self, X: Any, data: Data) -> None:
        """What there is to know of the rows that it is fitted to, where scikit-learn does not know it."""
        self.n_features_in_ = getattr(self, "n_features_in_", data.columns)
        self._maps = isinstance(X, np.ndarray) and X.ndim > 2


class MaskedContrastiveEncoder(PretrainParameters, TransformerMixin, _Estimator):
    __doc__ = """Learns an encoder from rows without labels, and embeds rows by it.

    Rows are a table (pandas, polars, Arrow) with numbers, categories and missing values, an array
    [rows × …] of numbers (NumPy, or what has DLPack), or a path or paths that the program takes, too: a table's
    file, a folder of images. y, where it is given, is never trained on.

    After fit: `model_`, the model; `history_`, what was measured at the end of each epoch.

    """ + (PretrainParameters.__doc__ or "")

    def fit(self, X: Any, y: Any = None) -> MaskedContrastiveEncoder:
        rows = self._rows(X, reset=True)
        data = self._open(rows)
        values = self._values("pretrain")
        values["seed"] = _seed(self.random_state)
        say = (lambda line: print(line, file=sys.stderr)) if self.verbose else None
        trained = _training.pretrain(data, values, self._context(), say=say,
                                     report=_training.progress("pretrain", self.verbose))
        self._n_features_out = trained.model.embedding_width
        self._take(trained)
        return self

    def transform(self, X: Any) -> np.ndarray[Any, Any]:
        """The embeddings [rows × width] of rows."""
        check_is_fitted(self, "model_")
        rows = self._rows(X, reset=False)
        return self.model_.embed(rows, self._context())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.input_tags.categorical = tags.input_tags.string = True
        return tags

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray[Any, Any]:
        check_is_fitted(self, "model_")
        return np.asarray([f"maskcl{i}" for i in range(self._n_features_out)], dtype=object)


class MaskedContrastiveClassifier(FinetuneParameters, ClassifierMixin, _Estimator):
    __doc__ = """Fine-tunes an encoder, and a head on it, with labels.

    `encoder` is what it begins with: a `MaskedContrastiveEncoder`, of which a clone is fitted to the rows first
    if it is not fitted; a `Model`; or a model file's path. None is a new MaskedContrastiveEncoder with this
    one's random_state and device.

    After fit: `model_`, `classes_`, and `history_`.

    """ + (FinetuneParameters.__doc__ or "")

    def fit(self, X: Any, y: Any) -> MaskedContrastiveClassifier:
        rows = self._rows(X, reset=True)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(np.asarray(y), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"all labels are of one class, {self.classes_[0]!r}: there is nothing to learn")
        seed = _seed(self.random_state)
        initial = self._initial(rows, seed)
        data = initial.open(rows, **self._values("data"))
        if data.rows != len(numbers):
            raise ValueError(f"there are {data.rows} rows and {len(numbers)} labels: each row needs one")
        self._know(rows, data)
        values = self._values("finetune")
        values["seed"] = seed
        trained = _training.finetune(initial, data, np.ascontiguousarray(numbers, np.int32), values, self._context(),
                                     report=_training.progress("finetune", self.verbose))
        trained.model.name_classes([str(name) for name in self.classes_])
        self._take(trained)
        return self

    def _initial(self, rows: Any, seed: int) -> Model:
        encoder = self.encoder
        if isinstance(encoder, Model):
            return encoder
        if is_path(encoder):
            return load(encoder)
        if encoder is None:
            encoder = MaskedContrastiveEncoder(
                device=self.device, platform=self.platform, gemm=self.gemm, device_memory=self.device_memory,
                reproducible=self.reproducible, random_state=seed, verbose=self.verbose, **self._values("data"))
        if not hasattr(encoder, "model_"):
            encoder = clone(encoder)
            own = {"random_state": seed, **self._values("data")}
            encoder.set_params(**{key: value for key, value in own.items() if getattr(encoder, key) is None})
            encoder.fit(rows)
        fitted: Model = encoder.model_
        return fitted

    def predict(self, X: Any) -> np.ndarray[Any, Any]:
        """The most likely class of each row."""
        check_is_fitted(self, "model_")
        rows = self._rows(X, reset=False)
        told: np.ndarray[Any, Any] = self.classes_[self.model_.classify(rows, self._context())]
        return told

    def predict_proba(self, X: Any) -> np.ndarray[Any, Any]:
        """The probabilities [rows × classes], by the order of `classes_`."""
        check_is_fitted(self, "model_")
        rows = self._rows(X, reset=False)
        return self.model_.probabilities(rows, self._context())
