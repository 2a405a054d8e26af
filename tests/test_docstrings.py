"""Public docstrings: their examples print what they say; each has an example and documents exactly its parameters."""

import doctest
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import fastnn as fnn
from fastnn.inference.predictor import Predictor
from fastnn.inference.stream import Stream
from fastnn.losses import Loss
from fastnn.metrics import Metric

#: The modules that a user may import from, each with its names that are for fastnn's own modules. What is also in
#: `fastnn` itself is listed under its module.
DOORS = {
    "layers": "",
    "losses": "Own Target",
    "optimizers": "FirstOrder Span describe resolve restore",
    "schedules": "describe nested restore",
    "initializers": "Drawn described named",
    "activations": "Elementwise RowWise",
    "metrics": "Kind Meaning Metered Own Recorded classes describe grows plain resolve restore",
    "callbacks": "",
    "datasets": "",
    "decode": "Steps",
    "audio": "",
    "vision": "",
    "architectures": "",
    "inspection": "Step Steps one",
    "plot": "",
    "perceptron": "",
    "": "",
}
METHODS = {
    fnn.Network: "averaged backward build calibrate classify compile evaluate find_learning_rate fit forward freeze "
    "gradient plan predict reset_state save set_vector step summary train_on_batch vector zero_grad",
    fnn.History: "best plot read save to_frame",
    Predictor: "classify profile refresh",
    Stream: "profile step reset refresh",
    fnn.vision.CentreGrid: "decode encode",
}
#: Fields of a base class, which documents them.
INHERITED = {"name", "trainable", "clip_value", "clip_norm", "ema", "weight_decay"}
#: Modules that an example may need, of extras.
EXTRAS = {"matplotlib", "PIL"}


def made_in(value: Any, module: str) -> bool:
    """Whether the module, or one in that package, defines it."""
    return f"{getattr(value, '__module__', '')}.".startswith(f"{module}.")


def public_names() -> dict[str, Any]:
    """Every public class, function and activation, and the methods of networks, by name; each object once."""
    found: dict[str, Any] = {}
    for door, internal in DOORS.items():
        module = importlib.import_module(f"fastnn.{door}".rstrip("."))
        own = [name for name, value in vars(module).items() if made_in(value, module.__name__)]
        for name in getattr(module, "__all__", own):
            value = getattr(module, name)
            by_class = isinstance(value, (Loss, Metric))
            hidden = name[0] == "_" or name in internal.split() or by_class
            if not hidden and callable(value) and made_in(value, "fastnn"):
                found[f"{door}.{name}".lstrip(".")] = value
    for owner, names in METHODS.items():
        found[owner.__name__] = owner
        found |= {f"{owner.__name__}.{name}": getattr(owner, name) for name in names.split()}
    first = {id(value): name for name, value in reversed(found.items())}
    return {name: found[name] for name in first.values()}


NAMES = public_names()


def sections(docstring: str) -> dict[str, str]:
    """The text of each section of a docstring, by its title."""
    _, *parts = re.split(r"^([A-Z]\w+):?\n-{3,}\n", docstring, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def parameters(value: Any) -> set[str]:
    """What a user passes. Only `freeze` makes Predictors; metrics and initializers are passed by name."""
    names = set() if value in (Predictor, Stream) else set(inspect.signature(value).parameters)
    by_name = "lowering" in names or ("rng" in names and made_in(value, "fastnn.initializers"))
    return set() if by_name else names - {"self"}


def documentation(value: Any) -> str:
    """The docstring; of an object, an activation or a loss on arrays, with that of its class."""
    own = inspect.cleandoc(value.__doc__ or "")
    callable_itself = isinstance(value, type) or hasattr(value, "__name__")
    return own if callable_itself else f"{own}\n\n{inspect.cleandoc(type(value).__doc__ or '')}"


def faults(value: Any) -> list[str]:
    """What the docstring lacks, or has too much. An exception needs neither an example nor parameters."""
    if isinstance(value, type) and issubclass(value, Exception):
        return []
    found = sections(documentation(value))
    entries = re.findall(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: : .+)?$", found.get("Parameters", ""), re.MULTILINE)
    documented, wanted = set(re.findall(r"\w+", " ".join(entries))), parameters(value)
    return [
        *(f"no parameter {name}" for name in documented - wanted),
        *(f"parameter {name} is not documented" for name in wanted - documented - INHERITED),
        *([] if ">>>" in found.get("Examples", "") else ["no example"]),
    ]


def test_the_doors_have_names() -> None:
    assert len(NAMES) > 150


@pytest.mark.parametrize("name", sorted(NAMES))
def test_sections(name: str) -> None:
    assert not faults(NAMES[name])


@pytest.mark.parametrize("name", sorted(name for name, value in NAMES.items() if ">>>" in documentation(value)))
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest(documentation(NAMES[name]), {"__name__": "__main__"}, name, None, None)
    try:
        doctest.DebugRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS).run(test)
    except doctest.DocTestFailure as failure:
        example = failure.example
        pytest.fail(f"{example.source}expected\n{example.want}got\n{failure.got}", pytrace=False)
    except doctest.UnexpectedException as unexpected:
        error = unexpected.exc_info[1]
        if isinstance(error, ImportError) and (error.name in EXTRAS or "pip install" in str(error)):
            pytest.skip(str(error))
        raise error from None
