# SPDX-License-Identifier: Apache-2.0
"""Training from Python: options, progress, and Ctrl-C."""
from __future__ import annotations

import math
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from . import _library
from ._data import Data
from ._library import Context, failure, ffi, flush_warnings, lib
from ._model import Model
from ._options import Options

Report = Callable[[Mapping[str, Any]], None]

_MEASURES = ("step", "steps", "epoch", "epochs", "epoch_end", "loss", "epoch_loss", "spread", "held_out", "accuracy",
             "epoch_accuracy", "learning_rate", "alignment", "uniformity", "effective_rank", "validation",
             "rows_per_second", "seconds")


class Trained(NamedTuple):
    """What a training has come to."""

    model: Model
    history: list[dict[str, Any]]  #: what was measured at the end of each epoch
    interrupted: bool  #: by Ctrl-C: the model is what it had come to


class _Run:
    """What a running training tells."""

    def __init__(self, report: Report | None) -> None:
        self.history: list[dict[str, Any]] = []
        self.report = report
        self.problem: BaseException | None = None
        self.stop = ffi.new("int *", 0)
        self.interrupted = False

    def take(self, step: Any) -> None:
        measures = {name: getattr(step, name) for name in _MEASURES}
        measures = {name: value for name, value in measures.items()
                    if not (isinstance(value, float) and math.isnan(value))}
        if measures["epoch_end"]:
            self.history.append(measures)
        if self.report and self.problem is None:
            try:
                self.report(measures)
            except BaseException as problem:  # an exception ends the run, and is raised when it has ended
                self.problem = problem
                self.stop[0] = 1


@ffi.def_extern()  # type: ignore[untyped-decorator]
def binding_report(step: Any, user: Any) -> None:
    ffi.from_handle(user).take(step)


def _wait(ended: threading.Event, stop: Any) -> bool:
    """Waits for a training on another thread, so that Ctrl-C reaches Python while the library computes, and returns
    whether it has. Drivers put handlers of their own in as they compile: Python's is put back. (A Thread.join() that Ctrl-C interrupts may
    take the thread for ended.)"""
    on_main = threading.current_thread() is threading.main_thread()
    interrupted = False
    while not ended.is_set():
        try:
            if on_main:
                handler = signal.getsignal(signal.SIGINT)
                if handler is not None:
                    signal.signal(signal.SIGINT, handler)
            ended.wait(0.1)
        except KeyboardInterrupt:
            interrupted = True
            stop[0] = 1
    return interrupted


def _train(call: Callable[[Any], int], context: Context, run: _Run) -> Model:
    made = ffi.new("mcl_model **")
    problem: list[BaseException] = []
    ended = threading.Event()

    def work() -> None:
        try:
            with context.lock:
                status = call(made)
                if status not in (lib.MCL_OK, lib.MCL_INTERRUPTED):
                    problem.append(failure(status))
        except BaseException as raised:
            problem.append(raised)
        finally:
            ended.set()

    threading.Thread(target=work, name="maskcl").start()
    run.interrupted = _wait(ended, run.stop)
    flush_warnings()
    if problem:
        raise problem[0]
    model = Model(made[0])
    if run.problem is not None:
        raise run.problem
    return model


def pretrain(data: Data, values: Mapping[str, Any], context: Context, *, report: Report | None = None,
             validation: np.ndarray[Any, Any] | None = None, init: Model | None = None,
             say: Callable[[str], None] | None = None) -> Trained:
    """Trains a new model. values are options by key, None where they are not given."""
    options = Options("pretrain")
    recipe = values.get("recipe")
    if recipe is not None:
        options.set("recipe", recipe)
    if recipe is None or recipe == "auto":
        line = ffi.new("char[256]")
        _library.check(lib.mcl_recipe_fit(line, options.pointer, data.pointer))
        if say:
            say("recipe auto: " + _library.text(line))
    if init is not None:
        _library.check(lib.mcl_pretrain_from(options.pointer, init.pointer))
    options.set_all({key: value for key, value in values.items() if key != "recipe"})
    if all(values.get(key) is None for key in ("views", "mask", "mask_ratio", "mask_patch")):
        lib.binding_take_views(options.pointer)
    options.check_conflicts(values)
    run = _Run(report)
    handle = ffi.new_handle(run)
    labels = ffi.NULL if validation is None else ffi.from_buffer("int32_t[]", validation)
    lib.binding_watch(lib.binding_train_of_pretrain(options.pointer), run.stop, labels, 0, handle)
    model = _train(lambda made: lib.mcl_pretrain(made, context.pointer, data.pointer, options.pointer), context, run)
    return Trained(model, run.history, run.interrupted)


def finetune(model: Model, data: Data, labels: np.ndarray[Any, Any], values: Mapping[str, Any], context: Context, *,
             report: Report | None = None) -> Trained:
    """Trains a copy of the model's encoder and a head for labels, int32, -1 where unknown."""
    options = Options("finetune")
    options.set_all(values)
    options.check_conflicts(values)
    run = _Run(report)
    handle = ffi.new_handle(run)
    lib.binding_watch(lib.binding_train_of_finetune(options.pointer), run.stop, ffi.NULL, 0, handle)
    classes = ffi.from_buffer("int32_t[]", labels)
    tuned = _train(lambda made: lib.mcl_finetune(made, context.pointer, model.pointer, data.pointer, classes,
                                                 options.pointer), context, run)
    return Trained(tuned, run.history, run.interrupted)


def _lines(description: str) -> Report:
    """A line an epoch."""

    def report(measures: Mapping[str, Any]) -> None:
        if measures["epoch_end"]:
            loss = measures.get("epoch_loss", measures["loss"])
            print(f"{description}: epoch {measures['epoch']}/{measures['epochs']}  loss {loss:.6g}", file=sys.stderr)

    return report


def progress(description: str, verbose: bool | None) -> Report | None:
    """A bar of tqdm on a terminal or in a notebook; elsewhere, or without tqdm, lines where they are asked for."""
    if verbose is False:
        return None
    lines = _lines(description) if verbose else None
    if "ipykernel" not in sys.modules and not sys.stderr.isatty():
        return lines
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return lines
    bar: Any = None

    def report(measures: Mapping[str, Any]) -> None:
        nonlocal bar
        if bar is None:
            bar = tqdm(total=measures["epochs"], desc=description, unit="epoch")
        bar.update(measures["epoch"] - bar.n)
        bar.set_postfix({name: f"{measures[name]:.4g}" for name in ("loss", "accuracy", "validation")
                         if name in measures})
        if measures["step"] == measures["steps"]:
            bar.close()

    return report
