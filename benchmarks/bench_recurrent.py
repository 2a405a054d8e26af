"""The recurrence of an LSTM and a GRU, forward and backward."""

from typing import Any

import pytest

from bench_steps import ROWS, TIMES, full
from fastnn.engine.tensor import Tensor
from fastnn.kernels import GRU, LSTM, GRUGradient, LSTMGradient
from ops import filled

UNITS = [32, 256]


def states(count: int, units: int) -> list[Tensor]:
    return [Tensor((ROWS, units)) for _ in range(count)]


@pytest.mark.parametrize("units", UNITS)
def test_lstm(benchmark: Any, units: int) -> None:
    h, c, last = states(3, units)
    benchmark(LSTM(filled(ROWS * TIMES, 4 * units), filled(units, 4 * units), full(), h, c, last_h=last))


@pytest.mark.parametrize("units", UNITS)
def test_lstm_gradient(benchmark: Any, units: int) -> None:
    dh, dc, dlast = states(3, units)
    z, weight, cells = filled(ROWS * TIMES, 4 * units), filled(units, 4 * units), filled(ROWS * TIMES, units)
    benchmark(LSTMGradient(z, weight, full(), dh, dc, cells, dlast_h=dlast))


@pytest.mark.parametrize("units", UNITS)
def test_gru(benchmark: Any, units: int) -> None:
    h, last = states(2, units)
    z, sums = filled(ROWS * TIMES, 3 * units), Tensor((ROWS * TIMES, 3 * units))
    benchmark(GRU(z, filled(units, 3 * units), full(), h, sums, last_h=last, bias=filled(3 * units)))


@pytest.mark.parametrize("units", UNITS)
def test_gru_gradient(benchmark: Any, units: int) -> None:
    dh, dlast = states(2, units)
    z, sums, before = filled(ROWS * TIMES, 3 * units), filled(ROWS * TIMES, 3 * units), filled(ROWS * TIMES, units)
    benchmark(GRUGradient(z, filled(units, 3 * units), full(), dh, sums, before, dlast_h=dlast))
