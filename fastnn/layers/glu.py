"""Gated linear units."""

from dataclasses import dataclass

from fastnn.layers.activation import Activation, known_activation
from fastnn.layers.base import expected
from fastnn.layers.composite import Compound
from fastnn.layers.graph import Graph
from fastnn.layers.input import Input
from fastnn.layers.merge import Multiply
from fastnn.layers.slice import Slice


@dataclass(eq=False, repr=False)
class GLU(Compound):
    """y = a activation(b), elementwise, with a and b the first and the second half of x along the last axis.

    x is (batch, ..., 2 n), y (batch, ..., n). After a Dense layer of 2 n units it is a gated one: with "sigmoid" GLU,
    with "silu" SwiGLU, with "gelu" GEGLU.

    Parameters
    ----------
    activation : str or function, default "sigmoid"
        One of `fastnn.activations`, or its name.

    Raises
    ------
    ValueError
        For an unknown activation; when called, for an odd number of features.

    References
    ----------
    Y. N. Dauphin, A. Fan, M. Auli and D. Grangier, "Language Modeling with Gated Convolutional Networks", ICML 2017,
    eq. 1; N. Shazeer, "GLU Variants Improve Transformer", arXiv:2002.05202, 2020, eq. 5.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.Sequential([fnn.GLU("relu")]).predict(np.array([[2.0, 3.0, 5.0, -1.0]]))
    array([[10.,  0.]], dtype=float32)
    """

    activation: str = "sigmoid"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "activation", known_activation(self.activation))

    def graph(self, features: list[tuple[int, ...]]) -> Graph:
        half, rest = divmod(features[0][-1], 2)
        if rest:
            raise expected(self, "of an even number of features", features[0])
        x = Input(features[0])
        return Graph.between([x], [Multiply()([Slice(0, half)(x), Activation(self.activation)(Slice(half)(x))])])
