# SPDX-License-Identifier: Apache-2.0
# Written by python/generate.py from the library's table of options; not to be edited.
# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np


class PretrainParameters:
    """The options of pre-training and of reading data.

    Parameters, all by keyword; None leaves an option to its default, or to the recipe::

        recipe : str, default: auto
            set the options marked * to a named set, which the others then change, wherever they stand;
            see 'maskcl help recipes'. auto takes one that suits the data, and their number; what is
            shown of the others is recipe default's
        encoder : str | float, default: dense
            the encoder: dense, of `hidden` and `embedding`; conv or resnet9, of images; or layers in
            words, as conv:64x5/2,pool:max,dense:256; see 'maskcl help images'
        hidden : int | Sequence[int] | str, default: 128
            widths of the hidden layers of a dense encoder, joined by commas, or 'none'
        embedding : int, default: 64
            width of an embedding of a dense encoder
        activation : Literal["none", "relu", "gelu", "tanh"], default: relu
            what follows every layer but the last
        normalization : Literal["none", "batch", "layer", "group"], default: none
            what comes before every activation: batch normalization, whose running statistics the
            trained model uses, layer normalization, or group normalization of 8 groups
        embedding_layer : Literal["linear", "activated"], default: linear
            whether normalization and activation follow the encoder's last layer too
        decoder : int | Sequence[int] | str, default: mirror
            the hidden layers of the decoder: the encoder's the other way round, convolutions
            transposed, or widths of dense layers joined by commas, or 'none'
        projector : int | Sequence[int] | str, default: none
            widths of the layers of a projector after the embedding, joined by commas, or 'none': the
            objectives that compare views are on its output
        predictor : int | Sequence[int] | str, default: none
            widths of the layers of the predictor that some objectives have, joined by commas, without
            its last, which is as wide as what it predicts; or 'none'
        filters : Literal["random", "patches", "kmeans"], default: random
            what the filters of the encoder's first layer begin with, a convolution: numbers drawn from
            the seed, whitened patches of the data, or what k-means makes of them
        filter_deviation : str | float, default: 0.05
            patches that vary less are no filters
        filter_whitening : str | float, default: 0.1
            what is added to the eigenvalues of the patches' covariance by which they are whitened
        filter_threshold : float, default: 0.25
            what is subtracted from a filter's response, before the activation
        filter_sides : Literal["one", "two"], default: one
            two: half of the filters are the negatives of the others
        views : str | float, default: mask:bernoulli:0.5:complement
            how the two views of a row are made, wholly: parts joined by commas, as in
            affine:0.2,flip,mask:bernoulli:0.5; see 'maskcl help views', a command that draws them.
            Without it and the masks' options, some objectives have the views of their papers
        mask : Literal["uniform", "bernoulli", "block", "none"], default: bernoulli
            how a row is split in two views: by one uniform number an element, by a draw of 0 or 1 an
            element, or by a draw of 0 or 1 a patch of an image; or not
        mask_ratio : float, default: 0.5
            part of the elements or patches that the first view keeps
        mask_patch : int, default: 4
            side of a block mask's patch, or as in 2-8 the least and the largest of a side that is drawn
            for each row
        objective : str | float, default: nt-xent+reconstruction:10
            what is trained for, or several joined by +, with weights as in nt-xent:1+reconstruction:10;
            see 'maskcl help objectives'
        holdout : float, default: none
            keep about this part of the rows, such as 0.1, out of training, drawn from the seed by their
            numbers, and measure the loss on them after every epoch, with the same views each time;
            `early_stop` then goes by that loss
        keep_best : bool, default: no
            the model is the one after the epoch with the least loss on those rows, not the last one
        dropout : float, default: 0
            part of each hidden layer of the encoder that a training step sets to 0
        optimizer : Literal["adam", "adamw", "sgd", "lars", "lamb"], default: adam
            as PyTorch's of the same name; lars and lamb, for very large batches, are sgd and adam with
            a step for every weight matrix that is in proportion to its norm, and leave biases without
            decay; lars, whose trust coefficient is 0.001, needs a `learning_rate` given, such as 0.3
            for each 256 rows of a batch
        learning_rate : float, default: 0.001
            learning rate
        weight_decay : float, default: 0.01 for adamw and lamb, 1e-6 for lars, else 0
            weight decay
        momentum : float, default: 0.9 for lars, else 0
            momentum of sgd and lars
        beta1 : float, default: 0.9
            decay of the mean of the gradients, of adam, adamw and lamb
        beta2 : float, default: 0.999
            decay of the mean of their squares
        epsilon : float, default: 1e-6 for lamb, else 1e-8
            added to the root of that mean, by which a step is divided
        schedule : Literal["constant", "cosine", "step"], default: constant
            how the learning rate goes on from `learning_rate`: it stays; it falls by half a cosine, to
            `final_learning_rate` at the end of the run; or it is multiplied by `learning_rate_gamma`
            every `learning_rate_step_epochs` epochs
        warmup : str | float, default: 0
            epochs, whole or not, in which the learning rate first rises from 0 to `learning_rate`, by
            the same amount a step; or that part of the run's, as 10%
        final_learning_rate : float, default: 0
            what the schedule cosine ends with
        learning_rate_step_epochs : int, default: none: it must be given
            epochs that the schedule step keeps a rate for
        learning_rate_gamma : float, default: 0.1
            what the schedule step multiplies the rate by
        clip_norm : float, default: none
            scale the gradient of all parameters down to this norm where its own is larger
        freeze : str | float, default: none
            the encoder's first so many layers keep the parameters that they begin with, such as filters
            from the data or those of a trained model
        ema : float, default: none
            save the exponential moving average of the weights over the steps, with this decay a step,
            such as 0.999, in place of the last weights; after t steps the decay is at most (1 + t)/(10
            + t), so that short runs are averaged over their last tenth
        batch : int | str, default: at most 256
            rows a step; 'at most N' takes all rows where there are fewer
        epochs : int, default: 10
            passes over the data; pretrain takes 0, too: the encoder as it begins
        early_stop : int, default: never
            end when the mean loss of an epoch has not been below the least one so far for so many
            epochs; the model is the one after the last epoch
        negatives : int, default: 0
            of cosine: compare each row's first view with the second views of K other rows of the batch
            too, which are to be apart; 0 for none
        margin : float, default: 0
            of cosine: of the negatives: the cosine up to which they are far enough apart
        temperature : float, default: 0.2 for nt-xent, 1 for scarf, 0.07 for moco
            of nt-xent, scarf and moco: what their cosines are divided by
        reconstruct : Literal["all", "hidden"], default: all
            of reconstruction: rebuild all elements of a row, or only those that a view hides
        reconstruction_loss : Literal["mse", "bce"], default: mse
            of reconstruction: squared error, and for a table's categories cross-entropy; or binary
            cross-entropy of every value, for those from 0 to 1
        target_decay : float, default: 0.996 for byol, 0.999 for moco
            of byol and moco: of the moving average of the weights, a step, that the target network has
        queue : int, default: 4096
            of moco: keys of the steps before that a view is told from; each step adds two for every row
            of the batch
        sigreg_weight : float, default: 0.05
            of sigreg: the part of the loss that asks for a normal distribution; the rest of it, 1 - L,
            is the distance of a row's views
        directions : int, default: 256
            of sigreg: random directions, drawn anew each step, in which the distribution is looked at
        categorical : Sequence[str] | str, default: those that are not numbers
            columns that are categories, whatever they look like: names joined by commas
        numeric : Sequence[str] | str, default: those that are numbers
            columns that are numbers, whatever they look like
        ignore : Sequence[str] | str, default: none
            columns that are no inputs
        standardize : Literal["auto", "columns", "center", "none"], default: auto
            whether numbers become (x - mean) / deviation: each column by its own two (columns), by its
            own mean and the deviation of all together (center), or not; auto is columns for a table,
            and for an array whose columns differ much
        size : int, default: those of the first image
            height and width that images get: resized, and cropped to a square
        colors : Literal["auto", "grey", "rgb"], default: auto
            whether images become grey or have three channels; auto is as the first one
        background : str | float, default: white
            what shows where images are transparent: a colour or a grey, in hexadecimal
        channels : Literal["auto", "last", "first"], default: auto
            the order of an array's dimensions: rows of height x width x channels (last) or of channels
            x height x width (first)
        strict : bool, default: no
            refuse a damaged file among many; without it, it is left out with a warning
        host_memory : str | float, default: half of what is free
            how much of the host's memory rows may take, in bytes or with K, M, G or T as in 2G; more
            rows are read in blocks while the device computes, which changes no bit of the result
        device : str | int, default: none
            an index, `PLATFORM:DEVICE`, a part of a name, or `gpu`, `cpu`, `accelerator`; None takes
            MASKCL_DEVICE or the best
        platform : str | int, default: none
            an index or a part of a name
        gemm : str, default: none
            `auto`, `clblast`, `native`: who computes matrix products
        device_memory : int | str, default: none
            bytes of device memory that may be used, or as in '512M'
        reproducible : bool, default: no
            refuse a device whose bits are not those of every other one
        random_state : int | np.random.RandomState, default: drawn anew by every fit
            the seed of everything that is drawn; equal seeds give equal bits
        verbose : bool, default: where a terminal or a notebook shows it
            show progress (tqdm)
    """

    _pretrain_options = ("recipe", "encoder", "hidden", "embedding", "activation", "normalization", "embedding_layer", "decoder", "projector", "predictor", "filters", "filter_deviation", "filter_whitening", "filter_threshold", "filter_sides", "views", "mask", "mask_ratio", "mask_patch", "objective", "holdout", "keep_best", "dropout", "optimizer", "learning_rate", "weight_decay", "momentum", "beta1", "beta2", "epsilon", "schedule", "warmup", "final_learning_rate", "learning_rate_step_epochs", "learning_rate_gamma", "clip_norm", "freeze", "ema", "batch", "epochs", "early_stop", "negatives", "margin", "temperature", "reconstruct", "reconstruction_loss", "target_decay", "queue", "sigreg_weight", "directions",)
    _data_options = ("categorical", "numeric", "ignore", "standardize", "size", "colors", "background", "channels", "strict", "host_memory",)

    def __init__(
        self,
        *,
        recipe: str | None = "auto",
        encoder: str | float | None = None,
        hidden: int | Sequence[int] | str | None = None,
        embedding: int | None = None,
        activation: Literal["none", "relu", "gelu", "tanh"] | None = None,
        normalization: Literal["none", "batch", "layer", "group"] | None = None,
        embedding_layer: Literal["linear", "activated"] | None = None,
        decoder: int | Sequence[int] | str | None = None,
        projector: int | Sequence[int] | str | None = None,
        predictor: int | Sequence[int] | str | None = None,
        filters: Literal["random", "patches", "kmeans"] | None = None,
        filter_deviation: str | float | None = None,
        filter_whitening: str | float | None = None,
        filter_threshold: float | None = None,
        filter_sides: Literal["one", "two"] | None = None,
        views: str | float | None = None,
        mask: Literal["uniform", "bernoulli", "block", "none"] | None = None,
        mask_ratio: float | None = None,
        mask_patch: int | None = None,
        objective: str | float | None = None,
        holdout: float | None = None,
        keep_best: bool | None = None,
        dropout: float | None = None,
        optimizer: Literal["adam", "adamw", "sgd", "lars", "lamb"] | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        momentum: float | None = None,
        beta1: float | None = None,
        beta2: float | None = None,
        epsilon: float | None = None,
        schedule: Literal["constant", "cosine", "step"] | None = None,
        warmup: str | float | None = None,
        final_learning_rate: float | None = None,
        learning_rate_step_epochs: int | None = None,
        learning_rate_gamma: float | None = None,
        clip_norm: float | None = None,
        freeze: str | float | None = None,
        ema: float | None = None,
        batch: int | str | None = None,
        epochs: int | None = None,
        early_stop: int | None = None,
        negatives: int | None = None,
        margin: float | None = None,
        temperature: float | None = None,
        reconstruct: Literal["all", "hidden"] | None = None,
        reconstruction_loss: Literal["mse", "bce"] | None = None,
        target_decay: float | None = None,
        queue: int | None = None,
        sigreg_weight: float | None = None,
        directions: int | None = None,
        categorical: Sequence[str] | str | None = None,
        numeric: Sequence[str] | str | None = None,
        ignore: Sequence[str] | str | None = None,
        standardize: Literal["auto", "columns", "center", "none"] | None = None,
        size: int | None = None,
        colors: Literal["auto", "grey", "rgb"] | None = None,
        background: str | float | None = None,
        channels: Literal["auto", "last", "first"] | None = None,
        strict: bool | None = None,
        host_memory: str | float | None = None,
        device: str | int | None = None,
        platform: str | int | None = None,
        gemm: str | None = None,
        device_memory: int | str | None = None,
        reproducible: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | None = None,
    ) -> None:
        self.recipe = recipe
        self.encoder = encoder
        self.hidden = hidden
        self.embedding = embedding
        self.activation = activation
        self.normalization = normalization
        self.embedding_layer = embedding_layer
        self.decoder = decoder
        self.projector = projector
        self.predictor = predictor
        self.filters = filters
        self.filter_deviation = filter_deviation
        self.filter_whitening = filter_whitening
        self.filter_threshold = filter_threshold
        self.filter_sides = filter_sides
        self.views = views
        self.mask = mask
        self.mask_ratio = mask_ratio
        self.mask_patch = mask_patch
        self.objective = objective
        self.holdout = holdout
        self.keep_best = keep_best
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.momentum = momentum
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.schedule = schedule
        self.warmup = warmup
        self.final_learning_rate = final_learning_rate
        self.learning_rate_step_epochs = learning_rate_step_epochs
        self.learning_rate_gamma = learning_rate_gamma
        self.clip_norm = clip_norm
        self.freeze = freeze
        self.ema = ema
        self.batch = batch
        self.epochs = epochs
        self.early_stop = early_stop
        self.negatives = negatives
        self.margin = margin
        self.temperature = temperature
        self.reconstruct = reconstruct
        self.reconstruction_loss = reconstruction_loss
        self.target_decay = target_decay
        self.queue = queue
        self.sigreg_weight = sigreg_weight
        self.directions = directions
        self.categorical = categorical
        self.numeric = numeric
        self.ignore = ignore
        self.standardize = standardize
        self.size = size
        self.colors = colors
        self.background = background
        self.channels = channels
        self.strict = strict
        self.host_memory = host_memory
        self.device = device
        self.platform = platform
        self.gemm = gemm
        self.device_memory = device_memory
        self.reproducible = reproducible
        self.random_state = random_state
        self.verbose = verbose


class FinetuneParameters:
    """The options of fine-tuning and of reading data.

    Parameters, all by keyword; None leaves an option to its default, or to the recipe::

        encoder : Any, default: a new one
            what it begins with
        labels_per_class : int, default: all rows
            train on N labelled rows of each class alone, drawn at random from the seed
        from_scratch : bool, default: no
            begin with new parameters drawn from the seed: the model gives its widths alone
        dropout : float, default: 0
            part of each hidden layer of the encoder that a training step sets to 0
        optimizer : Literal["adam", "adamw", "sgd", "lars", "lamb"], default: adamw
            as PyTorch's of the same name; lars and lamb, for very large batches, are sgd and adam with
            a step for every weight matrix that is in proportion to its norm, and leave biases without
            decay; lars, whose trust coefficient is 0.001, needs a `learning_rate` given, such as 0.3
            for each 256 rows of a batch
        learning_rate : float, default: 0.001
            learning rate
        weight_decay : float, default: 0.01 for adamw and lamb, 1e-6 for lars, else 0
            weight decay
        momentum : float, default: 0.9 for lars, else 0
            momentum of sgd and lars
        beta1 : float, default: 0.9
            decay of the mean of the gradients, of adam, adamw and lamb
        beta2 : float, default: 0.999
            decay of the mean of their squares
        epsilon : float, default: 1e-6 for lamb, else 1e-8
            added to the root of that mean, by which a step is divided
        schedule : Literal["constant", "cosine", "step"], default: cosine
            how the learning rate goes on from `learning_rate`: it stays; it falls by half a cosine, to
            `final_learning_rate` at the end of the run; or it is multiplied by `learning_rate_gamma`
            every `learning_rate_step_epochs` epochs
        warmup : str | float, default: 0
            epochs, whole or not, in which the learning rate first rises from 0 to `learning_rate`, by
            the same amount a step; or that part of the run's, as 10%
        final_learning_rate : float, default: 0
            what the schedule cosine ends with
        learning_rate_step_epochs : int, default: none: it must be given
            epochs that the schedule step keeps a rate for
        learning_rate_gamma : float, default: 0.1
            what the schedule step multiplies the rate by
        clip_norm : float, default: none
            scale the gradient of all parameters down to this norm where its own is larger
        freeze : str | float, default: none
            the encoder's first so many layers keep the parameters that they begin with, such as filters
            from the data or those of a trained model
        ema : float, default: none
            save the exponential moving average of the weights over the steps, with this decay a step,
            such as 0.999, in place of the last weights; after t steps the decay is at most (1 + t)/(10
            + t), so that short runs are averaged over their last tenth
        batch : int | str, default: at most 32
            rows a step; 'at most N' takes all rows where there are fewer
        epochs : int, default: 20
            passes over the data; pretrain takes 0, too: the encoder as it begins
        early_stop : int, default: never
            end when the mean loss of an epoch has not been below the least one so far for so many
            epochs; the model is the one after the last epoch
        categorical : Sequence[str] | str, default: those that are not numbers
            columns that are categories, whatever they look like: names joined by commas
        numeric : Sequence[str] | str, default: those that are numbers
            columns that are numbers, whatever they look like
        ignore : Sequence[str] | str, default: none
            columns that are no inputs
        standardize : Literal["auto", "columns", "center", "none"], default: auto
            whether numbers become (x - mean) / deviation: each column by its own two (columns), by its
            own mean and the deviation of all together (center), or not; auto is columns for a table,
            and for an array whose columns differ much
        size : int, default: those of the first image
            height and width that images get: resized, and cropped to a square
        colors : Literal["auto", "grey", "rgb"], default: auto
            whether images become grey or have three channels; auto is as the first one
        background : str | float, default: white
            what shows where images are transparent: a colour or a grey, in hexadecimal
        channels : Literal["auto", "last", "first"], default: auto
            the order of an array's dimensions: rows of height x width x channels (last) or of channels
            x height x width (first)
        strict : bool, default: no
            refuse a damaged file among many; without it, it is left out with a warning
        host_memory : str | float, default: half of what is free
            how much of the host's memory rows may take, in bytes or with K, M, G or T as in 2G; more
            rows are read in blocks while the device computes, which changes no bit of the result
        device : str | int, default: none
            an index, `PLATFORM:DEVICE`, a part of a name, or `gpu`, `cpu`, `accelerator`; None takes
            MASKCL_DEVICE or the best
        platform : str | int, default: none
            an index or a part of a name
        gemm : str, default: none
            `auto`, `clblast`, `native`: who computes matrix products
        device_memory : int | str, default: none
            bytes of device memory that may be used, or as in '512M'
        reproducible : bool, default: no
            refuse a device whose bits are not those of every other one
        random_state : int | np.random.RandomState, default: drawn anew by every fit
            the seed of everything that is drawn; equal seeds give equal bits
        verbose : bool, default: where a terminal or a notebook shows it
            show progress (tqdm)
    """

    _finetune_options = ("labels_per_class", "from_scratch", "dropout", "optimizer", "learning_rate", "weight_decay", "momentum", "beta1", "beta2", "epsilon", "schedule", "warmup", "final_learning_rate", "learning_rate_step_epochs", "learning_rate_gamma", "clip_norm", "freeze", "ema", "batch", "epochs", "early_stop",)
    _data_options = ("categorical", "numeric", "ignore", "standardize", "size", "colors", "background", "channels", "strict", "host_memory",)

    def __init__(
        self,
        *,
        encoder: Any = None,
        labels_per_class: int | None = None,
        from_scratch: bool | None = None,
        dropout: float | None = None,
        optimizer: Literal["adam", "adamw", "sgd", "lars", "lamb"] | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        momentum: float | None = None,
        beta1: float | None = None,
        beta2: float | None = None,
        epsilon: float | None = None,
        schedule: Literal["constant", "cosine", "step"] | None = None,
        warmup: str | float | None = None,
        final_learning_rate: float | None = None,
        learning_rate_step_epochs: int | None = None,
        learning_rate_gamma: float | None = None,
        clip_norm: float | None = None,
        freeze: str | float | None = None,
        ema: float | None = None,
        batch: int | str | None = None,
        epochs: int | None = None,
        early_stop: int | None = None,
        categorical: Sequence[str] | str | None = None,
        numeric: Sequence[str] | str | None = None,
        ignore: Sequence[str] | str | None = None,
        standardize: Literal["auto", "columns", "center", "none"] | None = None,
        size: int | None = None,
        colors: Literal["auto", "grey", "rgb"] | None = None,
        background: str | float | None = None,
        channels: Literal["auto", "last", "first"] | None = None,
        strict: bool | None = None,
        host_memory: str | float | None = None,
        device: str | int | None = None,
        platform: str | int | None = None,
        gemm: str | None = None,
        device_memory: int | str | None = None,
        reproducible: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | None = None,
    ) -> None:
        self.encoder = encoder
        self.labels_per_class = labels_per_class
        self.from_scratch = from_scratch
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.momentum = momentum
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.schedule = schedule
        self.warmup = warmup
        self.final_learning_rate = final_learning_rate
        self.learning_rate_step_epochs = learning_rate_step_epochs
        self.learning_rate_gamma = learning_rate_gamma
        self.clip_norm = clip_norm
        self.freeze = freeze
        self.ema = ema
        self.batch = batch
        self.epochs = epochs
        self.early_stop = early_stop
        self.categorical = categorical
        self.numeric = numeric
        self.ignore = ignore
        self.standardize = standardize
        self.size = size
        self.colors = colors
        self.background = background
        self.channels = channels
        self.strict = strict
        self.host_memory = host_memory
        self.device = device
        self.platform = platform
        self.gemm = gemm
        self.device_memory = device_memory
        self.reproducible = reproducible
        self.random_state = random_state
        self.verbose = verbose
