"""Initial weights: a layer's setting initializer, Dense(64, initializer="orthogonal") or Orthogonal(gain=0.01).

Each is a function (rng, shape, fan_in, fan_out) -> float32 array, or an object with settings that is called like one.
fan_in is the number of inputs that an output sums over, fan_out the number of outputs that an input reaches.
"""

from collections.abc import Mapping
from typing import Any

from fastnn.common import checks
from fastnn.common.settings import check_version
from fastnn.initializers.drawn import Constant, Drawn, Normal, Orthogonal, Uniform
from fastnn.initializers.functions import (
    Initializer,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
    ones,
    orthogonal,
    zeros,
)

__all__ = [
    "DRAWN",
    "INITIALIZERS",
    "Constant",
    "Drawn",
    "Initializer",
    "Normal",
    "Orthogonal",
    "Uniform",
    "described",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "named",
    "ones",
    "orthogonal",
    "zeros",
]

INITIALIZERS: dict[str, Initializer] = {
    function.__name__: function
    for function in (
        he_normal,
        he_uniform,
        glorot_normal,
        glorot_uniform,
        lecun_normal,
        lecun_uniform,
        zeros,
        ones,
        orthogonal,
    )
}

#: The initializers with settings that a file may name.
DRAWN: dict[str, type[Drawn]] = {kind.__name__: kind for kind in (Orthogonal, Constant, Normal, Uniform)}


def described(setting: Any) -> Any:
    """A layer's setting as files hold it: an initializer with settings as its class and these."""
    return setting.describe() if isinstance(setting, Drawn) else setting


def named(initializer: str | Initializer | Mapping[str, Any]) -> str | Drawn:
    """An initializer as a layer holds it: its name, if it was given as the function too, or the object with settings.

    A mapping is what `described` made of one. Raises ValueError that lists the known ones, TypeError for a class.
    """
    if isinstance(initializer, Drawn):
        return initializer
    if isinstance(initializer, type):
        kind = initializer.__name__
        raise TypeError(f"initializer must be an object, got the class {kind}: use {kind}()")
    if isinstance(initializer, Mapping):
        drawn = DRAWN[checks.known("initializer", initializer.get("class"), DRAWN)]
        check_version(drawn, initializer)
        return drawn(**initializer["settings"])
    name = getattr(initializer, "__name__", None)
    if name in INITIALIZERS and INITIALIZERS[name] is initializer:
        return str(name)
    return checks.known("initializer", initializer, INITIALIZERS)
