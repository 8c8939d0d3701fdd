# SPDX-License-Identifier: Apache-2.0
"""What is wanted: ratios to peers at least, seconds and megabytes at most. A pair has what is
wanted with AVX2, and of other devices."""

TARGETS = {
    # Training steps and embedding, against PyTorch as published, its best form, and others.
    "step-32 published": 4.5, "step-32 best": 4,
    "step-256 published": 2.5, "step-256 best": 2.5,
    "step-256 compile": 2.3, "step-256 tinygrad": 6,
    "step-1024 published": 1.7, "step-1024 best": 1.7, "step-1024 tinygrad": 6,
    "wide-512 published": 1.25, "wide-512 best": 1.25,
    "embed": (1.4, 2),
    "share": 0.78,
    "convolutions": 1.2, "convolutions embed": 1.2,
    # The linear probe against scikit-learn, until the objective is within 1e-5 of its minimum.
    "probe": 3,
    # Beside a busy loop on one processor, against the quiet rate.
    "beside": 0.7,
    # Data of four times --device-memory; measures while training; rows of large data sets.
    "stream": 0.87, "watch": 0.98,
    # Products against OpenBLAS.
    "products": 0.97, "product": 0.85, "square": 0.95,
    # CLBlast's products tuned, against the same before.
    "tune": 4,
    # A run of one step, seconds; memory beyond the data, MB.
    "cold": (3, 2), "warm": 0.15,
    "memory": 150,
}


def target(key, instructions):
    """The bound of a key, by the instructions of the processor (Machine.instructions)."""
    wanted = TARGETS.get(key)
    if isinstance(wanted, tuple):
        return wanted[0] if instructions == "AVX2" else wanted[1]
    return wanted
