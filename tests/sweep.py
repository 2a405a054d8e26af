"""Asserts the bounds of csrc/elementary.h and csrc/activation.h over all 2^32 floats, on the level FASTNN_ISA names.

python tests/sweep.py [stride]: minutes for each level, with a stride above 1 as many times less. The truth is float64
NumPy. Prints the worst of each function and where it is; the exit status is 1 if one is over its bound.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from check import BOUNDS, errors, evaluate, floats
from fastnn.engine.op import get_isa
from fastnn.engine.thread_count import set_num_threads

CHUNK = 2**18  # bit patterns at a time, so that float64 stays in the caches
ROUND = 256  # chunks between two reports


def worst(name: str, stride: int, start: int) -> tuple[float, int]:
    """The largest error in a chunk of bit patterns from `start` on, and the pattern."""
    bits = np.arange(start, min(start + CHUNK * stride, 2**32), stride)
    x = floats(bits)
    error = errors(name, x, evaluate(name, x))
    place = int(np.argmax(error))
    return float(error[place]), int(bits[place])


def main() -> int:
    stride = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    set_num_threads(1)  # two chunks at a time use both cores
    status = 0
    starts = range(0, 2**32, CHUNK * stride)
    with ThreadPoolExecutor(2) as executor:
        for name, bound in BOUNDS.items():
            began, found = time.perf_counter(), (-1.0, 0)
            for i in range(0, len(starts), ROUND):
                found = max(found, *executor.map(partial(worst, name, stride), starts[i : i + ROUND]))
                done = min(i + ROUND, len(starts)) / len(starts)
                print(f"\r{name:13}{done:6.1%}", end="", file=sys.stderr, flush=True)
            error, bits = found
            verdict = "ok" if error <= bound else "OVER"
            x = floats(np.array([bits]))[0]
            print(
                f"\r{get_isa():8}{name:13}{error:.4f} ULP at {x!r} (0x{bits:08x}), bound {bound}: {verdict}, "
                f"{time.perf_counter() - began:.0f} s"
            )
            status |= error > bound
    return status


if __name__ == "__main__":
    sys.exit(main())
