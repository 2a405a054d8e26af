"""Losses: how a network's output is compared with its target. Each is also a function of arrays.

    loss, dy = fnn.losses.mse(y, t)                # the value, and the gradient with respect to y
    net.compile(loss="huber")                      # by name, with default settings
    net.compile(loss=fnn.losses.Huber(delta=2.0))  # with settings
    net.compile(loss=function)                     # your own: function(y, t) -> (loss, dy), in NumPy

y and t are (batch, ...), of the same shape; dy is float32 and has the shape of y. Called on arrays, cross_entropy,
kl_divergence, ctc, binary_cross_entropy, focal and dice expect logits: the input of the softmax or the sigmoid, which
is part of the loss. In a network either works: the loss is fused with a final softmax or sigmoid, and the outputs of a
linear layer are the logits. Losses with a logarithm are in nats; divided by log(2) they are in bits.

A loss is a mean over rows or over all elements. cross_entropy, kl_divergence and cosine compare the last axis, so that
the rows of feature maps (batch, height, width, channels) are their positions; those of dice and ctc are whole samples.
With weights, the sum is divided by the sum of the weights, so that only their proportions matter, whatever their size;
a batch whose weights are all 0 has loss 0 and gradient 0, and a row of weight 0 is ignored, even if it is not finite.
Where all weights are 0, the means of `fit` and `evaluate` are NaN.
"""

from collections.abc import Mapping
from typing import Any

from fastnn.common import checks
from fastnn.common.settings import check_version
from fastnn.losses.base import Loss
from fastnn.losses.ctc import CTC
from fastnn.losses.dice import Dice
from fastnn.losses.elementwise import (
    BinaryCrossEntropy,
    Focal,
    Hinge,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
)
from fastnn.losses.gaussian import Gaussian
from fastnn.losses.joint import Joint
from fastnn.losses.own import Function, Own
from fastnn.losses.policy import GaussianPolicyGradient, PolicyGradient
from fastnn.losses.rows import Cosine, CrossEntropy, KLDivergence
from fastnn.losses.target import Target

__all__ = [
    "CTC",
    "LOSSES",
    "BinaryCrossEntropy",
    "Cosine",
    "CrossEntropy",
    "Dice",
    "Focal",
    "Function",
    "Gaussian",
    "GaussianPolicyGradient",
    "Hinge",
    "Huber",
    "Joint",
    "KLDivergence",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Own",
    "Poisson",
    "PolicyGradient",
    "Target",
    "binary_cross_entropy",
    "cosine",
    "cross_entropy",
    "ctc",
    "dice",
    "focal",
    "gaussian",
    "gaussian_policy_gradient",
    "hinge",
    "huber",
    "kl_divergence",
    "mae",
    "mse",
    "poisson",
    "policy_gradient",
]

mse = MeanSquaredError()
mae = MeanAbsoluteError()
huber = Huber()
cross_entropy = CrossEntropy()
binary_cross_entropy = BinaryCrossEntropy()
hinge = Hinge()
poisson = Poisson()
kl_divergence = KLDivergence()
focal = Focal()
cosine = Cosine()
dice = Dice()
ctc = CTC()
gaussian = Gaussian()
policy_gradient = PolicyGradient()
gaussian_policy_gradient = GaussianPolicyGradient()

#: The losses by name.
LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        *(mse, mae, huber, cross_entropy, binary_cross_entropy, hinge, poisson, kl_divergence, focal, cosine, dice),
        *(ctc, gaussian, policy_gradient, gaussian_policy_gradient),
    )
}


def resolve(loss: Loss | str | Function) -> Loss:
    """The loss of that name, a Loss as it is, or a function as a loss.

    Raises ValueError that lists the known names, TypeError for a class.
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, type):
        raise TypeError(f"loss must be an object, got the class {loss.__name__}: use {loss.__name__}()")
    if callable(loss):
        return Own(loss)
    return LOSSES[checks.known("loss", loss, LOSSES)]


def describe(loss: Loss) -> dict[str, Any]:
    """The loss in the form that files hold: its settings, or the name of the user's function."""
    if isinstance(loss, Joint):
        return {"own": loss.name, "joint": {"targets": dict(loss.targets or {}), "parts": list(loss.parts)}}
    if isinstance(loss, Own):
        return {"own": loss.name} | ({} if loss.target == "output" else {"target": loss.target})
    return {"name": loss.name, "version": loss.version, "settings": loss.settings()}


def restore(entry: Any, custom: Mapping[str, Any]) -> Loss:
    """The loss that `describe` described; files of 0.1 hold the name alone where all settings are the defaults.

    custom: the user's functions by name. Raises ValueError for an unknown loss or a later version.
    """
    if isinstance(entry, str):
        return resolve(entry)
    if "own" in entry:
        if entry["own"] not in custom:
            raise ValueError(
                f"the loss {entry['own']!r} is a custom function: pass it in load(path, losses={{name: function}})"
            )
        target = entry.get("target", "output")
        given = custom[entry["own"]]
        if "joint" in entry:
            targets = {name: tuple(shape) if shape else None for name, shape in entry["joint"]["targets"].items()}
            return Joint(given, targets, entry["joint"]["parts"])
        return resolve(given) if target == "output" else Own(given, tuple(target) if target else None)
    checks.names("loss", entry, ("name", "version", "settings"), some=True)
    kind = type(resolve(entry["name"]))
    check_version(kind, entry)
    return kind(**entry["settings"])
