"""What the tests of graphs share: networks with skips, shared layers and several outputs, and their float64 twin."""

from collections.abc import Sequence

import numpy as np

import fastnn as fnn
import reference
from fastnn.layers.symbol import Symbol
from fastnn.model.assembly import Assembly
from fastnn.model.subnetwork import Subnetwork

Array = reference.Array
ACTIVATIONS = ("identity", "relu", "sigmoid", "tanh", "softmax", "log_softmax", "gelu", "silu")
ROW_WISE = {"softmax": reference.Softmax, "log_softmax": reference.LogSoftmax}


def activated(x: Array, activation: str) -> Array:
    return ROW_WISE[activation](x) if activation in ROW_WISE else reference.Activation(x, activation)


def twin(net: Assembly, weights: dict[str, Array], x: Sequence[Array]) -> list[Array]:
    """The outputs in float64, by walking the graph."""
    values = list(x)
    for node in net.graph.nodes:
        given = [values[source] for source in node.sources]
        own = {key.removeprefix(f"{node.name}."): w for key, w in weights.items() if key.startswith(f"{node.name}.")}
        layer = node.layer
        if isinstance(layer, Subnetwork):
            y = twin(layer.network, own, given)[0]
        elif isinstance(layer, fnn.Dense):
            y = activated(given[0] @ own["weight"] + own.get("bias", 0), layer.activation)
        elif isinstance(layer, fnn.Activation):
            y = activated(given[0], layer.activation)
        elif isinstance(layer, fnn.Flatten):
            y = given[0].reshape(len(given[0]), -1)
        elif isinstance(layer, fnn.Add):
            y = sum(given[1:], given[0])
        elif isinstance(layer, fnn.Multiply):
            y = np.prod(given, axis=0)
        elif isinstance(layer, fnn.Concatenate):
            y = np.concatenate(given, axis=layer.axis)
        else:
            assert isinstance(layer, fnn.Dropout) and layer.rate == 0
            y = given[0]
        values.append(y)
    return [values[place] for place in net.graph.outputs]


def loss(net: fnn.Network, outputs: Sequence[Array], targets: Sequence[Array]) -> float:
    """The weighted sum of the losses of values, of probabilities, or of their logarithms."""
    total = 0.0
    for head, y, t in zip(net.objectives, outputs, targets, strict=True):
        if head.loss.name == "mse":
            value = ((y - t) ** 2).mean()
        elif head.loss.name == "cross_entropy":
            value = -(t * (y if y.max() <= 0 else np.log(y))).sum(axis=1).mean()
        else:
            value = -(t * np.log(y) + (1 - t) * np.log(1 - y)).mean()
        total += head.weight * float(value)
    return total


def check_gradients(net: fnn.Network, x: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> None:
    """Outputs, loss and the gradients of a training step against the twin and its central differences."""
    weights = {name: view.astype(np.float64) for name, view in net.weights.items()}
    wide, goals = [a.astype(np.float64) for a in x], [t.astype(np.float64) for t in targets]

    def value() -> float:
        return loss(net, twin(net, weights, wide), goals)

    given = x if len(x) > 1 else x[0]
    predicted = net.predict(given)
    outputs = list(predicted.values()) if isinstance(predicted, dict) else [predicted]
    for output, expected in zip(outputs, twin(net, weights, wide), strict=True):
        np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5)
    goal = targets if len(targets) > 1 else targets[0]
    wanted = float(value())
    np.testing.assert_allclose(net.evaluate(given, goal)["loss"], wanted, rtol=1e-4)
    np.testing.assert_allclose(net.train_on_batch(given, goal), wanted, rtol=1e-4)
    for name, view in weights.items():
        slopes = np.empty_like(view)
        for place in np.ndindex(view.shape):
            before = view[place]
            view[place] = before + 1e-6
            above = value()
            view[place] = before - 1e-6
            slopes[place] = (above - value()) / 2e-6
            view[place] = before
        error = np.linalg.norm(net.gradients[name] - slopes)
        assert error <= 3e-4 * np.linalg.norm(slopes) + 1e-6, f"{name}: {error} of {np.linalg.norm(slopes)}"


def random_network(seed: int, width: int = 5) -> fnn.Network:
    """Two inputs, some ten layers that take what was made before, some of them shared, and three outputs.

    Two of the outputs, a softmax and a sigmoid, are also taken by the layer that makes the third.
    """
    rng = np.random.default_rng(seed)
    a, b = fnn.Input((4,), name="left"), fnn.Input((3,), name="right")
    made = [fnn.Dense(width, "relu")(a), fnn.Dense(width, "tanh")(b)]
    shared = [fnn.Dense(width, "tanh", name="twice"), fnn.Activation("sigmoid", name="squash")]

    def drawn() -> Symbol:
        return made[rng.integers(len(made))]

    for _ in range(8):
        kind = rng.integers(7)
        if kind == 0:
            made.append(fnn.Dense(width, str(rng.choice(ACTIVATIONS)))(drawn()))
        elif kind == 1:
            made.append(fnn.Add()([drawn() for _ in range(rng.integers(2, 4))]))
        elif kind == 2:
            product = fnn.Multiply()([drawn() for _ in range(rng.integers(2, 4))])
            made.append(fnn.Activation("tanh")(product))  # or numbers grow until float32 is too coarse
        elif kind == 3:
            made.append(fnn.Dense(width, "relu")(fnn.Concatenate()([drawn(), drawn()])))
        elif kind == 4:
            made.append(fnn.Activation(str(rng.choice(ACTIVATIONS)))(fnn.Flatten()(drawn())))
        else:
            made.append(shared[kind - 5](fnn.Dropout(0.0)(drawn())))
    classes = fnn.Dense(3, "softmax", name="classes")(made[-1])
    flags = fnn.Dense(2, "sigmoid", name="flags")(fnn.Add()(made))
    values = fnn.Dense(2, name="values")(fnn.Concatenate()([flags, classes, made[0]]))
    net = fnn.Network([a, b], [classes, values, flags], seed=seed)
    rng = np.random.default_rng(seed + 300)  # no value is near the kink of a relu
    for name, view in net.weights.items():
        net.weights[name] = 0.5 * rng.standard_normal(view.shape)
    return net


LOSSES = {"classes": "cross_entropy", "flags": "binary_cross_entropy", "values": "mse"}


def data(rows: int = 9, seed: int = 1) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Inputs and targets, as rows, for a random network."""
    rng = np.random.default_rng(seed)
    x = [rng.standard_normal((rows, n)).astype(np.float32) for n in (4, 3)]
    y = [rng.dirichlet(np.ones(3), rows), rng.standard_normal((rows, 2)), rng.random((rows, 2))]
    return x, [t.astype(np.float32) for t in y]
