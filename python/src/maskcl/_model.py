# SPDX-License-Identifier: Apache-2.0
"""Models: files, what they say of themselves, and what they make of rows."""
from __future__ import annotations

import json
import os
import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _library
from ._data import Data, open_data
from ._library import Context, check, ffi, flush_warnings, lib, text, warn
from ._options import Options

if TYPE_CHECKING:
    import torch


class Model:
    """A trained model: `load()` reads one, and the estimators have theirs as `model_`."""

    def __init__(self, pointer: Any) -> None:
        self._pointer = ffi.gc(pointer, lib.mcl_model_free)

    @property
    def pointer(self) -> Any:
        return self._pointer

    # Files.

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model file (safetensors), whole or not at all."""
        check(lib.mcl_model_save(self._pointer, os.fsencode(path)))

    def to_bytes(self) -> bytes:
        """The model file's bytes."""
        with tempfile.TemporaryDirectory(prefix="maskcl-") as folder:
            path = os.path.join(folder, "model.safetensors")
            self.save(path)
            with open(path, "rb") as file:
                return file.read()

    @classmethod
    def from_bytes(cls, content: bytes) -> Model:
        with tempfile.NamedTemporaryFile(prefix="maskcl-", suffix=".safetensors") as file:
            file.write(content)
            file.flush()
            return load(file.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return Model.from_bytes, (self.to_bytes(),)

    # What it says of itself.

    @property
    def metadata(self) -> dict[str, str]:
        """The whole run: options, digests of data and parameters, version."""
        key, value = ffi.new("const char **"), ffi.new("const char **")
        pairs = {}
        for i in range(lib.mcl_model_metadata_count(self._pointer)):
            lib.mcl_model_metadata_at(self._pointer, i, key, value)
            pairs[text(key[0])] = text(value[0])
        return pairs

    @property
    def digest(self) -> str:
        """That of the parameters, which is the same wherever the run is made."""
        digest = ffi.new("char[33]")
        lib.mcl_model_digest(digest, self._pointer)
        return text(digest)

    @property
    def embedding_width(self) -> int:
        return int(lib.binding_embedding(self._pointer))

    @property
    def classes(self) -> list[str] | None:
        """The classes of a fine-tuned model, by their numbers; None of one without a head."""
        count = int(lib.binding_classes(self._pointer))
        if not count:
            return None
        names, named = ffi.new("const char ***"), ffi.new("uint32_t *")
        check(lib.mcl_model_class_names(names, named, self._pointer))
        try:
            listed = [text(names[0][i]) for i in range(named[0])]
        finally:
            lib.mcl_class_names_free(names[0])
        return listed or [str(i) for i in range(count)]

    @property
    def columns(self) -> list[str] | None:
        """The columns of the table that it was trained on, by its schema; None of no table."""
        schema = self.metadata.get("schema")
        if not schema:
            return None
        listed = json.loads(schema).get("columns")
        return [column["name"] for column in listed] if listed else None

    def name_classes(self, names: list[str]) -> None:
        """What the classes are called, by their numbers: for the program, too."""
        check(lib.mcl_model_metadata_set(self._pointer, b"class_names", json.dumps(names, ensure_ascii=False).encode()))

    def tensors(self) -> dict[str, np.ndarray[Any, Any]]:
        """Copies of the parameters by name, as torch.nn.Sequential names them."""
        listed = {}
        for i in range(lib.mcl_model_tensor_count(self._pointer)):
            tensor = lib.mcl_model_tensor(self._pointer, i)
            shape = [tensor.shape[d] for d in range(tensor.dimensions)]
            count = int(np.prod(shape))
            values = np.frombuffer(ffi.buffer(tensor.values, 4 * count), dtype=np.float32)
            listed[text(tensor.name)] = values.reshape(shape).copy()
        return listed

    def __repr__(self) -> str:
        metadata = self.metadata
        return (f"<maskcl.Model {metadata.get('input')} → {self.embedding_width}, "
                f"digest {self.digest}>")

    # What it makes of rows.

    def open(self, rows: Any, **data_options: Any) -> Data:
        """The rows as the model's encoder takes them: by its schema, where it has one."""
        schema = ffi.new("mcl_schema **")
        check(lib.mcl_model_schema(schema, self._pointer))
        options = Options("data")
        options.set_all(data_options)
        options.pointer.schema = schema[0]
        try:
            data = open_data(rows, options)
        finally:
            lib.mcl_schema_free(schema[0])
        line = ffi.new("char[1024]")
        if lib.mcl_model_doubts(line, 1024, self._pointer, data.pointer):
            warn("these rows " + text(line))
        return data

    def transform(self, rows: Any, *, layer: int | None = None, device: str | int | None = None,
                  platform: str | int | None = None) -> np.ndarray[Any, Any]:
        """The embeddings [rows × width] of rows: a table, an array, a path or several. layer is counted from 1
        through the encoder and on through the projector; None is the embedding."""
        return self.embed(rows, _library.context(platform, device), layer)

    def embed(self, rows: Any, context: Context, layer: int | None = None) -> np.ndarray[Any, Any]:
        """transform() on a context."""
        data = self.open(rows)
        width = ffi.new("uint32_t *", self.embedding_width)
        if layer is not None and layer < 1:
            raise ValueError(f"layer {layer}: layers are counted from 1")
        if layer is not None:
            check(lib.mcl_layer_width(width, self._pointer, layer))
        embeddings = np.empty((data.rows, width[0]), np.float32)
        out = ffi.from_buffer("float[]", embeddings, require_writable=True)
        with context.lock:
            if layer is None:
                check(lib.mcl_embed(out, context.pointer, self._pointer, data.pointer))
            else:
                check(lib.mcl_embed_layer(out, context.pointer, self._pointer, data.pointer, layer))
        flush_warnings()
        return embeddings

    def predict(self, rows: Any, *, device: str | int | None = None,
                platform: str | int | None = None) -> np.ndarray[Any, Any]:
        """The number of the most likely class of each row, of a fine-tuned model; `classes` has their names."""
        return self.classify(rows, _library.context(platform, device))

    def classify(self, rows: Any, context: Context) -> np.ndarray[Any, Any]:
        """predict() on a context."""
        data = self.open(rows)
        told = np.empty(data.rows, np.int32)
        with context.lock:
            check(lib.mcl_classify(ffi.from_buffer("int32_t[]", told, require_writable=True), context.pointer,
                                   self._pointer, data.pointer))
        flush_warnings()
        return told

    def predict_proba(self, rows: Any, *, device: str | int | None = None,
                      platform: str | int | None = None) -> np.ndarray[Any, Any]:
        """The probabilities [rows × classes], of a fine-tuned model."""
        return self.probabilities(rows, _library.context(platform, device))

    def probabilities(self, rows: Any, context: Context) -> np.ndarray[Any, Any]:
        """predict_proba() on a context."""
        data = self.open(rows)
        probabilities = np.empty((data.rows, int(lib.binding_classes(self._pointer))), np.float32)
        with context.lock:
            check(lib.mcl_predict_probabilities(ffi.from_buffer("float[]", probabilities, require_writable=True),
                                                context.pointer, self._pointer, data.pointer))
        flush_warnings()
        return probabilities

    def to_torch(self) -> torch.nn.Module:
        """The encoder as a torch.nn.Module, in evaluation mode. It takes rows as the schema makes them, pixels from
        0 to 1: an encoder of convolutions images as [rows, channels, height, width] and series as [rows, channels,
        time], one of dense layers rows of values in the order that they have in the data."""
        from ._torch import module_of

        return module_of(self)


def load(path: str | os.PathLike[str]) -> Model:
    """Reads a model file."""
    made = ffi.new("mcl_model **")
    check(lib.mcl_model_load(made, os.fsencode(path)))
    return Model(made[0])
