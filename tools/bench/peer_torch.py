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
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    device = torch.device("cuda" if options.cuda else "cpu")
    run = embed(options, device) if options.data else train(options, device)
    serve(run, torch.cuda.synchronize if options.cuda else lambda: None)


if __name__ == "__main__":
    main()
