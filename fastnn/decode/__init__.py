"""Decoding: sequences written with a network that predicts at each step what follows, and labels read out of frames.

`greedy`, `beam` and `sample` take any f with

- `f.batch_size`, the number of sequences n,
- `f.step(ids)`: ids (n,) are appended to the sequences; returns logits or probabilities (n, classes) of what follows,
- `f.select(rows)`, for `beam` alone: sequence i continues what was sequence rows[i],

such as what `freeze(streaming=True)` makes of a network. They continue the sequences as they are; f.reset() begins new
ones.
"""

from fastnn.common import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    {
        "fastnn.decode.ctc": "ctc_beam ctc_greedy",
        "fastnn.decode.sampling": "draw",
        "fastnn.decode.search": "Hypothesis Steps beam greedy sample",
    },
)
