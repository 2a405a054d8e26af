"""Tables, objects, tensors and text as data: their numbers are taken, and what holds none is named, with what to do."""

import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, child, classifier, state

X, Y = blobs(20)


def frame(**columns: Any) -> Any:
    """A table of four columns: those of X, or what is given for one."""
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({name: columns.get(name, X[:, i]) for i, name in enumerate("abcd")})


def whole(dtype: str, missing: bool = False) -> Any:
    values: list[Any] = [i % 2 for i in range(20)]
    values[3] = None if missing else 1
    return pytest.importorskip("pandas").array(values, dtype=dtype)


MIXED: dict[str, Callable[[], Any]] = {
    "one dtype": frame,
    "bool next to float": lambda: frame(b=np.arange(20) % 2 == 0),
    "nullable integers": lambda: frame(b=whole("Int64")),
    "nullable bool": lambda: frame(b=whole("boolean")),
    "all nullable": lambda: frame().astype("Float64"),
    "objects": lambda: frame(b=np.arange(20).astype(object)),
    "all objects": lambda: frame().astype(object),
    "a category of numbers": lambda: frame(b=np.arange(20) % 3).astype({"b": "category"}),
    "float64 and int8": lambda: frame(b=np.arange(20, dtype=np.int8), c=np.arange(20.0)),
}


@pytest.mark.parametrize("name", MIXED)
def test_tables_of_numbers(name: str) -> None:
    """A table of numbers is its values, in whatever columns they come."""
    net, table = classifier(), MIXED[name]()
    plain = np.stack([np.asarray(table[key]).astype(np.float64) for key in table], axis=1)
    np.testing.assert_array_equal(net.predict(table), net.predict(plain))
    assert net.evaluate(table, Y) == net.evaluate(plain, Y)
    net.fit(table, Y, verbose=0)


def test_a_table_of_two_columns_of_one_name() -> None:
    table = frame(b=np.arange(20) % 2 == 0)
    table.columns = ["a", "a", "c", "d"]
    assert classifier().predict(table).shape == (20, 3)


BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "text": (lambda: frame(b=["x"] * 20), r"x: column 'b': .* dtype (str|object) with 'x' at \[0\]; .*encode"),
    "dates": (lambda: frame(b=np.zeros(20, "M8[s]")), "x: column 'b': .* real numbers, got dtype datetime64"),
    "missing integers": (lambda: frame(b=whole("Int64", True)), "x: column 'b': dtype Int64 with missing values; fill"),
    "missing bools": (
        lambda: frame(b=whole("boolean", True)),
        "x: column 'b': dtype boolean with missing values; fill",
    ),
    "None": (lambda: [*X.tolist()[:-1], [1, 2, 3, None]], r"with None at \[19, 3\]; fill or drop"),
    "text of digits": (lambda: X.astype(str), r'with \'.*\' at \[0, 0\]; astype\("float32"\) converts'),
    "an object of text": (lambda: np.where(X > 100, X, "a").astype(object), r"with 'a' at \[0, 0\]"),
    "complex objects": (lambda: X.astype(complex).astype(object), r"dtype object with .*j\) at \[0, 0\]"),
    "generator": (lambda: (row for row in X), r"x: .*got generator; convert it with list\(...\)"),
    "zip": (lambda: zip(X, Y, strict=True), r"x: .*got zip; convert it with list\(...\)"),
    "map": (lambda: map(list, X), r"x: .*got map; convert it with list\(...\)"),
    "dict": (lambda: {"x": X}, "x: .*got dict$"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_table_of_numbers(name: str) -> None:
    """The error names the column, its dtype and what to do; the network is as before."""
    make, message = BAD[name]
    net = classifier()
    net.fit(X, Y, verbose=0)
    before = state(net)
    for call in (net.predict, lambda x: net.fit(x, Y, verbose=0), lambda x: net.evaluate(x, Y)):
        with pytest.raises(TypeError, match=message):
            call(make())
        assert state(net) == before


def test_sparse_matrices() -> None:
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(X)
    with pytest.raises(TypeError, match=r"x: .* got csr_matrix; convert it with .toarray\(\)"):
        classifier().predict(sparse)


@pytest.mark.parametrize("name", ["gradient", "bfloat16", "list of them"])
def test_tensors_that_are_no_arrays(name: str) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(X)
    net = classifier()
    np.testing.assert_array_equal(net.predict(tensor), net.predict(X))
    x = tensor.bfloat16() if name == "bfloat16" else tensor.requires_grad_()
    for call in (net.predict, lambda x: net.fit(x, Y, verbose=0)):
        with pytest.raises(TypeError, match=r"^x: .*; x.detach\(\).cpu\(\).float\(\) is accepted"):
            call([*x] if name == "list of them" else x)
    np.testing.assert_array_equal(net.predict(tensor.detach()), net.predict(X))


NUMBERS: dict[str, list[Any]] = {
    "int": [int(y) for y in Y],
    "fractions": [Fraction(int(y)) for y in Y],
    "decimals": [Decimal(int(y)) for y in Y],
    "NumPy's": [np.int16(y) for y in Y],
    "mixed": [int(Y[0]), np.float16(Y[1]), Decimal(int(Y[2])), *map(int, Y[3:])],
}


@pytest.mark.parametrize("name", NUMBERS)
def test_objects_that_are_numbers(name: str) -> None:
    """As labels, and as a column of x; of bools too."""
    net, y = classifier(), np.array(NUMBERS[name], object)
    assert net.evaluate(X, y) == net.evaluate(X, Y)
    assert net.fit(X, y, verbose=0).history == classifier().fit(X, Y, verbose=0).history
    table = X.astype(object)
    table[:, 1] = y
    table[:, 2] = [np.bool_(value) for value in Y > 0]
    plain = X.copy()
    plain[:, 1], plain[:, 2] = Y, Y > 0
    np.testing.assert_array_equal(net.predict(table), net.predict(plain))


def test_an_integer_beyond_any_float() -> None:
    """It is infinite, and refused as such."""
    x = X.astype(object)
    x[3, 1] = 10**400
    with pytest.raises(ValueError, match=r"x\[3, 1\] is inf as float32"):
        classifier().evaluate(x, Y)


@pytest.mark.parametrize("kind", ["list", "str", "object", "Series", "Categorical"])
def test_labels_of_text(kind: str) -> None:
    """The error says what turns them into class numbers, and that works."""
    names = [f"class {label}" for label in Y]
    if kind in ("Series", "Categorical"):
        y: Any = getattr(pytest.importorskip("pandas"), kind)(names)
    else:
        y = names if kind == "list" else np.array(names, kind)
    message = r"y: .* with 'class \d' at \[0\]; classes, y = np.unique\(y, return_inverse=True\) turns text into"
    for call in (classifier().fit, classifier().evaluate, classifier().train_on_batch):
        with pytest.raises(TypeError, match=message):
            call(X, y)
    _, numbers = np.unique(y, return_inverse=True)
    assert (numbers == Y).all()


def test_a_large_float64_is_named_without_a_warning() -> None:
    x, net = X.astype(np.float64), classifier()
    x[3, 1] = 1e39
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for call in (lambda: net.fit(x, Y, verbose=0), lambda: net.evaluate(x, Y), lambda: net.classify(x)):
            with pytest.raises(ValueError, match=r"x\[3, 1\] is inf as float32"):
                call()


def test_pandas_is_not_imported() -> None:
    assert not child("""
import json, sys
import numpy as np
from networks import classifier
net = classifier()
for x in (np.zeros((2, 4), object), [[1, 2, 3, 4]], np.zeros((2, 4), np.float16)):
    net.predict(x)
print(json.dumps([name for name in ("pandas", "scipy", "torch") if name in sys.modules]))
""")


PLACES: dict[str, tuple[Callable[[], object], str]] = {
    "t": (lambda: fnn.losses.mse(np.zeros(3), [0.0, np.nan, 0]), r"^t\[1\] is nan"),
    "t of a column": (lambda: fnn.losses.mse(np.zeros((3, 1)), [[0.0], [np.nan], [0]]), r"^t\[1, 0\] is nan"),
    "pictures": (
        lambda: fnn.losses.mse(np.zeros((2, 3, 4)), np.where(np.arange(24).reshape(2, 3, 4) == 18, np.inf, 0)),
        r"^t\[1, 1, 2\]",
    ),
    "weight": (lambda: fnn.losses.mse(np.zeros(3), np.zeros(3), [1, 1, -1]), r"^sample_weight\[2\] is -1"),
    "label": (lambda: classifier().fit(X, np.where(np.arange(20) == 7, 5, Y), verbose=0), r"^y\[7\] is 5"),
    "label of a column": (lambda: classifier().evaluate(X, np.full((20, 1), 5)), r"^y\[0, 0\] is 5"),
}


@pytest.mark.parametrize("name", PLACES)
def test_indices_in_errors(name: str) -> None:
    """They are those of the array as it was given."""
    call, message = PLACES[name]
    with pytest.raises(ValueError, match=message):
        call()


EMPTY = np.zeros((0, 4))


def test_no_samples() -> None:
    """Predicted and classified they give none; they cannot be trained on or evaluated."""
    net = classifier()
    before = state(net)
    for x in (EMPTY, EMPTY.astype(np.int8), X[:0], EMPTY.T.T):
        y, classes = net.predict(x), net.classify(x, batch_size=5)
        assert (y.shape, y.dtype) == ((0, 3), np.float32) and (classes.shape, classes.dtype) == ((0,), np.int64)
    assert net.predict(EMPTY, batch_size=7).shape == (0, 3)
    for call in (net.fit, net.evaluate, net.train_on_batch):
        with pytest.raises(ValueError, match=r"Dense\(8.* x is empty: \(0, 4\)"):
            call(EMPTY, np.zeros(0, int))
    with pytest.raises(ValueError, match=r"expected input \(batch, 4\), got \(0, 5\)"):
        net.predict(np.zeros((0, 5)))
    with pytest.raises(ValueError, match="values"):
        fnn.Sequential([fnn.Dense(3)], input_shape=(4,)).compile("sgd", "mse").classify(EMPTY)
    assert state(net) == before


def test_no_samples_of_several_inputs() -> None:
    a, b = fnn.Input((4,), name="a"), fnn.Input((5, 2), name="b")
    h = fnn.Concatenate()([a, fnn.LSTM(3)(b)])
    net = fnn.Network(
        [a, b], [fnn.Dense(3, "softmax", name="kind")(h), fnn.Dense(2, "softmax", name="sort")(h)], seed=0
    )
    x = {"a": EMPTY, "b": np.zeros((0, 5, 2))}
    predicted, classes = net.predict(x, lengths=[]), net.classify(x)
    assert {name: y.shape for name, y in predicted.items()} == {"kind": (0, 3), "sort": (0, 2)}
    assert {name: y.shape for name, y in classes.items()} == {"kind": (0,), "sort": (0,)}
    with pytest.raises(ValueError, match="0 samples for 'a', but 4 for 'b'"):
        net.predict({"a": EMPTY, "b": np.zeros((4, 5, 2))})
