"""Arrays of every layout and type, and objects that lie: the right answer or a clear error, never a wrong number."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, child, classifier, state, training_state

X, Y = blobs(40)


class Frame:
    """As a data frame: not an array, but it becomes one."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.array


def unaligned(x: np.ndarray) -> np.ndarray:
    """The same numbers at an odd address."""
    block = np.zeros(x.nbytes + 1, np.uint8)
    view = block[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


def readonly(x: np.ndarray) -> np.ndarray:
    """The same numbers, not to be written."""
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[np.ndarray], Any]] = {
    "Fortran": np.asfortranarray,
    "reversed": lambda x: x[::-1].copy()[::-1],
    "reversed columns": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "every second": lambda x: np.repeat(x, 2, axis=0)[::2],
    "columns of a wider": lambda x: np.concatenate([x, x], axis=-1)[..., : x.shape[-1]],
    "read-only": readonly,
    "unaligned": unaligned,
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "float64": lambda x: x.astype(np.float64),
    "longdouble": lambda x: x.astype(np.longdouble),
    "unaligned float64, reversed": lambda x: unaligned(x.astype(np.float64))[::-1].copy()[::-1],
    "list": lambda x: x.tolist(),
    "tuple of arrays": tuple,
    "frame": Frame,
    "memoryview": lambda x: memoryview(np.ascontiguousarray(x)),
    "masked, nothing masked": np.ma.masked_array,
    "subclass": lambda x: x.view(type("Mine", (np.ndarray,), {})),
    "record array": lambda x: x.view(np.recarray),
}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("name", [*LAYOUTS, "matrix"])
def test_layouts(name: str, tmp_path: Path) -> None:
    """x and y in any layout give the bits of plain C order; nothing of the user's is written."""
    layout = LAYOUTS.get(name, np.matrix)
    one_hot = np.eye(3, dtype=np.float32)[Y]
    for y in (one_hot,) if name in ("matrix", "columns of a wider") else (one_hot, Y, Y.astype(np.float32)):
        net, plain = classifier(), classifier()
        arguments = layout(X), layout(y)
        if name == "tuple of arrays" and y.ndim == 1:
            continue
        np.testing.assert_array_equal(net.predict(arguments[0]), plain.predict(X))
        np.testing.assert_array_equal(net.classify(arguments[0]), plain.classify(X))
        assert net.evaluate(*arguments) == plain.evaluate(X, y)
        assert net.train_on_batch(*arguments) == plain.train_on_batch(X, y)
        wanted = plain.fit(X, y, 16, 2, validation_data=(X, y), verbose=0).history
        assert net.fit(*arguments, 16, 2, validation_data=arguments, verbose=0).history == wanted
        assert training_state(net) == training_state(plain)
        np.testing.assert_array_equal(np.asarray(arguments[0], np.float32), X)


def test_broadcast_and_memmap(tmp_path: Path) -> None:
    """Strides of zero, and a file mapped read-only."""
    net = classifier()
    np.testing.assert_array_equal(net.predict(np.broadcast_to(X[3], (50, 4))), np.tile(net.predict(X[3:4]), (50, 1)))
    assert net.evaluate(X, np.broadcast_to(np.int64(1), 40)) == net.evaluate(X, np.ones(40, int))
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    plain = classifier()
    net.fit(mapped, Y, 16, 2, verbose=0)
    plain.fit(X, Y, 16, 2, verbose=0)
    assert training_state(net) == training_state(plain)


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16"]
)
def test_types(dtype: str) -> None:
    """x of every type is its float32."""
    x = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, (40, 4)).astype(dtype)
    net = classifier()
    for strange in (x, x[::-1].copy()[::-1], x.astype(x.dtype.newbyteorder())):
        np.testing.assert_array_equal(net.predict(strange), net.predict(x.astype(np.float32)))


class Lie:
    """An object whose __array__ does something else."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self.action = action

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.action()


def _raise() -> None:
    raise LookupError("lost")


@pytest.mark.parametrize(
    ("action", "error"),
    [(lambda: 5, Exception), (lambda: None, Exception), (lambda: X.tolist(), Exception), (_raise, LookupError)],
)
def test_an_array_method_that_lies(action: Callable[[], Any], error: type[Exception]) -> None:
    """What it raises comes through; what is not an array is refused. The network is as before."""
    net = classifier()
    net.fit(X, Y, verbose=0)
    before = state(net)
    for call in (
        lambda: net.predict(Lie(action)),
        lambda: net.fit(X, Lie(action)),
        lambda: net.evaluate(Lie(action), Y),
    ):
        with pytest.raises(error):
            call()
        assert state(net) == before


def test_an_array_method_that_changes_the_network() -> None:
    """Training, compiling and assigning from within __array__ happen before the call, whole; nothing breaks."""
    net, twin = classifier(), classifier()

    def train() -> np.ndarray:
        net.train_on_batch(X, Y)
        return X

    for call in (net.predict, net.classify, lambda x: net.evaluate(x, Y), lambda x: net.train_on_batch(x, Y)):
        call(Lie(train))
    for _ in range(5):
        twin.train_on_batch(X, Y)
    assert training_state(net) == training_state(twin)

    def recompile() -> np.ndarray:
        net.compile("sgd", "mse")
        return Y

    before = net.parameters.copy()
    with pytest.raises((ValueError, RuntimeError)):
        net.fit(X, Lie(recompile), verbose=0)
    np.testing.assert_array_equal(net.parameters, before)
    net.fit(X, np.eye(3)[Y], verbose=0)

    blank = fnn.Sequential([fnn.Dense(3)])
    with pytest.raises(ValueError, match=r"\(batch, 2\)|\(2,\)|2 elements"):
        blank.predict(Lie(lambda: (blank.build((2,)), X)[1]))


SHRINK = """
import json, sys
import numpy as np
import fastnn as fnn
from networks import classifier
x, y = np.random.default_rng(0).random((100000, 4)), np.zeros(100000, np.int64)
victim = {"x": x, "y": y}[sys.argv[1]]

class Shrink:
    def __array__(self, *a, **k):
        victim.resize((1, 4) if victim is x else 1, refcheck=False)
        return np.zeros((3, 4))

net, raised = classifier(), ""
try:
    net.fit(x, y, validation_data=(Shrink(), np.zeros(3)), verbose=0)
except Exception as error:
    raised = f"{type(error).__name__}: {error}"
print(json.dumps([raised, net.counters.step, bool(np.isfinite(net.predict(np.zeros((2, 4)))).all())]))
"""


@pytest.mark.parametrize("name", ["x", "y"])
def test_an_array_that_shrinks_before_the_run(name: str) -> None:
    """Resized after it was checked: refused, or trained on what there is; never read beyond its end."""
    raised, steps, usable = child(SHRINK, name)
    trained, refused = raised == "" and steps == 1, raised.startswith("ValueError: ") and steps == 0
    assert usable and (trained or refused), (raised, steps)


@pytest.mark.parametrize("kind", ["fit", "predict"])
def test_an_array_that_another_thread_resizes(kind: str) -> None:
    """NumPy refuses while a call uses it, and not afterwards."""
    x, y = np.zeros((200000, 4), np.float32), np.zeros(200000, np.int64)
    net, errors, stop = classifier(hidden=64), [], threading.Event()

    class Try(fnn.Callback):
        """Resizes from within the fit."""

        def on_batch_end(self, step: int, logs: dict[str, float]) -> None:
            for array in (x, y):
                with pytest.raises(ValueError, match="resize"):
                    array.resize(1, refcheck=False)
            errors.append(step)
            self.net.stop_training = True

    def resize() -> None:
        while not stop.wait(0.0005):
            try:
                x.resize((len(x) - 1, 4), refcheck=False)
            except ValueError as error:
                errors.append(error)

    if kind == "fit":
        net.fit(x, y, 1000, callbacks=[Try()], verbose=0)
    else:
        thread = threading.Thread(target=resize)
        thread.start()
        try:
            for _ in range(5):
                assert net.predict(x).shape[1] == 3
        except ValueError as error:  # resized between two calls of this one
            errors.append(error)
        finally:
            stop.set()
            thread.join()
    assert errors, "it was never refused"
    x.resize((5, 4), refcheck=False)
    y.resize(5, refcheck=False)
    net.fit(x, y, verbose=0)


CRASHES = {
    "an op of a plan that is gone": "ops = net.plan(64, training=True).ops[2:-2]; [op() for op in ops]",
    "an op whose port has no array": "net.plan(64).ops[0]()",
    "a result into bytes": (
        "p = net.plan(8); p.ports[0].attach(x); p.ports[1].attach(np.zeros((8, 3), np.uint8)); p.run(8, 8)"
    ),
    "a result into a constant": (
        "p = net.plan(8); o = np.zeros((8, 3), np.float32); o.flags.writeable = False\n"
        "p.ports[0].attach(x); p.ports[1].attach(o); p.run(8, 8); assert not o.any(), 'written'"
    ),
    "an order beyond the array": (
        "p = net.plan(8); p.ports[0].attach(x); p.ports[1].attach(np.zeros((8, 3), np.float32))\n"
        "p.run(8, 8, 0, np.full(8, 2**40))"
    ),
    "a port without rows enough": "p = net.plan(8); p.ports[0].attach(x[:2]); p.ops[0]()",
}


@pytest.mark.parametrize("name", CRASHES)
def test_plans_by_hand(name: str) -> None:
    """A plan in the user's hands raises, or does what it says; it never writes or reads beyond an array."""
    body = CRASHES[name].replace("\n", "\n    ")
    child(f"""
import json
import numpy as np
from networks import classifier
net, x = classifier(), np.zeros((8, 4), np.float32)
try:
    {body}
except (ValueError, TypeError, RuntimeError, IndexError) as error:
    print(json.dumps(str(error)))
""")
