"""Bare loops in C over blocks of floats, on several threads: the time that moving the bytes takes."""

import ctypes
import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

SOURCE = """
#include <string.h>

void memory_copy(long n, const float *x, float *y, int threads) {
#pragma omp parallel for num_threads(threads)
  for (int i = 0; i < threads; i++) {
    const long start = n * i / threads, stop = n * (i + 1) / threads;
    memcpy(y + start, x + start, (stop - start) * sizeof(float));
  }
}

void plain_copy(long n, const float *restrict x, float *restrict y, int threads) {
#pragma omp parallel for simd num_threads(threads)
  for (long i = 0; i < n; i++) y[i] = x[i];
}

/* Adam's 28 bytes a parameter: four floats read, three written. */
void adam(long n, float *restrict p, const float *restrict g, float *restrict m, float *restrict v, int threads) {
#pragma omp parallel for simd num_threads(threads)
  for (long i = 0; i < n; i++) {
    m[i] = 0.9f * m[i] + g[i];
    v[i] = 0.9f * v[i] + g[i];
    p[i] = 0.9f * p[i] + g[i];
  }
}
"""
#: All that this processor has; and a loop that copies stays a loop.
FLAGS = ["-O3", "-march=native", "-fno-tree-loop-distribute-patterns", "-fopenmp", "-shared", "-fPIC"]


@cache
def library() -> ctypes.CDLL:
    """The loops, compiled. Raises CalledProcessError where the compiler does not take them."""
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder) / "bare.c", Path(folder) / "bare.so"
        source.write_text(SOURCE)
        subprocess.run([os.environ.get("CC", "cc"), *FLAGS, str(source), "-o", str(built)], check=True)
        return ctypes.CDLL(str(built))


def loop(name: str, threads: int, *blocks: np.ndarray) -> Callable[[], None]:
    """One of the loops over blocks of equally many floats."""
    function = getattr(library(), name)
    pointers = [block.ctypes.data_as(ctypes.c_void_p) for block in blocks]  # each keeps its block alive

    def call() -> None:
        function(ctypes.c_long(blocks[0].size), *pointers, threads)

    return call
