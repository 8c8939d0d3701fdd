# SPDX-License-Identifier: Apache-2.0
"""Models as torch.nn.Module, built from what their metadata say."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
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


class Residual(nn.Module):
    """x plus what the body makes of it."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = x + self.body(x)
        return result


class Patches(nn.Conv2d):
    """A convolution of patches that become (p − mean)/√(variance + contrast) first (Coates, Lee and Ng 2011)."""

    def __init__(self, channels: int, filters: int, kernel: int, stride: int, padding: int, contrast: float) -> None:
        super().__init__(channels, filters, kernel, stride, padding)
        self.contrast = contrast

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride, padding = self.kernel_size, self.stride, self.padding
        patches = nn.functional.unfold(x, kernel, padding=padding, stride=stride)
        variance, mean = torch.var_mean(patches, 1, correction=0, keepdim=True)
        patches = (patches - mean) / (variance + self.contrast).sqrt()
        made = self.weight.flatten(1) @ patches + (self.bias[:, None] if self.bias is not None else 0)
        size = [(n + 2 * int(p) - k) // s + 1 for n, k, s, p in zip(x.shape[2:], kernel, stride, padding)]
        result: torch.Tensor = made.unflatten(2, size)
        return result


@dataclass
class _Word:
    """A layer of an encoder in words; a residual block has those inside."""

    kind: str
    width: int = 0
    kernel: int = 0
    stride: int = 1
    padding: int = 0
    contrast: float = 0.0
    inside: list[_Word] = field(default_factory=list)

    @property
    def has_weights(self) -> bool:
        return self.kind in ("conv", "conv1d", "patches", "depthwise", "dense")


_WORD = re.compile(r"(conv1d|conv|patches|depthwise|dense|pool:max|pool:avg|pool:global|pool:grid)"
                   r":?(?:(\d+)x)?(\d+)?(?:/(\d+))?(?:p(\d+))?(?::([-+.e\d]+))?")


def _word(text: str) -> _Word:
    match = _WORD.fullmatch(text)
    if not match:
        raise ValueError(f"'{text}' is no layer of an encoder that is known here: update maskcl")
    kind, width, number, stride, padding, contrast = match.groups()
    size = int(number or 2)
    kept = (size - 1) // 2 if kind != "patches" else 0
    return _Word(kind, int(width or size), size, int(stride or (size if kind.startswith("pool") else 1)),
                 int(padding) if padding else kept, float(contrast or 0.01))


def _words(text: str) -> list[_Word]:
    listed: list[_Word] = []
    outer: list[_Word] = []
    for part in re.findall(r"residual\(|\)|[^,()]+", text):
        if part == "residual(":
            outer, listed = listed, []
        elif part == ")":
            outer.append(_Word("residual", inside=listed))
            listed = outer
        else:
            listed.append(_word(part))
    return listed


class _Builder:
    """Modules by the metadata of a model."""

    def __init__(self, metadata: dict[str, str]) -> None:
        self.metadata = metadata
        self.words = _words(metadata["encoder"]) if "encoder" in metadata else self.dense()
        series = any(word.kind == "conv1d" for block in self.words for word in [block, *block.inside])
        self.suffix = "1d" if series else "2d"
        self.shape: tuple[int, ...] = (int(metadata["input"]),)
        if "height" in metadata:
            self.shape = (int(metadata["channels"]), int(metadata["height"]),
                          int(metadata["width"]))[:2 if series else 3]

    def dense(self) -> list[_Word]:
        widths = [*filter(None, self.metadata.get("hidden", "").split(",")), self.metadata["embedding"]]
        return [_Word("dense", int(width)) for width in widths]

    def of_maps(self, name: str) -> Any:
        return getattr(nn, name + self.suffix)

    def after(self, shape: Sequence[int]) -> list[nn.Module]:
        """The normalization and the activation that follow a layer with weights."""
        kind, channels, on_map = self.metadata.get("normalization", "none"), shape[0], len(shape) > 1
        normalization: list[nn.Module] = []
        if kind == "batch":
            normalization = [self.of_maps("BatchNorm")(channels) if on_map else nn.BatchNorm1d(channels)]
        elif kind == "layer" and not on_map:
            normalization = [nn.LayerNorm(channels)]
        elif kind != "none":
            groups = max(g for g in (1, 2, 4, 8) if channels % g == 0) if kind == "group" else 1
            normalization = [nn.GroupNorm(groups, channels)]
        return [*normalization, _ACTIVATIONS[self.metadata["activation"]]()]

    def layer(self, word: _Word, shape: Sequence[int]) -> list[nn.Module]:
        sizes = word.kernel, word.stride, word.padding
        if word.kind in ("conv", "conv1d"):
            return [self.of_maps("Conv")(shape[0], word.width, *sizes)]
        if word.kind == "patches":
            return [Patches(shape[0], word.width, *sizes, word.contrast)]
        if word.kind == "depthwise":
            return [self.of_maps("Conv")(shape[0], shape[0], *sizes, groups=shape[0])]
        if word.kind == "dense":
            flat: list[nn.Module] = [nn.Flatten()] if len(shape) > 1 else []
            return [*flat, nn.Linear(torch.Size(shape).numel(), word.width)]
        if word.kind in ("pool:max", "pool:avg"):
            return [self.of_maps("MaxPool" if word.kind == "pool:max" else "AvgPool")(word.kernel, word.stride)]
        return [self.of_maps("AdaptiveAvgPool")(1 if word.kind == "pool:global" else word.width)]

    def stack(self, words: list[_Word], shape: tuple[int, ...], inside: bool) -> tuple[list[nn.Module], tuple[int, ...]]:
        """The modules of layers, and the shape after the last."""
        modules: list[nn.Module] = []
        for i, word in enumerate(words):
            if word.kind == "residual":
                modules.append(Residual(nn.Sequential(*self.stack(word.inside, shape, True)[0])))
                continue
            made = self.layer(word, shape)
            with torch.no_grad():
                shape = tuple(nn.Sequential(*made)(torch.zeros(1, *shape)).shape[1:])
            modules += made
            ends = i + 1 == len(words) and not inside and self.metadata.get("activated_embedding") != "yes"
            if word.has_weights and not ends:
                modules += self.after(shape)
        return modules, shape

    def encoder(self) -> nn.Sequential:
        modules, shape = self.stack(self.words, self.shape, False)
        return nn.Sequential(*modules, *([nn.Flatten()] if len(shape) > 1 else []))


def module_of(model: Model) -> nn.Sequential:
    encoder = _Builder(model.metadata).encoder()
    state: dict[str, Any] = {name[len("encoder."):]: torch.from_numpy(values)
                             for name, values in model.tensors().items() if name.startswith("encoder.")}
    missing, unexpected = encoder.load_state_dict(state, strict=False)
    left = [name for name in missing if not name.endswith("num_batches_tracked")]
    if left or unexpected:
        raise ValueError(f"the model's tensors are not those of its architecture: {left + unexpected}")
    return encoder.eval()
