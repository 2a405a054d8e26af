"""The shape of the loss: critical points of XOR's network, and how sharply the loss of a network for digits bends.

`python examples/critical_points.py [--starts N] [--epochs N] [--out FOLDER] [--short]`
First a network of nine parameters: where the gradient of its loss vanishes, which of these points are minima and which
are saddles, and the loss around one of each. Then handwritten digits: while a network learns, the largest eigenvalue of
the Hessian, which bounds the learning rate that gradient descent can use (2 / eigenvalue); and the loss around the
trained network.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

import fastnn as fnn
from fastnn import plot
from fastnn.inspection import CriticalPoint

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def draw(make: Callable[[], object], path: Path) -> None:
    """Saves a figure, if matplotlib is there."""
    try:
        make().savefig(path)  # type: ignore[attr-defined]
        print(f"drawn: {path}")
    except ImportError as error:
        print(f"nothing is drawn: {error}")


def xor(starts: int, steps: int, seed: int, out: Path) -> None:
    """The critical points of the smallest network that can learn XOR."""
    net = fnn.Sequential([fnn.Dense(2, "tanh"), fnn.Dense(1)], input_shape=(2,), seed=seed).compile("adam", "mse")
    print(f"XOR, {sum(view.size for view in net.weights.values())} parameters, {starts} starts")
    points = fnn.inspection.critical_points(net, *XOR, starts, spread=2.0)
    print("      loss  kind              found  falls  flat  rises    |gradient|  largest weight")
    for point in points:
        weight = max(np.abs(value).max() for value in point.weights.values())
        directions = f"{point.negative:5d} {point.flat:5d} {point.positive:6d}"
        print(
            f"{point.loss:10.6f}  {point.kind:16} {point.count:6d} {directions} {point.gradient:13.1e} {weight:15.1f}"
        )
    print(
        "In flat directions eigenvalues are 0 as far as can be told: the loss stays the same (at 0, where four\n"
        "samples leave five of nine parameters free), or falls ever more slowly towards infinite weights.\n"
    )
    draw(lambda: plot.critical_points(points), out / "critical_points.png")
    first: dict[str, CriticalPoint] = {}
    for point in points:
        first.setdefault("saddle" if point.kind == "saddle" else "minimum", point)
    for name, point in first.items():
        for key, value in point.weights.items():
            net.weights[key] = value
        around = fnn.inspection.loss_surface(net, *XOR, span=2.0, steps=steps, directions="eigenvectors")
        title = f"XOR: around a {name}, loss {round(point.loss, 6):g}"
        draw(lambda: plot.loss_surface(around, title), out / f"{name}.png")  # noqa: B023  # drawn at once


def digits(epochs: int, steps: int, seed: int, out: Path) -> None:
    """The largest eigenvalues along the training, and the surface at its end."""
    (x, y), test = fnn.datasets.digits()
    net = fnn.Sequential([fnn.Dense(32, "tanh"), fnn.Dense(10, "softmax")], input_shape=(64,), seed=seed)
    net.compile(fnn.SGD(0.1, momentum=0.9), metrics=["accuracy"])
    print(f"\ndigits, {sum(view.size for view in net.weights.values())} parameters")
    print("epoch      loss  accuracy   the eigenvalues of the Hessian of largest magnitude")
    for epoch in range(epochs + 1):
        if epoch:
            net.fit(x, y, epochs=1, verbose=0)
        largest = "".join(f"{value:8.3f}" for value in fnn.inspection.eigenvalues(net, x, y, k=5))
        accuracy = net.evaluate(*test)["accuracy"]
        print(f"{epoch:5d} {net.evaluate(x, y)['loss']:9.4f} {accuracy:9.4f} {largest}", flush=True)
    surface = fnn.inspection.loss_surface(net, x, y, steps=steps)
    draw(lambda: plot.loss_surface(surface, "digits: around the trained network"), out / "digits.png")


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=200, help="of the search for critical points")
    parser.add_argument("--epochs", type=int, default=10, help="of the training on digits")
    parser.add_argument("--out", default="critical_points", metavar="FOLDER", help="where figures are put")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    starts, epochs, steps = (20, 2, 7) if options.short else (options.starts, options.epochs, 41)
    out = Path(options.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        xor(starts, steps, options.seed, out)
        digits(epochs, steps, options.seed, out)
    except (OSError, ValueError) as error:
        raise SystemExit(f"critical_points.py: {error}") from None


if __name__ == "__main__":
    main()
