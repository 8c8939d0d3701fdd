# SPDX-License-Identifier: Apache-2.0
"""The models that steps are measured with, for every program that takes part."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    widths: tuple  # of the input, the hidden layers, the embedding
    objective: str
    rows: int  # of the data set

    @property
    def step_flops_per_row(self):
        """Floating-point operations of a step's matrix products for each row of a batch: two
        views, forward and the gradient by the weights in every layer, the gradient by the input
        in all but the first; a product of two numbers and its sum count as two."""
        flops = 0
        for layer, (inputs, outputs) in enumerate(zip(self.widths, self.widths[1:])):
            flops += 2 * 2 * inputs * outputs * (2 if layer == 0 else 3)
        return flops


MODELS = {
    "reference": Model((784, 128, 64), "cosine", 60000),
    "wide": Model((784, 1024, 512, 256), "nt-xent", 8192),
}

# Of images of 28 × 28, each with batch normalization and ReLU, and what comes of it.
CONVOLUTIONS = "conv:64x5/2,conv:128x3/2,pool:grid:3"

# Sides, rows of a batch.
SINGLE_CONVOLUTIONS = [
    {"size": size, "channels": channels, "filters": filters, "kernel": 3, "stride": stride,
     "padding": 1, "rows": rows}
    for size, channels, filters, stride, rows in (
        (14, 64, 64, 1, 256), (7, 128, 128, 1, 256), (32, 3, 64, 1, 128), (14, 64, 128, 2, 256))]

TEMPERATURE = 0.2
LEARNING_RATE = 1e-3
