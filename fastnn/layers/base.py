"""What a layer is: its settings, the parameters it wants, and how it becomes Ops."""

import dataclasses
import re
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fastnn.common import checks
from fastnn.common.settings import field_names, unknown_attribute
from fastnn.initializers import INITIALIZERS, Initializer
from fastnn.layers.symbol import Symbol
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Parameter:
    """A parameter that a layer wants: its shape, initializer, fans and limits.

    initializer: a name in `fastnn.initializers`, a function like those there, or the number that all are. fan_in,
    fan_out: inputs that an output sums over, and outputs that an input reaches. The loss grows by l1 sum |w| +
    l2 sum w^2; after an update, w[..., unit] is scaled down to the norm max_norm. statistic: it is not trained, but
    written by the layer itself (a running mean), without gradient and slots. Raises TypeError and ValueError for a
    shape that is none, an unknown initializer, fans < 1, a negative penalty, and a max_norm that is not positive.
    """

    shape: tuple[int, ...]
    initializer: str | float | Initializer
    fan_in: int = 1
    fan_out: int = 1
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float | None = None
    statistic: bool = False

    def __post_init__(self) -> None:
        self.shape = checks.lengths("Parameter: shape", self.shape)
        if isinstance(self.initializer, str):
            checks.known("initializer", self.initializer, INITIALIZERS)
        elif not callable(self.initializer):
            checks.real("Parameter: initializer", self.initializer, least=-checks.LARGEST)
        checks.integer("Parameter: fan_in", self.fan_in)
        checks.integer("Parameter: fan_out", self.fan_out)
        checks.real("Parameter: l1", self.l1, least=0)
        checks.real("Parameter: l2", self.l2, least=0)
        if self.max_norm is not None:
            checks.real("Parameter: max_norm", self.max_norm, least=checks.SMALLEST)


@dataclass(eq=False, repr=False)
class Layer:
    """Settings of a layer, which never change but for `trainable`; the parameters belong to the network.

    Called on an `Input`, or on what another layer returned, it gives a symbol for a `Network`; each call is one more
    place that shares the parameters.
    name: what the network calls it; None takes the class in snake case and a number. trainable: whether its parameters
    are trained; a change counts from the next compile on.
    """

    name: str | None = field(default=None, kw_only=True)
    trainable: bool = field(default=True, kw_only=True)

    #: The network that it was last put into, weakly.
    owner: ClassVar[weakref.ref[Any] | None] = None
    #: Of what the settings mean: files hold it, so that a default or a formula may change one day.
    version: ClassVar[int] = 1
    #: Whether it does nothing but in training.
    trains_only: ClassVar[bool] = False
    #: Whether it takes sequences by steps as well, and so lengths: nothing goes from one step to another, or in order.
    stepwise: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Layers are the same only if they are one, and look alike: a plain @dataclass leaves these as they are."""
        for name, method in (("__eq__", object.__eq__), ("__hash__", object.__hash__), ("__repr__", Layer.__repr__)):
            if getattr(cls, name) is method and name not in vars(cls):
                setattr(cls, name, method)

    def __post_init__(self) -> None:
        if self.name is not None:
            checks.name("a layer", self.name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "trainable":
            checks.flag("trainable", value)
        elif name in self.__dict__:  # networks were built for it
            raise AttributeError(f"{self.title()}: {name} never changes; make a new layer")
        elif type(self).__module__.startswith("fastnn."):  # classes of the user's may have more
            known = field_names(self)
            if name not in known:
                raise unknown_attribute(self, name, known)
        object.__setattr__(self, name, value)

    def __call__(self, x: Symbol | Sequence[Symbol]) -> Symbol:
        return called(self, x)

    def given(self, values: list[Any]) -> Any:
        """What its methods take of these inputs (shapes or Values): the only one. Raises ValueError for more."""
        if len(values) != 1:
            raise ValueError(f"{self.title()}: takes one input, got {len(values)}")
        return values[0]

    def parameters(self, features: Any) -> dict[str, Parameter]:
        """The parameters for inputs (batch, *features), by name; for a layer of several inputs, a list of features."""
        return {}

    def output(self, features: Any) -> tuple[int, ...]:
        """The shape of the output, without the batch. Raises ValueError for an input that does not fit."""
        shape: tuple[int, ...] = features
        return shape

    def wanted(self, inputs: list[Any]) -> dict[str, Parameter]:
        """The parameters for inputs of these shapes. Raises TypeError where `parameters` returns no dict of them."""
        found = self.parameters(self.given(inputs))
        if not isinstance(found, dict) or not all(
            isinstance(name, str) and isinstance(each, Parameter) for name, each in found.items()
        ):
            raise TypeError(f"{self.title()}: parameters must return a dict of Parameter by name, got {found!r:.60}")
        return found

    def enter(self, features: Any) -> None:
        """Raises ValueError where data (batch, *features) of the user's are surely not meant as the layer takes them.

        Of several inputs, a list of features.
        """

    def shape_for(self, inputs: list[Any]) -> tuple[int, ...]:
        """The shape of the output for inputs of these. Raises TypeError and ValueError where `output` returns none."""
        return checks.shape(f"{self.title()}: output", self.output(self.given(inputs)))

    def lower(self, lowering: Lowering, x: Any, weights: dict[str, Weight], index: int) -> Value:
        """Emits the layer's Ops, registers its backward, and returns its output.

        x: a Value, or a list of them. weights: those without a gradient are frozen. index: of its own random numbers.
        """
        raise NotImplementedError(f"{type(self).__name__}.lower")

    def vocabulary_of(self, source: int) -> int | None:
        """How many ids there are, where the input `source` is to hold such; else None."""
        return None

    @property
    def recurrent(self) -> bool:
        """Whether what it gives at a step depends on the steps before."""
        return False

    @property
    def layer_count(self) -> int:
        """How many layers it is: more than one for a network in the place of a layer."""
        return 1

    @property
    def nesting(self) -> int:
        """How many networks are inside each other in it."""
        return 0

    @property
    def kind(self) -> str:
        """Its class, as names and files say it."""
        return type(self).__name__

    def settings(self) -> dict[str, Any]:
        """The fields, as they go into a file."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def title(self) -> str:
        """What errors call the layer: its class and its first setting."""
        first = next((str(getattr(self, f.name)) for f in dataclasses.fields(self) if not f.kw_only), "")
        return f"{self.kind}({first})"

    def __repr__(self) -> str:
        shown = []
        for i, f in enumerate(f for f in dataclasses.fields(self) if not f.kw_only):
            value = getattr(self, f.name)
            if i == 0 and f.default is dataclasses.MISSING:
                shown.append(repr(value))
            elif repr(value) != repr(f.default):  # arrays, say, are not equal or different as a whole
                shown.append(f"{f.name}={value!r}")
        return f"{self.kind}({', '.join(shown)})"


def called(layer: Layer, x: Any) -> Symbol:
    """The layer's output for a symbol, or for a list of them. Raises TypeError and ValueError where it cannot be."""
    sources = tuple(x) if isinstance(x, (list, tuple)) else (x,)
    for source in sources:
        if not isinstance(source, Symbol):
            raise TypeError(f"{layer.title()}: call it on an Input, or on what a layer returned, not {source!r:.60}")
    return Symbol(layer.shape_for([source.shape for source in sources]), layer, sources)


def snake_case(name: str) -> str:
    """Dense -> dense, BatchNorm -> batch_norm, PReLU -> prelu, SimpleRNN -> simple_rnn."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z]|RNN)", "_", name).lower()


def expected(layer: Layer, wanted: str, features: tuple[int, ...], advice: str = "") -> ValueError:
    """The error for an input shape that does not fit."""
    got = checks.batch(features)
    return ValueError(f"{layer.title()}: expected input {wanted}, got {got}{advice and '; ' + advice}")
