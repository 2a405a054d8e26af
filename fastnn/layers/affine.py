"""What layers with a weight, a bias and an activation have in common."""

from typing import Any

from fastnn import initializers
from fastnn.common import checks
from fastnn.layers.activation import known_activation
from fastnn.layers.base import Parameter

#: The initializer before an activation: by He et al. where about half of the inputs pass, for selu by Klambauer et al.
_INITIALIZERS = {
    **dict.fromkeys(
        ("relu", "relu6", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "mish", "hard_swish"), "he_normal"
    ),
    "selu": "lecun_normal",
}


def check(layer: Any) -> None:
    """Checks the settings of a layer's weights, and keeps them in their plain form. activation None is identity.

    Raises ValueError and TypeError that name the layer's class and the setting.
    """
    kind = layer.kind
    activation = "identity" if layer.activation is None else layer.activation
    object.__setattr__(layer, "activation", known_activation(activation))
    checks.flag(f"{kind}: bias", layer.bias)
    if layer.initializer is not None:
        object.__setattr__(layer, "initializer", initializers.named(layer.initializer))
    for name in ("l1", "l2"):
        object.__setattr__(layer, name, checks.real(f"{kind}: {name}", getattr(layer, name), least=0))


def parameters(layer: Any, shape: tuple[int, ...], fan_in: int, fan_out: int, units: int) -> dict[str, Parameter]:
    """A weight of that shape, drawn to suit the activation, and a bias. Raises ValueError for a huge one."""
    if max(fan_in, fan_out) > checks.MOST:
        checks.shape(f"{layer.title()}: the weight", shape)
    initializer = layer.initializer or _INITIALIZERS.get(layer.activation, "glorot_uniform")
    wanted = {"weight": Parameter(shape, initializer, fan_in, fan_out, layer.l1, layer.l2)}
    if layer.bias:
        wanted["bias"] = Parameter((units,), "zeros")
    return wanted
