#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A model whose encoder is in words as PyTorch modules: encoder and decoder, with its parameters.

    from torch_model import load
    encoder, decoder = load("model.safetensors")
    embeddings = encoder(images)  # [rows, channels, height, width], of series [rows, channels, time]
    again = decoder(embeddings)   # in the same order

Needs torch and safetensors. The names of the tensors are those of the modules, so that
load_state_dict() takes them as they are.
"""
import re

import torch
from torch import nn

WORD = re.compile(r"(conv1d|conv|depthwise|dense|pool:max|pool:avg|pool:global|pool:grid)"
                  r":?(?:(\d+)x)?(\d+)?(?:/(\d+))?(?:p(\d+))?")
ACTIVATIONS = {"none": nn.Identity, "relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh}
WITH_WEIGHTS = "conv", "conv1d", "depthwise", "dense"


class Residual(nn.Module):
    """x plus what the body makes of it."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return x + self.body(x)


def parse(text):
    """A layer is (kind, width, kernel, stride, padding), a residual block ("residual", its layers)."""
    layers, outer = [], None
    for part in re.findall(r"residual\(|\)|[^,()]+", text):
        if part == "residual(":
            outer, layers = layers, []
        elif part == ")":
            outer.append(("residual", layers))
            layers = outer
        else:
            kind, width, number, stride, padding = WORD.fullmatch(part).groups()
            number = int(number or 2)
            stride = int(stride or (number if kind.startswith("pool") else 1))
            layers.append((kind, int(width or number), number, stride,
                           int(padding or (number - 1) // 2)))
    return layers


class Builder:
    """of: the metadata of the model, or what they would be."""

    def __init__(self, of):
        self.of, self.layers = of, parse(of["encoder"])
        self.series = any(layer[0] == "conv1d" for layer in self.layers + sum(
            (layer[1] for layer in self.layers if layer[0] == "residual"), []))
        self.shape = (int(of["input"]),)
        if "height" in of:
            self.shape = (int(of["channels"]), int(of["height"]), int(of["width"]))[:3 - self.series]

    def kind(self, name):
        return getattr(nn, name + ("1d" if self.series else "2d"))

    def after(self, shape, on_map):
        """What follows a layer with weights."""
        normalization, channels = self.of.get("normalization", "none"), shape[0]
        activation = [ACTIVATIONS[self.of["activation"]]()]
        if normalization == "batch":
            return [self.kind("BatchNorm")(channels) if on_map else nn.BatchNorm1d(channels), *activation]
        if normalization == "layer" and not on_map:
            return [nn.LayerNorm(channels), *activation]
        if normalization == "none":
            return activation
        groups = max(g for g in (1, 2, 4, 8) if channels % g == 0) if normalization == "group" else 1
        return [nn.GroupNorm(groups, channels), *activation]

    def layer(self, layer, shape):
        kind, width, kernel, stride, padding = layer
        if kind in ("conv", "conv1d"):
            return [self.kind("Conv")(shape[0], width, kernel, stride, padding)]
        if kind == "depthwise":
            return [self.kind("Conv")(shape[0], shape[0], kernel, stride, padding, groups=shape[0])]
        if kind == "dense":
            flat = [nn.Flatten()] if len(shape) > 1 else []
            return flat + [nn.Linear(torch.Size(shape).numel(), width)]
        if kind in ("pool:max", "pool:avg"):
            return [self.kind("MaxPool" if kind == "pool:max" else "AvgPool")(kernel, stride)]
        return [self.kind("AdaptiveAvgPool")(1 if kind == "pool:global" else width)]

    def stack(self, layers, shape, inside=False):
        """Modules of layers, and the shapes before each layer and after the last."""
        modules, shapes = [], [shape]
        for i, layer in enumerate(layers):
            if layer[0] == "residual":
                modules.append(Residual(nn.Sequential(*self.stack(layer[1], shape, True)[0])))
                shapes.append(shape)
                continue
            made = self.layer(layer, shape)
            with torch.no_grad():
                shape = tuple(nn.Sequential(*made)(torch.zeros(1, *shape)).shape[1:])
            modules += made
            shapes.append(shape)
            last = i + 1 == len(layers) and not inside and self.of.get("activated_embedding") != "yes"
            if layer[0] in WITH_WEIGHTS and not last:
                modules += self.after(shape, len(shape) > 1)
        return modules, shapes

    def encoder(self):
        modules, shapes = self.stack(self.layers, self.shape)
        return nn.Sequential(*modules, *([nn.Flatten()] if len(shapes[-1]) > 1 else []))

    def decoder(self):
        if "decoder" in self.of:
            widths = [int(width) for width in self.of["decoder"].split(",") if width]
            widths = [int(self.of["embedding"]), *widths, int(self.of["input"])]
            modules = []
            for i, out in enumerate(widths[1:]):
                modules.append(nn.Linear(widths[i], out))
                modules += self.after((out,), False) if i + 2 < len(widths) else []
            return nn.Sequential(*modules, *([nn.Unflatten(1, self.shape)] if len(self.shape) > 1 else []))
        return nn.Sequential(*self.mirror())

    def mirror(self):
        """Each layer that mixes channels, and the pools and depthwise convolutions after it, or before
        the first one, is mirrored by one transposed convolution."""
        shapes = self.stack(self.layers, self.shape)[1]
        shape, end = shapes[-1], len(self.layers)
        modules = [nn.Unflatten(1, shape)] if len(shape) > 1 else []
        kept = [i for i, layer in enumerate(self.layers) if layer[0] != "residual"]
        mixing = [i for i in kept if self.layers[i][0] in ("conv", "conv1d", "dense")]
        while end:
            before = [i for i in mixing if i < end]
            first = before[-1] if before else 0
            word = self.layers[first] if before else (None,)
            dense = word[0] == "dense"
            if not any(i < first for i in kept) or (not dense and len(before) < 2):
                start = 0
            else:
                start = first
            to = shapes[start]
            alone = [i for i in kept if start <= i < end] == [first] and bool(before)
            columns = (torch.Size(to).numel(),)
            modules.append(nn.Linear(shape[0], *columns) if dense else self.transposed(shape, to, word, alone))
            if start:
                modules += self.after(columns if dense else to, not dense and len(to) > 1)
            if dense and len(to) > 1:
                modules.append(nn.Unflatten(1, to))
            shape, end = to, start
        return modules

    def transposed(self, shape, to, word, alone):
        kernels, strides, paddings, rests = [], [], [], []
        for m, n in zip(shape[1:], to[1:]):
            padding = (word[4] if word[0] else 0) + max(0, (m - n + 1) // 2)
            stride = max(1, n // m)
            kernel = n + 2 * padding - (m - 1) * stride
            if alone:
                kernel, stride, padding = word[2:5]
            kernels.append(kernel)
            strides.append(stride)
            paddings.append(padding)
            rests.append(n - ((m - 1) * stride - 2 * padding + kernel))
        return self.kind("ConvTranspose")(shape[0], to[0], kernels, strides, paddings, rests)


def load(path):
    from safetensors import safe_open
    with safe_open(path, "pt") as file:
        builder = Builder(file.metadata())
        tensors = {key: file.get_tensor(key) for key in file.keys()}
    made = builder.encoder(), builder.decoder()
    for name, module in zip(("encoder.", "decoder."), made):
        module.load_state_dict({key[len(name):]: value for key, value in tensors.items()
                                if key.startswith(name)} | {
            key: value for key, value in module.state_dict().items() if key.endswith("num_batches_tracked")})
        module.eval()
    return made
