# SPDX-License-Identifier: Apache-2.0
"""Masked contrastive self-supervised pre-training on OpenCL.

    from maskcl import MaskedContrastiveEncoder
    embeddings = MaskedContrastiveEncoder(random_state=0).fit_transform(frame)
"""
from typing import TYPE_CHECKING, Any

from ._devices import Device, devices
from ._library import DeviceError, MaskclError, MaskclWarning
from ._library import lib as _lib
from ._library import text as _text
from ._model import Model, load

__version__ = _text(_lib.mcl_version())
__all__ = ["Device", "DeviceError", "MaskclError", "MaskclWarning", "MaskedContrastiveClassifier",
           "MaskedContrastiveEncoder", "Model", "devices", "load"]

if TYPE_CHECKING:
    from ._estimators import MaskedContrastiveClassifier, MaskedContrastiveEncoder


def __getattr__(name: str) -> Any:
    """The estimators, which need scikit-learn, when they are first asked for."""
    if name not in ("MaskedContrastiveClassifier", "MaskedContrastiveEncoder"):
        raise AttributeError(f"module 'maskcl' has no attribute {name!r}")
    try:
        from . import _estimators
    except ModuleNotFoundError as error:
        if error.name != "sklearn":
            raise
        raise ImportError(f"maskcl.{name} needs scikit-learn: pip install scikit-learn") from error
    return getattr(_estimators, name)
