"""What a layer is: its settings, the parameters it needs, and how it becomes Ops."""

import dataclasses
import re
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from fastnn.common import checks, free
from fastnn.common.free import Pattern, Shape
from fastnn.common.settings import field_names, unknown_attribute
from fastnn.initializers import INITIALIZERS, Initializer, described
from fastnn.layers.symbol import Symbol
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Parameter:
    """A parameter that a layer needs: its shape, initial values, penalties and limits.

    Custom layers return these from `parameters`.

    Parameters
    ----------
    shape : tuple of int
        The lengths of its axes, each >= 1.
    initializer : str, callable or float
        A name in `fastnn.initializers`, a function like those there, or the one number that all elements start with.
    fan_in : int, default 1
        Inputs that an output sums over, for initializers that scale by it.
    fan_out : int, default 1
        Outputs that an input reaches, likewise.
    l1, l2 : float, default 0
        Penalties: l1 sum |w| + l2 sum w^2 is added to the loss.
    max_norm : float, optional
        After each update, every w[..., unit] with a larger norm is scaled down to this norm.
    statistic : bool, default False
        Whether the layer itself writes it (a running mean, say), so that it is not trained and has no gradient.

    Raises
    ------
    TypeError, ValueError
        For an invalid shape, an unknown initializer, fans < 1, a negative penalty, and a max_norm that is not positive.

    Examples
    --------
    >>> import fastnn as fnn
    >>> parameter = fnn.Parameter((4, 3), "glorot_uniform", fan_in=4, fan_out=3)
    >>> parameter.shape, parameter.l2
    ((4, 3), 0.0)
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
    """What all layers share: settings, which are fixed but for `trainable`; the parameters belong to the network.

    Called on what `Input` or another layer returned, a layer returns a Symbol for a `Network`. Each call is one more
    place that shares the parameters. For custom layers subclass `PythonLayer` or `Composite`.

    Parameters
    ----------
    name : str, optional
        What the network calls the layer. None makes a name of the class and a number: "dense_0".
    trainable : bool, default True
        Whether the parameters are trained. A change takes effect at the next `compile`.

    Raises
    ------
    TypeError, ValueError
        For a name of other characters than letters, digits, _ and -; when called, for inputs that are not Symbols or
        whose shapes do not fit.
    AttributeError
        Where a setting is changed.

    Examples
    --------
    >>> import fastnn as fnn
    >>> layer = fnn.Dense(3, name="scores")
    >>> layer(fnn.Input((4,)))
    Dense(3) -> (batch, 3)
    >>> layer.trainable = False
    """

    name: str | None = field(default=None, kw_only=True)
    trainable: bool = field(default=True, kw_only=True)

    #: The network that it was last added to, as a weak reference.
    owner: ClassVar[weakref.ref[Any] | None] = None
    #: The version of what the settings mean: files hold it, so that a default or a formula can change.
    version: ClassVar[int] = 1
    #: Whether it does something in training only.
    trains_only: ClassVar[bool] = False
    #: Whether it accepts sequences step by step, and so lengths: steps are independent, or read in order.
    stepwise: ClassVar[bool] = False
    #: Whether its input is a sequence, whatever the shape of its steps.
    reads_steps: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Keeps equality by identity and the repr of a layer, which a plain @dataclass would replace."""
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
            raise AttributeError(f"{self.title()}: {name} cannot be changed; make a new layer")
        elif type(self).__module__.startswith("fastnn."):  # custom layers may have more
            known = field_names(self)
            if name not in known:
                raise unknown_attribute(self, name, known)
        object.__setattr__(self, name, value)

    def __call__(self, x: Symbol | Sequence[Symbol]) -> Symbol:
        return called(self, x)[0]

    def given(self, values: list[Any]) -> Any:
        """What its methods get for these inputs (shapes or Values): the only one. Raises ValueError for several."""
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

    def borrowed(self, inputs: list[Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
        """The parameters that belong to other layers: by its own name the path of each, and the shape that it needs."""
        return {}

    def enter(self, features: Any) -> None:
        """Raises ValueError where the user's data (batch, *features) surely have another layout than expected.

        For several inputs, a list of features.
        """

    def shape_for(self, inputs: list[Any]) -> tuple[int, ...]:
        """The shape of the output for these inputs. Raises TypeError and ValueError where `output` returns no shape."""
        found = self.output(self.given(inputs))
        try:
            return checks.shape("output", found)
        except (TypeError, ValueError) as error:  # its title takes as long as the check
            raise type(error)(f"{self.title()}: {error}") from None

    def shapes_for(self, inputs: list[Any]) -> list[tuple[int, ...]]:
        """The shapes of all outputs: more than one for a network used as a layer."""
        return [self.shape_for(inputs)]

    def using(self, outputs: list[int]) -> Self:
        """The layer where only these of its outputs are used."""
        return self

    def lower_all(self, lowering: Lowering, x: Any, weights: dict[str, Weight], index: int) -> list[Value | None]:
        """As `lower`, for all outputs; None for those that nothing uses."""
        return [self.lower(lowering, x, weights, index)]

    def lower(self, lowering: Lowering, x: Any, weights: dict[str, Weight], index: int) -> Value:
        """Emits the layer's Ops, registers its backward, and returns its output.

        x: a Value, or a list of them. weights: those without a gradient are frozen. index: of its own random numbers.
        """
        raise NotImplementedError(f"{type(self).__name__}.lower is not defined")

    def vocabulary_of(self, source: int) -> int | None:
        """The number of ids, where the input `source` must hold ids; else None."""
        return None

    @property
    def recurrent(self) -> bool:
        """Whether its output at a step depends on earlier steps."""
        return False

    @property
    def remembers(self) -> bool:
        """Whether it reads whole sequences, but can run step by step if it keeps what it needs of earlier steps."""
        return False

    def read_whole(self, count: int) -> set[int]:
        """Those of `count` inputs of which each step needs all: a sequence to attend to, say, or a first state."""
        return set()

    @property
    def deterministic(self) -> bool:
        """Whether two calls on the same inputs give the same output, also in training: one can stand for both."""
        return type(self).__module__.startswith("fastnn.") and not self.trains_only

    @property
    def layers_inside(self) -> "Sequence[Layer]":
        """The layers among its settings."""
        return ()

    @property
    def layer_count(self) -> int:
        """How many layers it is: more than one for a network used as a layer."""
        return 1

    @property
    def nesting(self) -> int:
        """How deeply networks are nested in it."""
        return 0

    @property
    def output_titles(self) -> tuple[str, ...]:
        """The names of its outputs, for a network used as a layer that has several; else one without a name."""
        return ("",)

    @property
    def kind(self) -> str:
        """The name of its class in names and files."""
        return type(self).__name__

    @classmethod
    def upgraded(cls, settings: Mapping[str, Any], version: int) -> dict[str, Any]:
        """The settings of a file, of this version or an earlier one, as they are given now to mean the same."""
        return dict(settings)

    def settings(self) -> dict[str, Any]:
        """The fields, as they go into a file."""
        return {f.name: described(getattr(self, f.name)) for f in dataclasses.fields(self)}

    def title(self) -> str:
        """The layer in error messages: its class and its first setting."""
        first = next((str(getattr(self, f.name)) for f in dataclasses.fields(self) if not f.kw_only), "")
        return f"{self.kind}({first})"

    def __repr__(self) -> str:
        shown = []
        for i, f in enumerate(f for f in dataclasses.fields(self) if not f.kw_only):
            value = getattr(self, f.name)
            if i == 0 and f.default is dataclasses.MISSING:
                shown.append(repr(value))
            elif repr(value) != repr(f.default):  # arrays, say, compare element by element
                shown.append(f"{f.name}={value!r}")
        return f"{self.kind}({', '.join(shown)})"


def called(layer: Layer, x: Any) -> list[Symbol]:
    """The layer's outputs for a symbol, or for a list of them.

    Raises TypeError and ValueError where they do not fit.
    """
    sources = tuple(x) if isinstance(x, (list, tuple)) else (x,)
    for source in sources:
        if not isinstance(source, Symbol):
            raise TypeError(f"{layer.title()}: call it on an Input or on the output of a layer, not {source!r:.60}")
    shapes, at = _shapes(layer, sources)
    kind = type(sources[0])  # which of an input's may have more to them
    first = kind(shapes[0], layer, sources, at=at[0])
    others = [kind(shapes[i], layer, sources, first=first, index=i, at=at[i]) for i in range(1, len(shapes))]
    return [first, *others]


def _shapes(layer: Layer, sources: Sequence[Symbol]) -> tuple[list[Pattern], list[dict[int, Shape] | None]]:
    """The shapes of the outputs, and what those with free axes are at several lengths."""
    if not any(source.at for source in sources):
        found: list[Pattern] = [*layer.shapes_for([source.known for source in sources])]
        return found, [None] * len(found)
    asked = free.answers(layer.shapes_for, [source.known for source in sources])
    each = [dict(zip(asked, shapes, strict=True)) for shapes in zip(*asked.values(), strict=True)]
    patterns = [free.common([*at.values()]) for at in each]
    return patterns, [at if None in pattern else None for at, pattern in zip(each, patterns, strict=True)]


def snake_case(name: str) -> str:
    """Dense -> dense, BatchNorm -> batch_norm, RMSNorm -> rms_norm, PReLU -> prelu, SimpleRNN -> simple_rnn."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z]|RNN)|(?<=[A-Z]{3})(?=[A-Z][a-z])", "_", name).lower()


def expected(layer: Layer, wanted: str, features: tuple[int, ...], advice: str = "") -> ValueError:
    """The error for an input shape that does not fit."""
    got = checks.batch(features)
    return ValueError(f"{layer.title()}: expected input {wanted}, got {got}{advice and '; ' + advice}")
