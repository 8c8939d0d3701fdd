# SPDX-License-Identifier: Apache-2.0
"""What the study runs: groups of runs that differ in one thing each."""

import dataclasses

FASHION = "Fashion-MNIST"

# What every ablation starts from: a small budget, so that the whole study takes hours and not days,
# and a rate at which every objective and every kind of view learns; see the group rate.
BASE = {
    "hidden": "1024", "embedding": "1024", "normalization": "batch",
    "embedding-layer": "activated", "projector": "256,128",
    "views": "affine,mask:bernoulli:0.5:complement", "objective": "nt-xent",
    "optimizer": "adamw", "lr": "0.001", "schedule": "cosine", "warmup": "0.3",
    "batch": "512", "epochs": "3",
}
SHORT = {"hidden": "64", "embedding": "64", "projector": "32", "batch": "64"}

# The same for tables.
TABULAR_BASE = {
    "hidden": "256", "embedding": "256", "normalization": "batch",
    "embedding-layer": "activated", "optimizer": "adamw", "lr": "0.001",
    "schedule": "cosine", "warmup": "10", "batch": "128", "epochs": "100",
}
TABLES = ["digits", "breast cancer", "wine"]
PEERS = ["logistic regression", "gradient boosting"]

# Options that the untrained encoder depends on.
LAYERS = ["hidden", "embedding", "activation", "normalization", "embedding-layer"]

# A head has no sense without an objective that compares views.
NO_HEAD = {"projector": None}


@dataclasses.dataclass(frozen=True)
class Run:
    """One row of a table. measure is what follows pretrain: 'probe', 'finetune', or, without
    pretrain, 'peer' (a method of scikit-learn)."""
    group: str
    name: str
    options: dict
    measure: str = "probe"
    data: str = FASHION
    layer: str = ""   # of the probe; '': the embedding
    folds: int = 0    # of the data's cross-validation; 0: the data has a test set


def ablation(group, name, changes, base=BASE, **more):
    """The base with other values; None takes an option out."""
    options = {key: value for key, value in {**base, **changes}.items() if value is not None}
    return Run(group, name, options, **more)


def views(group, name, parts, **changes):
    return ablation(group, name, {"views": parts, **changes})


def recipes(program):
    """Those for images; tabular() has the one for tables, and auto is one of the others."""
    return [Run("recipes", name, {"recipe": name}) for name in program.recipes
            if name not in ("auto", "tabular")]


def finetune(program):
    names = [name for name in ("few-labels", "recommended") if name in program.recipes]
    return [Run("finetune", name, {"recipe": name}, measure="finetune") for name in names]


def variants(program):
    """Recipes for images with the other loss of reconstruction."""
    other = {"auto": "bce", "mse": "bce", "bce": "mse"}  # auto is mse
    runs = []
    for name in "recommended", "fast":
        loss = program.recipes.get(name, {}).get("reconstruction-loss")
        if loss:
            runs.append(Run("variants", f"{name}, {other[loss]}",
                            {"recipe": name, "reconstruction-loss": other[loss]}))
    return runs


def objectives(program):
    corrupted = {"views": "corrupt:0.6:one"}
    runs = [
        ("nt-xent", {}),
        ("nt-xent", {"objective": "nt-xent+reconstruction:10"}),
        ("reconstruction", {"objective": "reconstruction", **NO_HEAD}),
        ("reconstruction, hidden elements",
         {"objective": "reconstruction", "reconstruct": "hidden", **NO_HEAD}),
        ("reconstruction, bce",
         {"objective": "reconstruction", "reconstruction-loss": "bce", **NO_HEAD}),
        ("vicreg", {"objective": "vicreg"}),
        ("barlow", {"objective": "barlow"}),
        ("moco", {"objective": "moco"}),
        ("byol", {"objective": "byol", "predictor": "256"}),
        ("simsiam", {"objective": "simsiam", "predictor": "64"}),
        ("cosine", {"objective": "cosine"}),
        ("cosine, 8 negatives", {"objective": "cosine", "negatives": "8", "margin": "0.2"}),
        ("scarf, corrupted", {"objective": "scarf", **corrupted}),
        ("vime, corrupted", {"objective": "vime", "views": "corrupt:0.3:one", **NO_HEAD}),
    ]
    result = []
    for name, changes in runs:
        kind = name.split(",")[0]
        if "+" in changes.get("objective", ""):
            name = changes["objective"]
        if kind in program.objectives:
            result.append(ablation("objectives", name, changes))
    return result


def mask(program):
    """Whether the mask helps over augmentation alone, and whether the complement is a good second
    view: the same shifts and turns with and without, compared by the objective and rebuilt by it."""
    runs = [
        views("mask", "no mask", "affine"),
        views("mask", "complement, 0.5", "affine,mask:bernoulli:0.5:complement"),
        views("mask", "complement, 0.25", "affine,mask:bernoulli:0.25:complement"),
        views("mask", "independent, 0.25", "affine,mask:bernoulli:0.25:independent"),
        views("mask", "independent, 0.5", "affine,mask:bernoulli:0.5:independent"),
        views("mask", "independent, 0.75", "affine,mask:bernoulli:0.75:independent"),
        views("mask", "against whole, 0.25", "affine,mask:bernoulli:0.25:whole"),
        views("mask", "against whole, 0.5", "affine,mask:bernoulli:0.5:whole"),
        views("mask", "against whole, 0.75", "affine,mask:bernoulli:0.75:whole"),
        views("mask", "uniform, complement", "affine,mask:uniform:complement"),
        views("mask", "uniform, independent", "affine,mask:uniform:independent"),
        views("mask", "block, complement, 0.5", "affine,mask:block:0.5:complement"),
        views("mask", "block, independent, 0.75", "affine,mask:block:0.75:independent"),
        views("mask", "mask alone, complement, 0.5", "mask:bernoulli:0.5:complement"),
        views("mask", "mask alone, independent, 0.5", "mask:bernoulli:0.5:independent"),
    ]
    rebuild = {"objective": "reconstruction", **NO_HEAD}
    return runs + [
        views("mask", "reconstruction, no mask", "affine", **rebuild),
        views("mask", "reconstruction, complement, 0.5", "affine,mask:bernoulli:0.5:complement",
              **rebuild),
        views("mask", "reconstruction, independent, 0.5", "affine,mask:bernoulli:0.5:independent",
              **rebuild),
        views("mask", "reconstruction, independent, 0.75",
              "affine,mask:bernoulli:0.75:independent", **rebuild),
    ]


def augmentation(program):
    """What is done besides the mask, the same in all."""
    last = "mask:bernoulli:0.5:complement"
    parts = ["shift", "affine", "flip", "brightness", "noise", "corrupt:0.2", "affine,flip",
             "affine,flip,brightness,noise"]
    return [views("augmentation", "none", last)] + [
        views("augmentation", name, f"{name},{last}") for name in parts]


def width(program):
    widths = {"512": ("none", "512"), "1024": ("none", "1024"), "2048": ("none", "2048"),
              "1024-1024": ("1024", "1024"), "2048-1024": ("2048", "1024")}
    return [ablation("width", name, {"hidden": hidden, "embedding": embedding})
            for name, (hidden, embedding) in widths.items()]


def normalization(program):
    return [ablation("normalization", name, {"normalization": name})
            for name in ("none", "batch", "layer")]


def rate(program):
    """Views that are shifted, scaled and turned want a lower rate than those that are masked only."""
    rates = ["0.001", "0.003", "0.006"]
    alone = {"views": "mask:bernoulli:0.5:complement"}
    runs = [ablation("rate", f"nt-xent, affine and mask, {lr}", {"lr": lr}) for lr in rates]
    runs += [ablation("rate", f"nt-xent, mask alone, {lr}", {**alone, "lr": lr}) for lr in rates]
    if "fast" in program.recipes:
        own = program.recipes["fast"]["lr"]
        runs += [Run("rate", f"recipe fast, {lr}",
                     {"recipe": "fast", **({} if lr == own else {"lr": lr})}) for lr in rates]
    return runs


def epochs(program):
    return [ablation("epochs", count, {"epochs": count, "warmup": str(float(count) / 10)})
            for count in ("2", "3", "4", "8", "16")]


def layer(program):
    """The base's layers, of one and the same model."""
    if not program.probes_layers:
        return []
    names = ["1, hidden", "2, embedding", "3, projector", "4, its output"]
    return [ablation("layer", name, {}, layer=name.split(",")[0]) for name in names]


def tabular(program):
    corrupted = {"views": "corrupt:0.6:one"}
    ways = [
        ("scarf", {"objective": "scarf", **corrupted, "projector": "256,256"}),
        ("vime", {"objective": "vime", "views": "corrupt:0.3:one"}),
    ]
    runs = []
    for table in TABLES:
        runs += [Run("tabular", peer, {"method": peer}, measure="peer", data=table, folds=5)
                 for peer in PEERS]
        if "tabular" in program.recipes:
            runs.append(Run("tabular", "recipe tabular", {"recipe": "tabular"}, data=table,
                            folds=5))
        runs += [ablation("tabular", name, changes, base=TABULAR_BASE, data=table, folds=5)
                 for name, changes in ways if name in program.objectives]
    return runs


GROUPS = {function.__name__: function for function in (
    recipes, finetune, variants, objectives, mask, augmentation, width, normalization, rate,
    epochs, layer, tabular)}


def resolved(run, program):
    """All options of the recipe that the run starts from, changed by its own."""
    return {**program.recipes[run.options.get("recipe", "default")], **run.options}


def scaled(run, program, factor):
    """The run with another number of epochs."""
    if factor == 1 or run.measure == "peer":
        return run
    options = dict(run.options)
    options["epochs"] = str(max(1, round(factor * int(resolved(run, program)["epochs"]))))
    if "warmup" in options:
        options["warmup"] = format(factor * float(options["warmup"]), "g")
    return dataclasses.replace(run, options=options)


def shortened(run, program):
    """The run in seconds."""
    if run.measure == "peer":
        return dataclasses.replace(run, folds=2)
    options = dict(run.options)
    known = resolved(run, program)
    options.update({key: value for key, value in SHORT.items() if known[key] != "none"})
    if run.group == "width":
        options["embedding"] = str(int(run.options["embedding"]) // 16)
    options.update(epochs=run.options["epochs"] if run.group == "epochs" else "1", warmup="0")
    return dataclasses.replace(run, options=options, folds=2 if run.folds else 0)


def few_of_each(runs):
    """A run of each group, two of some, and of each table in it one of each kind of measurement."""
    counts = {}
    result = []
    for run in runs:
        kind = (run.group, run.data, run.measure if run.folds else "")
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] <= (2 if run.group in ("recipes", "mask", "epochs") else 1):
            result.append(run)
    return result


def plan(program, short, epochs_scale):
    runs = [run for group in GROUPS.values() for run in group(program)]
    # A recipe is fine-tuned right after its probe, while its model is there.
    order = list(program.recipes)
    runs.sort(key=lambda run: order.index(run.options["recipe"])
              if run.group in ("recipes", "finetune") else len(order))
    if short:
        return [shortened(run, program) for run in few_of_each(runs)]
    return [scaled(run, program, epochs_scale) for run in runs]
