"""What is generated is current: the stubs of compiled modules, and the declarations of csrc for Cython."""

import runpy
from pathlib import Path
from typing import Any

import pytest

from test_house import CSRC, PACKAGE, ROOT, setup

pytestmark = pytest.mark.skipif(not (CSRC.is_dir() and PACKAGE.is_dir()), reason="the sources are not here")


def stubs() -> dict[str, Any]:
    """What the script that writes the stubs defines."""
    script = ROOT / ".ci" / "stubs.py"
    if not script.exists():
        pytest.skip("the script is not here")
    return runpy.run_path(str(script))


def test_the_stubs_are_current() -> None:
    made = stubs()["stubs"]()
    assert set(made) == set(PACKAGE.rglob("*.pyi"))
    assert not [path for path, text in made.items() if path.read_text() != text], "make stubs"


def test_a_stub_says_what_is_declared(tmp_path: Path) -> None:
    source = tmp_path / "stem.pyx"
    source.with_suffix(".pxd").write_text("""
cdef class Base:
    cdef readonly tuple shape  # type: tuple[int, ...]  # of a row
    cdef public object given
    cdef double hidden

    cdef void run(self) noexcept nogil
""")
    source.write_text('''"""
def in_a_docstring():
"""
from fastnn.engine.tensor cimport Tensor, floats
NAMES = ("a", "b")
_PRIVATE = object()
cpdef bint fits(object x):  # type: (...) -> TypeGuard[np.ndarray]
    return True
def _hidden(x): pass
cdef int _c(int x): return x
def plain(list x, *, double scale=(1, 2)[0]):
    def inner() -> None:
        pass
cdef class Base:
    def __cinit__(self) -> None: ...
    @property
    def size(self) -> int: ...
    @size.setter
    def size(self, value: int) -> None: ...
@cython.final
@cython.no_gc
cdef class Last(Base):
    cdef readonly Py_ssize_t rows, columns
    def __init__(
        self, Tensor x, Tensor bias or None,  # a, b
        Tensor z = None, *others: Tensor, axes: tuple = (1, 2),
    ) -> None:
        pass
    cdef void run(self) noexcept nogil: pass
    cpdef void lead(self, Base op, uint64_t step=0) except *:
        pass
class Failed(ValueError):
    """A Python class."""
cdef class Bare(Base):
    pass
''')
    assert (
        stubs()["module_stub"](source, {})
        == """
from typing import Any, TypeGuard, final

import numpy as np

from fastnn.engine.tensor import Tensor

NAMES: tuple[str, ...]

def fits(x: Any) -> TypeGuard[np.ndarray]: ...
def plain(x: list[Any], *, scale: float = (1, 2)[0]) -> Any: ...

class Base:
    @property
    def shape(self) -> tuple[int, ...]: ...
    given: Any
    @property
    def size(self) -> int: ...
    @size.setter
    def size(self, value: int) -> None: ...

@final
class Last(Base):
    @property
    def rows(self) -> int: ...
    @property
    def columns(self) -> int: ...
    def __init__(
        self, x: Tensor, bias: Tensor | None, z: Tensor | None = None, *others: Tensor, axes: tuple[Any, ...] = (1, 2)
    ) -> None: ...
    def lead(self, op: Base, step: int = 0) -> None: ...

class Failed(ValueError): ...
class Bare(Base): ...
""".removeprefix("\n")
    )


def test_the_names_that_a_stub_cannot_find_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "stem.pyx"
    source.write_text("def f(x: Axis) -> None:\n    pass\n")
    assert "from a import Axis" in stubs()["module_stub"](source, {"Axis": ["a"]})
    for homes in ([], ["a", "b"]):
        with pytest.raises(SystemExit, match=f"Axis has {len(homes)} homes"):
            stubs()["module_stub"](source, {"Axis": homes})


def test_the_declarations_for_cython_are_current() -> None:
    written = PACKAGE / "engine" / "csrc.pxd"
    if not written.exists():
        pytest.skip("nothing is built here")
    headers = ((CSRC / name).read_text() for name in ("arguments.h", "kernels.h"))
    assert written.read_text() == setup()["declared"]("\n".join(headers))


def test_the_declarations_for_cython() -> None:
    declared = setup()["declared"]("""
#define LIST(K)                                       \\
  K(void, add, (isize n, const float *x, float *y))   \\
  K(double, sum, (isize n, const float *x))
#define NAMES(N) N(one, x) N(two, y)
#define MOST 3
/* typedef struct { int none; } none; */
typedef enum {
#define NAME(name, source) the_##name,
  NAMES(NAME) the_names
#undef NAME
} kind;
typedef struct {
  int in, out; /* both */
  void (*const *table)(int n);
#define FIELD(type, name, arguments) type(*name) arguments;
  LIST(FIELD)
#undef FIELD
} all;
static const all nothing = {0};
const all *chosen(int i);
""")
    assert (
        declared.partition("isize\n")[2]
        == """
    enum:
        MOST
    enum:
        the_one
        the_two
        the_names
    ctypedef struct all:
        int in_ "in", out
        void (**table)(int n) noexcept nogil
        void(*add) (isize n, const float *x, float *y) noexcept nogil
        double(*sum) (isize n, const float *x) noexcept nogil
    const all nothing
    const all *chosen(int i)
""".removeprefix("\n")
    )
