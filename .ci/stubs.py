"""Writes the stubs: of each compiled module from its .pyx and .pxd, of each lazy package from the table of its names.

A stub has the classes, functions, attributes and constants that are declared and whose names do not begin with _, with
C types as Python sees them. Where a declaration cannot say enough, a type comment does:

    cdef readonly tuple shape  # type: tuple[int, ...]
    cpdef bint takes(object array):  # type: (...) -> TypeGuard[np.ndarray]
"""

import ast
import builtins
import collections.abc
import re
import sys
import typing
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "fastnn"
WIDTH = 120
HIDDEN = {"__cinit__", "__dealloc__", "__repr__"}  # what Python does not see, or has of every object

DECLARATION = re.compile(
    r"""^(?P<indent>|[ ]{4})(?:
      @(?P<decorator>\S+)
    | (?:cdef[ ])?class[ ](?P<class>\w+)(?P<bases>\(.*\))?:
    | (?:def|cpdef[ ](?P<result>[\w.]+))[ ](?P<function>\w+)\((?P<parameters>(?:[^()]|\([^()]*\))*)\)
      (?:[ ]except[^:\n]*)?(?:[ ]->[ ](?P<returns>[^\n#]+))?:(?:[ ]+\#[ ]type:[ ]\(\.\.\.\)[ ]->[ ](?P<noted>[^\n#]+))?
    | cdef[ ](?P<access>readonly|public)[ ](?P<type>[\w.]+)[ ](?P<names>\w+(?:,[ ]\w+)*)
      (?:[ ]+\#[ ]type:[ ](?P<kind>[^\n#]+))?
    | (?P<constant>[A-Z]\w*|__hash__)(?::[ ](?P<annotation>[^=\n]+))?[ ]=[ ](?P<value>\([^)]*\)|[^\n]*)
    | (?P<other>\S)
    )""",
    re.MULTILINE | re.VERBOSE,
)
IMPORT = re.compile(r"^from ([\w.]+) c?import (\([^)]*\)|[^\n#]*)", re.MULTILINE)
DEFINITION = re.compile(r"^(?:cdef )?class ([A-Z]\w*)|^([A-Z]\w*)(?:: TypeAlias)? = ", re.MULTILINE)
TYPES = {"bint": "bool", "double": "float", "object": "Any", "void": "None", "cnp.ndarray": "np.ndarray"}
GENERIC = {"tuple": "tuple[Any, ...]", "list": "list[Any]", "dict": "dict[Any, Any]"}


def annotation(written: str | None, declared: str | None) -> str:
    """The type that is written in Python, else the one that is declared in C."""
    declared = re.sub(r"^(u?int\d+_t|Py_ssize_t)$", "int", declared or "object")
    text = (written or TYPES.get(declared, declared)).strip()
    return re.sub(r"\b(tuple|list|dict)\b(?!\[)", lambda found: GENERIC[found[1]], text)


def parameters(text: str) -> Iterator[str]:
    """The parameters of a function: `Tensor x or None = None` becomes `x: Tensor | None = None`."""
    inner = r"(?:[^\[\]()]|\[[^\[\]]*\]|\([^()]*\))*"
    for part in re.findall(rf"(?:[^,\[\]()]|\[{inner}\]|\({inner}\))+", re.sub(" #.*", "", text)):
        declared, equals, default = (piece.strip() for piece in part.partition("="))
        declared, _, written = (piece.strip() for piece in declared.partition(":"))
        *words, name = declared.removesuffix(" or None").split() or [""]
        if name in {"self", "*", "/"}:
            yield name
        elif name:
            kind = annotation(written, " ".join(words))
            if (declared.endswith(" or None") or default == "None") and not re.search(r"\b(None|Any)$", kind):
                kind += " | None"
            yield f"{name}: {kind}" + (f" = {default}" if equals else "")


def wrapped(start: str, items: list[str], end: str, indent: str) -> str:
    """The items in brackets, on one line, on three, or each on its own, as the formatter does."""
    if len(one := f"{indent}{start}({', '.join(items)}){end}") <= WIDTH:
        return one
    if len(inner := f"{indent}    {', '.join(items)}") > WIDTH:
        inner = "\n".join(f"{indent}    {item}," for item in items)
    return f"{indent}{start}(\n{inner}\n{indent}){end}"


def constant(found: re.Match[str]) -> str:
    """The type of a constant: its annotation, or that of a literal."""
    if found["annotation"]:
        return annotation(found["annotation"], None)
    value = ast.literal_eval(found["value"])
    return f"tuple[{type(value[0]).__name__}, ...]" if isinstance(value, tuple) else type(value).__name__


def declarations(path: Path) -> tuple[list[str], dict[str, tuple[str, list[str]]]]:
    """What a file declares: its constants, and by class (no name: the module) the head and the lines of the body."""
    text = re.sub(r'(?s)""".*?"""', "", path.read_text()) if path.exists() else ""
    constants: list[str] = []
    functions: list[str] = []
    classes = {"": ("", functions)}
    body: list[str] | None = None
    decorators = ""
    for found in DECLARATION.finditer(text):
        indent, name = found["indent"], found["class"] or found["function"] or found["constant"] or ""
        if found["decorator"]:
            if not (decorator := found["decorator"].replace("cython.final", "final")).startswith("cython."):
                decorators += f"{indent}@{decorator}\n"
            continue
        if not indent:
            body = functions if found["function"] else None
        if name in HIDDEN or (name.startswith("_") and not name.endswith("__")):
            pass
        elif found["class"]:
            body = []
            classes[name] = f"{decorators}class {name}{found['bases'] or ''}:", body
        elif name and not indent and found["constant"]:
            constants.append(f"{name}: {constant(found)}")
        elif body is None or (indent and body is functions):
            pass  # within a function
        elif found["function"]:
            result = annotation(found["noted"] or found["returns"], found["result"])
            line = wrapped(f"def {name}", [*parameters(found["parameters"])], f" -> {result}: ...", indent)
            body.append(decorators + line)
        elif found["access"]:
            kind = annotation(found["kind"], found["type"])
            line = "    {}: {}" if found["access"] == "public" else "    @property\n    def {}(self) -> {}: ..."
            body += [line.format(attribute, kind) for attribute in found["names"].split(", ")]
        elif name == "__hash__":
            body.append("    __hash__: None  # type: ignore[assignment]")
        decorators = ""
    return constants, classes


def order(item: str) -> tuple[bool, bool, str]:
    """The order of `X` or `X as X` in an import: constants, classes, the rest."""
    name = item.partition(" ")[0]
    return not (name.isupper() and len(name) > 1), not name[0].isupper(), name.lower()


def imports(homes: Mapping[str, list[str]]) -> list[str]:
    """The imports of names from their modules, in the linter's order."""
    sections: list[list[str]] = [[], [], []]
    for home, names in sorted(homes.items(), key=lambda item: item[0].lower()):
        section = sections[2 if home.startswith("fastnn") else home == "numpy"]
        if names in ([home], ["np"]):
            section.insert(0, f"import {home}" + " as np" * (home == "numpy"))
            continue
        items = sorted(names, key=order)
        one = f"from {home} import {', '.join(items)}"
        section.append(one if len(one) <= WIDTH else f"from {home} import (\n    " + ",\n    ".join(items) + ",\n)")
    return ["\n".join(section) + "\n" for section in sections if section]


def with_imports(text: str, source: Path, homes: Mapping[str, list[str]], exported: Mapping[str, str]) -> str:
    """A stub: the text below the imports of what it uses, from where its source imports it or it has its only home.

    exported: by module, names that are imported for others.
    """
    found = IMPORT.findall(source.read_text())
    local = {name.strip(): home for home, names in found for name in names.strip("()").split(",")}
    needed = defaultdict(
        list, {home: [f"{name} as {name}" for name in names.split()] for home, names in exported.items()}
    )
    nodes = [*ast.walk(ast.parse(text))]
    known = {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    known |= {*dir(builtins), *" ".join(exported.values()).split()}
    for name in sorted(
        {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)} - known
    ):
        standard = [module.__name__ for module in (collections.abc, typing) if name in module.__all__]
        if name in local:
            home = [local[name]]
        elif name in sys.stdlib_module_names:
            home = [name]
        else:
            home = ["numpy"] if name == "np" else standard[:1] or homes.get(name, [])
        if len(home) != 1:
            raise SystemExit(f"{source}: {name} has {len(home)} homes: import it")
        needed[home[0]].append(name)
    return "\n".join([*imports(needed), *[text] * bool(text)])


def module_stub(path: Path, homes: Mapping[str, list[str]]) -> str:
    """The stub of a compiled module."""
    constants, classes = declarations(path)
    _, attributes = declarations(path.with_suffix(".pxd"))
    blocks = ["\n".join(constants), "\n".join(classes.pop("")[1])]
    for name, (head, body) in classes.items():
        body[:0] = attributes.get(name, ("", []))[1]
        blocks.append("\n".join([head, *body]) if body else f"{head} ...")
    text = "\n\n".join(block for block in blocks if block) + "\n"
    # The formatter leaves no line between empty classes.
    text = re.sub(r"(?m)^(class .*: \.\.\.\n)\n(?=class .*: \.\.\.$)", r"\1", text)
    return with_imports(text, path, homes, {})


def package_stub(path: Path, homes: Mapping[str, list[str]]) -> str | None:
    """The stub of a package that gives `lazy.attach` a table of its names; None for another."""
    body = ast.parse(path.read_text()).body
    calls = [node.value for node in body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)]
    tables = [ast.literal_eval(call.args[1]) for call in calls if ast.unparse(call.func) == "lazy.attach"]
    if not tables:
        return None
    constants = [node for node in body if isinstance(node, ast.AnnAssign)]
    lines = [f"{ast.unparse(node.target)}: {ast.literal_eval(node.annotation)}\n" for node in constants]
    return with_imports("".join(lines), path, homes, tables[0])


def stubs() -> dict[Path, str]:
    """The text of every stub, by its path."""
    homes = defaultdict(list)
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyx")]):
        for names in DEFINITION.findall(path.read_text()):
            homes["".join(names)].append(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))
    made = {path: module_stub(path, homes) for path in sorted(PACKAGE.rglob("*.pyx"))}
    made |= {path: text for path in sorted(PACKAGE.rglob("__init__.py")) if (text := package_stub(path, homes))}
    return {path.with_suffix(".pyi"): text for path, text in made.items()}


if __name__ == "__main__":
    for path, text in stubs().items():
        path.write_text(text)
