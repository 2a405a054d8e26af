from fastnn.decode.ctc import ctc_beam as ctc_beam, ctc_greedy as ctc_greedy
from fastnn.decode.sampling import draw as draw
from fastnn.decode.search import (
    Hypothesis as Hypothesis,
    Steps as Steps,
    beam as beam,
    greedy as greedy,
    sample as sample,
)
