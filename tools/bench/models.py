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

TEMPERATURE = 0.2
LEARNING_RATE = 1e-3
