"""All parameters of a network as one vector, for methods that know nothing of layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnn.data import arrays
from fastnn.model.compiled import Compiled


class Vectors(Compiled):
    """The verbs that read and write all parameters at once."""

    @property
    def parameters(self) -> np.ndarray:
        """The whole block of parameters, 1-D, with zeros between the tensors; a writable view.

        Raises RuntimeError before the network is built, for a part of another one, where there are several blocks, as
        each sub-network has its own, and where a sub-network's block has more than this network's parameters.
        """
        if self.whole is not None:
            raise RuntimeError(
                "parameters: a part has no block of its own; use weights, or the parameters of the whole"
            )
        blocks = list(self.blocks.bases) or [self.blocks.own]
        if len(blocks) > 1:
            raise RuntimeError(
                f"parameters: this network and its sub-networks have {len(blocks)} blocks; use weights, or the "
                "parameters of each sub-network"
            )
        held = set(self.blocks.places.values())
        if any((blocks[0], name) not in held for name in blocks[0].wanted):
            raise RuntimeError(
                "parameters: the block of a sub-network has parameters that this network lacks; use weights, or the "
                "parameters of the whole"
            )
        return blocks[0].values.array

    def vector(self, values: Mapping[str, Any] | None = None) -> np.ndarray:
        """Copy all parameters into one vector, without padding, those of sub-networks and frozen layers too.

        They are in the order of `weights`, each flattened in C order; what has several names there comes once, by its
        first. Running statistics (of BatchNorm) are not among them.

        Parameters
        ----------
        values : dict of str to array, optional
            Other values in the same order, by the names of the parameters: `net.vector(net.gradients)`, or the
            gradients that `gradient` returns. Other names in it are ignored.

        Returns
        -------
        array, float32 (n,)

        Raises
        ------
        RuntimeError
            Before the network is built.
        KeyError
            For a parameter that values lacks.
        TypeError, ValueError
            For values that are not numbers, or of another shape.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile("sgd", "mse")
        >>> net.vector().shape
        (3,)
        >>> _, gradients = net.gradient(np.eye(2), np.ones(2))
        >>> net.set_vector(net.vector() - 0.1 * net.vector(gradients))
        """
        parts = self._parameters()
        if values is not None:
            own, parts = parts, {}
            for name, view in own.items():
                if name not in values:
                    raise KeyError(f"vector: no value for {name!r}")
                parts[name] = arrays.numbers(name, values[name])
                if parts[name].shape != view.shape:
                    raise ValueError(f"{name}: expected shape {view.shape}, got {parts[name].shape}")
        flat = np.empty(sum(part.size for part in parts.values()), np.float32)
        start = 0
        for part in parts.values():
            flat[start : start + part.size] = part.ravel()
            start += part.size
        return flat

    def set_vector(self, vector: Any) -> None:
        """Set all parameters to those in a vector, in the order of `vector`.

        Parameters
        ----------
        vector : array (n,)

        Raises
        ------
        RuntimeError
            Before the network is built.
        TypeError, ValueError
            For anything but n numbers: nothing is changed.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0)
        >>> net.set_vector(np.arange(3))
        >>> net.weights["dense_0.weight"].tolist(), net.weights["dense_0.bias"].tolist()
        ([[0.0], [1.0]], [2.0])
        """
        views, flat = self._parameters(), arrays.numbers("vector", vector)
        size = sum(view.size for view in views.values())
        if flat.shape != (size,):
            raise ValueError(f"vector: expected {size} numbers, one for each parameter, got shape {flat.shape}")
        start = 0
        with self.guard.changing("set_vector", nested=True):
            for view in views.values():
                view[...] = flat[start : start + view.size].reshape(view.shape)
                start += view.size

    def _parameters(self) -> dict[str, np.ndarray]:
        """A view of each parameter, once, by its first name."""
        blocks = self.blocks
        return {name: blocks.weights[name].value.array for name, each in blocks.each.items() if not each.statistic}
