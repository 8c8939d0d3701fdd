# SPDX-License-Identifier: Apache-2.0
"""PyTorch on the work that bench_step and bench_embed measure; see serve.py."""

import argparse
import gzip

import torch
from torch import nn
from torch.nn import functional as F

import models
from serve import serve


def encoder(widths):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def cosine(first, second):
    target = torch.ones(len(first), device=first.device)
    return F.cosine_embedding_loss(first, second, target)


def nt_xent(first, second):
    views = F.normalize(torch.cat([first, second]))
    similarity = views @ views.T / models.TEMPERATURE
    similarity = similarity.masked_fill(
        torch.eye(len(views), dtype=torch.bool, device=views.device), float("-inf"))
    positive = torch.arange(len(views), device=views.device).roll(len(first))
    return F.cross_entropy(similarity, positive)


def batches(rows, batch, device):
    """Runs of a new permutation every epoch, without end."""
    while True:
        order = torch.randperm(rows, device=device)
        for first in range(0, rows - batch + 1, batch):
            yield order[first:first + batch]


def train(options, device):
    model = models.MODELS[options.model]
    network = encoder(model.widths).to(device)
    objective = {"cosine": cosine, "nt-xent": nt_xent}[model.objective]
    optimizer = torch.optim.Adam(
        network.parameters(), lr=models.LEARNING_RATE, fused=options.fused or None)
    data = torch.randn(model.rows, model.widths[0], device=device)

    def loss_of(rows):
        mask = torch.rand_like(rows)
        if options.joined:
            first, second = network(torch.cat([rows * mask, rows * (1 - mask)])).chunk(2)
        else:
            first, second = network(rows * mask), network(rows * (1 - mask))
        return objective(first, second)

    if options.compile:
        loss_of = torch.compile(loss_of)
    order = batches(model.rows, options.batch, device)

    def run():
        loss = loss_of(data[next(order)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return options.batch

    return run


def embed(options, device):
    with gzip.open(options.data) as file:
        images = torch.frombuffer(bytearray(file.read()[16:]), dtype=torch.uint8)
    images = images.view(-1, models.MODELS["reference"].widths[0])
    network = encoder(models.MODELS["reference"].widths).to(device)

    def run():
        with torch.inference_mode():
            torch.cat([network(part.to(device).float().div_(255)).cpu()
                       for part in images.split(options.batch)])
        return len(images)

    return run


def convolutions():
    """models.CONVOLUTIONS"""
    return nn.Sequential(
        nn.Conv2d(1, 64, 5, 2, 2), nn.BatchNorm2d(64), nn.ReLU(),
        nn.Conv2d(64, 128, 3, 2, 1), nn.BatchNorm2d(128), nn.ReLU(),
        nn.AdaptiveAvgPool2d(3), nn.Flatten())


def images_of(options):
    with gzip.open(options.data) as file:
        pixels = torch.frombuffer(bytearray(file.read()[16:]), dtype=torch.uint8)
    return pixels.view(-1, 1, 28, 28)


def order_of(options):
    return torch.channels_last if options.channels_last else torch.contiguous_format


def train_images(options, device):
    network = convolutions().to(device, memory_format=order_of(options))
    optimizer = torch.optim.Adam(network.parameters(), lr=models.LEARNING_RATE, fused=True)
    data = images_of(options).to(device)
    order = batches(len(data), options.batch, device)

    def run():
        rows = data[next(order)].float().div_(255).contiguous(memory_format=order_of(options))
        mask = torch.rand_like(rows)
        first, second = network(torch.cat([rows * mask, rows * (1 - mask)])).chunk(2)
        loss = nt_xent(first, second)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return options.batch

    return run


def embed_images(options, device):
    network = convolutions().to(device, memory_format=order_of(options)).eval()
    images = images_of(options)

    def run():
        with torch.inference_mode():
            torch.cat([network(part.to(device).float().div_(255).contiguous(
                memory_format=order_of(options))).cpu() for part in images.split(options.batch)])
        return len(images)

    return run


def convolve(options, device):
    """One convolution and both of its gradients."""
    channels, filters = options.channels, options.filters

    def values(*shape):
        return torch.randn(*shape, device=device).contiguous(memory_format=order_of(options))

    x = values(options.rows, channels, options.size, options.size)
    weights = values(filters, channels, options.kernel, options.kernel)
    bias = torch.randn(filters, device=device)
    sides = [options.stride] * 2, [options.padding] * 2, [1, 1]
    gradient = torch.randn_like(F.conv2d(x, weights, bias, *sides))

    def run():
        with torch.inference_mode():
            F.conv2d(x, weights, bias, *sides)
            torch.ops.aten.convolution_backward(gradient, x, weights, [filters], *sides, False,
                                                [0, 0], 1, [True, True, True])
        return options.rows

    return run


def choose(options, device):
    if options.images:
        return train_images(options, device)
    if options.embed_images:
        return embed_images(options, device)
    if options.convolution:
        return convolve(options, device)
    return embed(options, device) if options.data else train(options, device)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=models.MODELS)
    parser.add_argument("--data", help="embed the images of this IDX file")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cuda", action="store_true")
    parser.add_argument("--joined", action="store_true", help="both views in one matrix")
    parser.add_argument("--fused", action="store_true", help="Adam's fused form")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--images", action="store_true", help="steps of models.CONVOLUTIONS")
    parser.add_argument("--embed-images", action="store_true", help="embed by models.CONVOLUTIONS")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--convolution", action="store_true", help="one, of these sizes:")
    for name in "size", "channels", "filters", "kernel", "stride", "padding", "rows":
        parser.add_argument(f"--{name}", type=int)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    device = torch.device("cuda" if options.cuda else "cpu")
    serve(choose(options, device), torch.cuda.synchronize if options.cuda else lambda: None)


if __name__ == "__main__":
    main()
