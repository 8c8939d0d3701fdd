#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures how fast folders of images are read, beside torchvision's ImageFolder with as many
workers as there are processors:

    tools/bench/folders.py LIBRARY [FOLDER [SIZE]]

LIBRARY is libmaskcl.so. Without a folder, one is made of crops of scikit-learn's two photographs, as
PNG and as JPEG (COUNT=1000 of each). Both readers resize and crop to SIZE (64) and end with all rows
in memory as bytes; each is measured three times in turn, after a first time that is not counted.
Needs numpy, Pillow, torch, torchvision and scikit-learn.
"""
import ctypes
import os
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np
from PIL import Image

OPTIONS_DATA, OPTIONS_VERSION = 3, 1
TIMES = 3
COUNT = int(os.environ.get("COUNT", 1000))


def ours(library, folder, size):
    options = ctypes.create_string_buffer(1024)
    data = ctypes.c_void_p()
    if library.mcl_options_init(options, OPTIONS_DATA, OPTIONS_VERSION):
        raise RuntimeError("another version of mcl_data_options")
    for key, text in (("size", str(size)), ("colors", "rgb")):
        if library.mcl_options_set(options, key.encode(), text.encode()):
            raise RuntimeError(library.mcl_error_message().decode())
    if library.mcl_data_open_with(ctypes.byref(data), str(folder).encode(), options):
        raise RuntimeError(library.mcl_error_message().decode())
    rows = library.mcl_data_rows(data)
    library.mcl_data_free(data)
    return rows


def theirs(folder, size, workers):
    import torch
    from torchvision import datasets, transforms
    images = datasets.ImageFolder(folder, transforms.Compose([
        transforms.Resize(size), transforms.CenterCrop(size), transforms.PILToTensor()]))
    loader = torch.utils.data.DataLoader(images, batch_size=64, num_workers=workers)
    return len(torch.cat([batch for batch, _ in loader]))


def crops(folder, ending, count, side, **options):
    from sklearn.datasets import load_sample_images
    draw = np.random.default_rng(1)
    for number, photograph in enumerate(load_sample_images().images):
        place = folder / str(number)
        place.mkdir(parents=True)
        for i in range(count // 2):
            y = draw.integers(photograph.shape[0] - side)
            x = draw.integers(photograph.shape[1] - side)
            Image.fromarray(photograph[y:y + side, x:x + side]).save(
                place / f"{i:05d}.{ending}", **options)


def measure(library, name, folder, size):
    workers = os.cpu_count()
    rates = {"maskcl": [], "torchvision": []}
    for turn in range(1 + TIMES):
        for reader, read in (("maskcl", lambda: ours(library, folder, size)),
                             ("torchvision", lambda: theirs(folder, size, workers))):
            start = time.perf_counter()
            rows = read()
            if turn:
                rates[reader].append(rows / (time.perf_counter() - start))
    medians = {reader: statistics.median(of) for reader, of in rates.items()}
    print(f"{name:24} {rows:6} images to {size}x{size}, {workers} workers: " +
          ", ".join(f"{reader} {rate:.0f}/s" for reader, rate in medians.items()) +
          f", {medians['maskcl'] / medians['torchvision']:.2f} times as fast", flush=True)


def main():
    library = ctypes.CDLL(sys.argv[1])
    library.mcl_error_message.restype = ctypes.c_char_p
    library.mcl_data_rows.restype = ctypes.c_uint64
    library.mcl_data_rows.argtypes = library.mcl_data_free.argtypes = [ctypes.c_void_p]
    size = int(sys.argv[3]) if len(sys.argv) > 3 else 64
    if len(sys.argv) > 2:
        measure(library, sys.argv[2], sys.argv[2], size)
        return
    with tempfile.TemporaryDirectory() as scratch:
        for name, ending, options in (("PNG", "png", {}), ("JPEG", "jpg", {"quality": 90})):
            folder = pathlib.Path(scratch, name)
            crops(folder, ending, COUNT, 224, **options)
            measure(library, f"{name} 224x224", folder, size)


if __name__ == "__main__":
    main()
