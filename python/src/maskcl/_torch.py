# SPDX-License-Identifier: Apache-2.0
"""Models as torch.nn.Module, built from what their metadata say."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from ._model import Model

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "none": nn.Identity,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
}


def _normalization(kind: str, width: int) -> nn.Module:
    return nn.BatchNorm1d(width) if kind == "batch" else nn.LayerNorm(width)


def _widths(metadata: dict[str, str], key: str) -> list[int]:
    return [int(width) for width in metadata.get(key, "").split(",") if width]


def encoder_of(metadata: dict[str, str]) -> nn.Sequential:
    """The modules of the encoder, by the numbers that the tensors' names have."""
    if "encoder" in metadata:
        raise NotImplementedError("an encoder of convolutions is not yet made a module of torch here")
    widths = [int(metadata["input"]), *_widths(metadata, "hidden"), int(metadata["embedding"])]
    modules: list[nn.Module] = []
    for i, (before, after) in enumerate(zip(widths, widths[1:])):
        modules.append(nn.Linear(before, after))
        if i + 2 < len(widths) or metadata.get("activated_embedding") == "yes":
            if "normalization" in metadata:
                modules.append(_normalization(metadata["normalization"], after))
            modules.append(_ACTIVATIONS[metadata["activation"]]())
    return nn.Sequential(*modules)


def module_of(model: Model) -> nn.Sequential:
    encoder = encoder_of(model.metadata)
    state: dict[str, Any] = {name.removeprefix("encoder."): torch.from_numpy(values)
                             for name, values in model.tensors().items() if name.startswith("encoder.")}
    missing, unexpected = encoder.load_state_dict(state, strict=False)
    left = [name for name in missing if not name.endswith("num_batches_tracked")]
    if left or unexpected:
        raise ValueError(f"the model's tensors are not those of its architecture: {left + unexpected}")
    return encoder.eval()
