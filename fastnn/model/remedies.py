"""Remedies: what to try after a diagnosis, in calls of fastnn, most promising first.

Each is a sentence, a colon and a call. In the calls net is the network, (x, y) are the training data, (xv, yv) the
validation data, and (xt, yt) are test data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from fastnn import optimizers
from fastnn.model.facts import Facts

Numbers = Mapping[str, float]
_SUGGESTION = "net.find_learning_rate(x, y).suggestion"


def remedies(kind: str, numbers: Numbers, facts: Facts | None) -> tuple[str, ...]:
    """The remedies for a kind, by its evidence and by what the network has already."""
    return tuple(_OF[kind](numbers, facts))


def _compiled(facts: Facts | None, factor: float = 1.0, name: str = "", **settings: float) -> str:
    """The call that compiles with the fit's learning rate, times a factor; name: of another optimizer."""
    rate = 1e-3 if facts is None or facts.learning_rate is None else facts.learning_rate
    name = name or (facts.optimizer if facts and hasattr(optimizers, facts.optimizer) else "Adam")
    name = "Adam" if name == "LBFGS" else name  # which has no such settings
    given = "".join(f", {key}={value:g}" for key, value in settings.items())
    rate = rate if factor == 1 else min(rate * factor, 0.01)
    return f"net.compile(fnn.{name}({rate:.3g}{given}), net.loss, net.metrics)"


def _fitted(epochs: int, more: str = "") -> str:
    return f"net.fit(x, y, epochs={epochs}, validation_data=(xv, yv){more})"


def _stopping(patience: int) -> str:
    return f', callbacks=[fnn.EarlyStopping("val_loss", patience={patience})]'


def _underfitting(numbers: Numbers, facts: Facts | None) -> Iterator[str]:
    narrowest = facts.narrowest if facts else 16
    if narrowest == 0:
        yield 'Add a hidden layer: fnn.Dense(64, "relu")'
    elif narrowest < 3:
        yield f'Widen the layer that has {narrowest} only: fnn.Dense(64, "relu")'
    if facts and facts.dropout > 0.3:
        yield f"Drop less than {facts.dropout:g}: fnn.Dropout({facts.dropout / 3:.2g})"
    if facts and facts.penalty > 1e-3:
        yield f'Weaken the penalty of {facts.penalty:g}: fnn.Dense(64, "relu", l2={facts.penalty / 100:.1g})'
    if narrowest >= 3:
        yield f'Use more or wider layers: fnn.Dense({4 * narrowest}, "relu")'
    yield f"See whether a higher learning rate trains better: {_SUGGESTION}"
    yield "Normalize between layers, which lets deeper networks train: fnn.BatchNorm()"


def _overfitting(numbers: Numbers, facts: Facts | None) -> Iterator[str]:
    epochs = int(numbers["epochs"])
    stopped = _fitted(epochs, _stopping(max(3, epochs // 10)))
    yield f"Stop at the best epoch, here {numbers['best_epoch']:.0f}: {stopped}"
    if facts and any(len(shape) == 4 for shape in facts.shapes):
        yield "Shift the images at random, and flip them where that keeps their class: fnn.RandomShift(2)"
    rate = 0.5 if facts and 0.3 <= facts.dropout < 0.5 else 0.3
    if facts is None or facts.dropout < 0.5:
        yield f"Add dropout after hidden layers: fnn.Dropout({rate})"
    yield f"Let the weights decay: {_compiled(facts, name='AdamW', weight_decay=0.01)}"
    if facts and facts.narrowest >= 16:
        yield f'Use a smaller network: fnn.Dense({facts.narrowest // 2}, "relu")'
    if facts and any(each.loss.name == "cross_entropy" for each in facts.targets):
        smoothed = 'net.compile("adam", fnn.losses.CrossEntropy(label_smoothing=0.1), net.metrics)'
        yield f"Smooth the labels, some of which may be wrong: {smoothed}"
    yield "Get more samples; where that is impossible, noise at the input helps a little: fnn.GaussianNoise(0.1)"


def _about_right(numbers: Numbers, facts: Facts | None) -> Iterator[str]:
    yield "Measure it, once, on test data that decided nothing: net.evaluate(xt, yt)"
    yield f"Average the weights over steps, which may gain a little: {_compiled(facts, ema=0.999)}"


def _diverging(numbers: Numbers, facts: Facts | None) -> Iterator[str]:
    yield f"Train a new network at a much lower learning rate: {_compiled(facts, 0.1)}"
    yield f"Find the rate by a test, before training: {_SUGGESTION}"
    yield f"Clip the gradients: {_compiled(facts, 0.1, clip_norm=1.0)}"
    yield "Standardize the inputs: net.fit((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-6), y)"
    yield "Let the rate begin low: fnn.schedules.WarmUp(200, then=fnn.schedules.Cosine(0.001, steps=2000))"


def _still_improving(numbers: Numbers, facts: Facts | None) -> Iterator[str]:
    n = int(numbers["epochs"])
    yield f"Train for longer: {_fitted(3 * n, f', initial_epoch={n}' + _stopping(max(5, n // 2)))}"
    yield f"See whether a higher learning rate is faster: {_SUGGESTION}"
    yield f"Let Adam choose the steps, if it does not yet: {_compiled(None)}"


def _too_noisy(numbers: Numbers, facts: Facts | None) -> Iterator[str]:
    samples = "Validate on more samples: net.fit(x, y, epochs=20, validation_split=0.3)"
    steadier = (
        f"Use larger batches, for steadier steps: {_fitted(20, ', batch_size=128')}",
        f"Lower the learning rate: {_compiled(facts, 0.3)}",
        f"Lower it where the loss stays: {_fitted(20, ', callbacks=[fnn.ReduceOnPlateau(patience=3)]')}",
    )
    yield from (samples, *steadier) if numbers.get("error", 0.0) > 0.25 else (*steadier, samples)


_OF: dict[str, Callable[[Numbers, Facts | None], Iterator[str]]] = {
    "underfitting": _underfitting,
    "overfitting": _overfitting,
    "about right": _about_right,
    "diverging": _diverging,
    "still improving": _still_improving,
    "too noisy to say": _too_noisy,
}
