# SPDX-License-Identifier: Apache-2.0
"""tinygrad on the work that bench_step measures; see serve.py. DEV=CL chooses its OpenCL backend,
which takes the loader's first platform."""

import argparse

import numpy as np
from tinygrad import Context, Device, Tensor, TinyJit, nn

import models
from serve import serve

STEPS = 8  # between two looks at the clock


class Encoder:
    def __init__(self, widths):
        self.layers = [nn.Linear(inputs, outputs) for inputs, outputs in zip(widths, widths[1:])]

    def __call__(self, x):
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x)


def cosine(first, second):
    """As PyTorch's cosine_embedding_loss with target 1."""
    dot = (first * second).sum(1)
    squares = ((first * first).sum(1) + 1e-12) * ((second * second).sum(1) + 1e-12)
    return (1 - dot * squares.rsqrt()).mean()


def train(options):
    model = models.MODELS[options.model]
    network = Encoder(model.widths)
    optimizer = nn.optim.Adam(nn.state.get_parameters(network), lr=models.LEARNING_RATE)
    generator = np.random.default_rng(0)
    values = generator.standard_normal((model.rows, model.widths[0]), dtype=np.float32)
    data = Tensor(values).realize()

    @TinyJit
    def step(batch):
        rows = data[batch] if options.gather == "device" else batch
        mask = Tensor.rand(*rows.shape)
        if options.joined:
            views = network((rows * mask).cat(rows * (1 - mask)))
            first, second = views[:options.batch], views[options.batch:]
        else:
            first, second = network(rows * mask), network(rows * (1 - mask))
        loss = cosine(first, second)
        optimizer.zero_grad()
        loss.backward()
        return loss.realize(*optimizer.schedule_step())

    def batches():
        while True:
            order = generator.permutation(model.rows).astype(np.int32)
            for first in range(0, model.rows - options.batch + 1, options.batch):
                yield order[first:first + options.batch]

    order = batches()

    def run():
        for _ in range(STEPS):
            indices = next(order)
            step(Tensor(indices if options.gather == "device" else values[indices]).realize())
        Device[Device.DEFAULT].synchronize()
        return STEPS * options.batch

    return run


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=models.MODELS, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--joined", action="store_true", help="both views in one matrix")
    parser.add_argument("--gather", choices=["device", "host"], default="device")
    with Context(TRAINING=1):
        serve(train(parser.parse_args()), lambda: None)


if __name__ == "__main__":
    main()
