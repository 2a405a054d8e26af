"""The vanishing and the exploding gradient, made visible: a simple recurrent network and an LSTM on the adding problem.

`python examples/gradients_over_time.py [--steps N] [--updates N] [--out FILE.png] [--short]`
Each network adds two numbers that are marked among many, one in the first half of the steps. Before and after the
training: how much its loss depends on each step of the input, as a table and a plot. A network learns nothing from
steps whose gradient has vanished; one whose recurrent weights are too large has a gradient that grows instead.
"""

import argparse

import numpy as np

import fastnn as fnn
from fastnn import plot

BATCH = 64
#: The layers, each with the learning rate of Adam.
LAYERS: dict[str, tuple[type[fnn.SimpleRNN | fnn.LSTM], float]] = {
    "SimpleRNN": (fnn.SimpleRNN, 1e-3),
    "LSTM": (fnn.LSTM, 1e-2),
}
#: What the recurrent weights are multiplied by to make the gradient explode.
FACTOR = 2


def network(name: str, steps: int, seed: int) -> fnn.Network:
    """One recurrent layer, and a dense layer that reads the sum off its last state."""
    layer, rate = LAYERS[name]
    net = fnn.Sequential([layer(64), fnn.Dense(1)], input_shape=(steps, 2), seed=seed)
    return net.compile(fnn.Adam(rate, clip_norm=1.0), "mse")


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100, help="of a sequence")
    parser.add_argument("--updates", type=int, default=1000, help="of the training")
    parser.add_argument("--out", default="gradients_over_time.png", metavar="FILE", help="the file of the plot")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    steps, updates = (60, 10) if options.short else (options.steps, options.updates)

    x, y = fnn.datasets.adding_problem(BATCH * updates, steps, options.seed)
    xt, yt = fnn.datasets.adding_problem(500, steps, options.seed + 1)
    norms, errors = {}, {}

    def look(name: str, net: fnn.Network) -> None:
        norms[name] = fnn.inspection.gradient_over_time(net, xt, yt)
        errors[name] = net.evaluate(xt, yt)["loss"]

    for name in LAYERS:
        net = network(name, steps, options.seed)
        look(f"{name}, untrained", net)
        net.fit(x, y, BATCH)
        look(f"{name}, trained", net)
    net = network("SimpleRNN", steps, options.seed)
    net.weights["simple_rnn_0.recurrent_weight"] *= FACTOR
    look(f"SimpleRNN, weights x {FACTOR}", net)

    places = np.linspace(0, steps - 1, 5).round().astype(int)
    print("the norm of the loss's gradient at steps of the input, and the mean squared error (of the mean: 0.167)")
    print(f"{'step':22}{''.join(f'{place + 1:10d}' for place in places)}{'error':>10}")
    for name, values in norms.items():
        print(f"{name:22}{''.join(f'{value:10.1e}' for value in values[places])}{errors[name]:10.4f}")
    try:
        plot.gradient_over_time(norms).savefig(options.out)
        print(f"drawn: {options.out}")
    except ImportError as error:
        print(f"nothing is drawn: {error}")
    except (OSError, ValueError) as error:
        raise SystemExit(f"nothing is drawn: {error}") from None


if __name__ == "__main__":
    main()
