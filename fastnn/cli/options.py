"""The command line: `fastnn train`, `predict`, `bench` and `info`."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from fastnn import set_num_threads, show_config
from fastnn.cli import commands
from fastnn.cli.preprocessing import TASKS

#: The exit status of shells after SIGPIPE: the reader of the output has closed it.
SIGPIPE = 141


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"fastnn: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status: 0, 2 for the user's mistakes, 130 for Ctrl-C, 141 for a closed pipe."""
    options = _parser().parse_args(arguments)
    try:
        if options.threads is not None:
            set_num_threads(options.threads)
        options.run(options)
        print(end="", flush=True)
    except KeyboardInterrupt:
        return 130
    except (ValueError, TypeError, OSError, ArithmeticError, MemoryError) as error:
        _drop_output()
        if isinstance(error, BrokenPipeError):
            return SIGPIPE
        print(f"fastnn: {error or type(error).__name__}", file=sys.stderr)
        return 2
    return 0


def _drop_output() -> None:
    """Output that cannot be written now must not be tried again, with a traceback, when Python ends."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    shown = argparse.ArgumentDefaultsHelpFormatter
    parser = _Parser(prog="fastnn", description="A small, fast neural-network framework for the CPU.")
    parser.set_defaults(threads=None)
    subparsers = parser.add_subparsers(required=True, metavar="command")
    train = subparsers.add_parser("train", help="train a network", formatter_class=shown)
    train.add_argument("data", help="a CSV file with a header, or digits for the bundled 8x8 handwritten digits")
    train.add_argument("--target", metavar="COLUMN", help="of a CSV file: the column to predict from all others")
    train.add_argument(
        "--task",
        choices=TASKS,
        help="of a CSV file; by default, a target of text or of at most 20 different integers is a class",
    )
    train.add_argument(
        "--validation", default=commands.VALIDATION, type=float, help="of a CSV file: the fraction of rows held out"
    )
    train.add_argument("--hidden", default="128", type=_sizes, metavar="A,B", help="units of the hidden layers")
    train.add_argument("--epochs", default=20, type=int, help="passes over the data")
    train.add_argument("--lr", default=1e-3, type=float, help="Adam's learning rate")
    train.add_argument("--batch-size", default=32, type=int, help="samples in a step")
    train.add_argument("--seed", default=0, type=int, help="of the weights, the shuffling and the held-out rows")
    train.add_argument("--save", metavar="FILE", help="write the network to a safetensors file")
    train.set_defaults(run=commands.train)
    predict = subparsers.add_parser("predict", help="predict with a network that was trained on a CSV file")
    predict.add_argument("model", help="a file that `fastnn train data.csv --save` wrote")
    predict.add_argument("data", help="a CSV file with the same columns; the target may be absent")
    predict.add_argument("--probabilities", action="store_true", help="also print the probability of each class")
    predict.set_defaults(run=commands.predict)
    bench = subparsers.add_parser("bench", help="compare the speed with pure NumPy", formatter_class=shown)
    bench.add_argument("--seconds", default=10.0, type=float, help="how long to measure")
    bench.set_defaults(run=commands.bench)
    for command in (train, predict, bench):
        command.add_argument("--threads", type=int, help="the most threads that an op uses")
    info = subparsers.add_parser("info", help="show versions, instruction set and threads")
    info.set_defaults(run=lambda options: show_config())
    return parser


def _sizes(text: str) -> list[int]:
    try:
        return [int(size) for size in text.split(",") if size.strip()]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected sizes such as 128,64, got {text!r}") from None
