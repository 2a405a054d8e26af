"""The command line: `fastnn train digits` and `fastnn info`."""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from fastnn import Adam, Dense, Sequential, datasets, set_num_threads, show_config


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status: 0, 2 for what the user got wrong, 130 for Ctrl-C."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.threads is not None:
            set_num_threads(options.threads)
        options.run(options)
    except KeyboardInterrupt:
        return 130
    except (ValueError, TypeError, OSError, ArithmeticError, MemoryError) as error:
        print(f"fastnn: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fastnn", description="A small, fast neural-network framework for the CPU.")
    parser.set_defaults(threads=None)
    commands = parser.add_subparsers(required=True, metavar="command")
    train = commands.add_parser("train", help="train a network", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    train.add_argument("data", choices=["digits"], help="the bundled 8x8 handwritten digits")
    train.add_argument("--hidden", default="128", type=_sizes, metavar="A,B", help="units of the hidden layers")
    train.add_argument("--epochs", default=20, type=int, help="passes over the data")
    train.add_argument("--lr", default=1e-3, type=float, help="Adam's learning rate")
    train.add_argument("--batch-size", default=32, type=int, help="samples in a step")
    train.add_argument("--seed", default=0, type=int, help="of weights and shuffling")
    train.add_argument("--threads", default=None, type=int, help="threads that an op may use")
    train.add_argument("--save", metavar="FILE", help="write the network to a safetensors file")
    train.set_defaults(run=_train)
    info = commands.add_parser("info", help="show versions, instruction set and threads")
    info.set_defaults(run=lambda options: show_config())
    return parser


def _sizes(text: str) -> list[int]:
    try:
        return [int(size) for size in text.split(",") if size.strip()]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected sizes such as 128,64, got {text!r}") from None


def _train(options: argparse.Namespace) -> None:
    (x, y), (xt, yt) = datasets.digits()
    if options.save and not os.path.isdir(os.path.dirname(options.save) or "."):
        raise ValueError(f"--save: there is no folder {os.path.dirname(options.save)}")  # before the work, not after it
    hidden = [Dense(units, activation="relu") for units in options.hidden]
    net = Sequential([*hidden, Dense(10, activation="softmax")], input_shape=x.shape[1:], seed=options.seed)
    net.compile(Adam(options.lr), "cross_entropy", ["accuracy"])
    start = time.perf_counter()
    net.fit(x, y, options.batch_size, options.epochs, validation_data=(xt, yt))
    seconds = time.perf_counter() - start
    result = net.evaluate(xt, yt)
    print(f"test accuracy {result['accuracy']:.4f}, loss {result['loss']:.4f}")
    print(f"{len(x) * options.epochs / seconds:,.0f} samples/s, {seconds:.2f} s for {options.epochs} epochs")
    if options.save:
        net.save(options.save)
        print(f"saved to {options.save}")
