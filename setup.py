"""Builds the compiled modules: each fastnn/**/*.pyx one module, csrc once for each instruction set.

Switches, in the environment: FASTNN_DEBUG=1 (bounds checks, little optimization), FASTNN_SANITIZE=address,undefined (or
another list for -fsanitize), FASTNN_OPENMP=0 (a serial build).
"""

import os
import platform
import re
import tempfile
import textwrap
from glob import glob
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

DEBUG = os.environ.get("FASTNN_DEBUG", "0") == "1"
SANITIZE = os.environ.get("FASTNN_SANITIZE", "")
OPENMP = os.environ.get("FASTNN_OPENMP", "1") == "1"

# gnu11 and not c11, which would forbid the fused multiply-add; never -ffast-math, which changes the whole process.
C_FLAGS = ["-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fvisibility=hidden"]
C_FLAGS += ["-O1", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g0"]
LINK_FLAGS = [] if DEBUG or SANITIZE else ["-Wl,-s"] if platform.system() == "Linux" else []
if SANITIZE:
    C_FLAGS += [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer", "-g"]
    LINK_FLAGS += [f"-fsanitize={SANITIZE}"]

# The levels of csrc on each architecture, and their flags. isa_<level>.c holds the text.
LEVELS: dict[str, dict[str, list[str]]] = {
    "x86_64": {"base": [], "avx2": ["-march=x86-64-v3"], "avx512": ["-march=x86-64-v4"]},
    "aarch64": {"neon": []},
}
ARCHITECTURE = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": DEBUG,
    "initializedcheck": DEBUG,
    "cdivision": not DEBUG,
    "allow_none_for_extension_args": False,
    "annotation_typing": False,  # annotations are for readers; C types are declared
    "embedsignature": True,
}


def expanded(header: str) -> str:
    """A C header without comments, and with its lists, macros that take a macro for each item, written out."""
    text = re.sub(r"/\*.*?\*/|\\\n", " ", header, flags=re.DOTALL)
    lists = {}
    for name, of, items in re.findall(r"#define (\w+)\((\w)\) +(.*)", text):
        lists[name] = re.findall(rf"\b{of}\(((?:[^()]|\([^()]*\))*)\)", items)

    def applied(use: re.Match[str]) -> str:
        names = use["names"].split(", ")
        items = [dict(zip(names, item.split(", ", len(names) - 1), strict=True)) for item in lists[use["list"]]]
        written = re.compile(rf"(?:##)?\b({'|'.join(names)})\b")
        return "".join(written.sub(lambda name, item=item: item[name[1]], use["body"]) for item in items) + use["rest"]

    use = r"#define (\w+)\((?P<names>[^()]*)\) (?P<body>.*)\n *(?P<list>\w+)\(\1\)(?P<rest>.*)\n#undef \1"
    return re.sub(use, applied, text)


def declared(header: str) -> str:
    """What a C header declares, for Cython: structs, constants and functions. A field called in becomes in_."""
    lines = [
        "# Written by setup.py from csrc/arguments.h and csrc/kernels.h.",
        "from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t",
    ]
    lines += ["", 'cdef extern from "kernels.h":', "    ctypedef Py_ssize_t isize"]
    declaration = r"typedef (struct|enum) \{([^}]*)\} (\w+);|#define (\w+) (.+)|^((?:static )?const [^;]*);"
    for kind, body, name, constant, _, other in re.findall(declaration, expanded(header), re.MULTILINE):
        if kind == "struct":
            fields = [re.sub(r"\bin\b", 'in_ "in"', " ".join(field.split())) for field in body.split(";")[:-1]]
            fields = [re.sub(r"\*const \*", "**", field) + " noexcept nogil" * ("(" in field) for field in fields]
            lines += [f"    ctypedef struct {name}:", *(f"        {field}" for field in fields)]
        elif kind == "enum" or constant:
            lines += [
                "    enum:",
                *(f"        {each.strip()}" for each in (constant or body).split(",") if each.strip()),
            ]
        else:
            lines.append("    " + other.removeprefix("static ").partition(" =")[0])
    # Broken after commas only: what follows the last bracket must stay on its line.
    glued = [re.sub("(?<!,) ", "\xa0", line) for line in lines]
    glued = [textwrap.fill(line, 120, subsequent_indent=" " * (line.rfind("(") + 1)) for line in glued]
    return "\n".join(glued).replace("\xa0", " ") + "\n"


def write_csrc() -> None:
    """Only where it changes: what includes it is compiled again."""
    headers = (Path("csrc", name).read_text() for name in ("arguments.h", "kernels.h"))
    text, path = declared("\n".join(headers)), Path("fastnn/engine/csrc.pxd")
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


class BuildExt(build_ext):
    """Compiles csrc with each level's flags into the module that owns the tables, and thread_team with OpenMP."""

    def initialize_options(self) -> None:
        super().initialize_options()
        self.parallel = os.cpu_count()  # pip passes no --parallel

    def openmp_flags(self) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "openmp.c")
            source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
            try:
                objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=["-fopenmp"])
                self.compiler.link_executable(objects, str(Path(folder, "openmp")), extra_postargs=["-fopenmp"])
            except (CompileError, LinkError):
                print("fastnn: this compiler has no OpenMP; building for one thread")
                return []
        return ["-fopenmp"]

    def build_extension(self, extension: Extension) -> None:
        if extension.name == "fastnn.engine.thread_team":
            flags = self.openmp_flags() if OPENMP else []
            extension.extra_compile_args += flags
            extension.extra_link_args += flags
        if extension.name == "fastnn.engine.op":
            for level, level_flags in LEVELS.get(ARCHITECTURE, {"base": []}).items():
                extension.extra_objects += self.compiler.compile(
                    [f"csrc/isa_{level}.c"],
                    output_dir=self.build_temp,
                    include_dirs=["csrc"],
                    extra_postargs=[*C_FLAGS, "-Wno-psabi", *level_flags],
                )
        super().build_extension(extension)


def extension(path: str) -> Extension:
    name = path.removesuffix(".pyx").replace(os.sep, ".")
    return Extension(
        name,
        [path, "csrc/dispatch.c"] if name == "fastnn.engine.op" else [path],
        include_dirs=["csrc", numpy.get_include()],
        depends=glob("csrc/*.h"),
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"), ("CYTHON_CLINE_IN_TRACEBACK", "0")],
        extra_compile_args=[*C_FLAGS],
        extra_link_args=[*LINK_FLAGS],
    )


write_csrc()
setup(
    ext_modules=cythonize(
        [extension(path) for path in sorted(glob("fastnn/**/*.pyx", recursive=True))],
        compiler_directives=DIRECTIVES,
        build_dir="build/cython",
        nthreads=os.cpu_count() or 1,
    ),
    cmdclass={"build_ext": BuildExt},
)
