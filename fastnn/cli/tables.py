"""Tables in CSV files: a header, then numbers. Errors name the file, the line and the column."""

import csv
import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TextIO

import numpy as np

from fastnn.common.checks import LARGEST

#: The most frequent of these in the header delimits the cells.
DELIMITERS = ",;\t"


@dataclass
class Table:
    """Columns of a file: numbers float64 (rows, features), the target's cells as text, and the line of each row."""

    path: str
    features: list[str]
    numbers: np.ndarray
    target: list[str]
    lines: list[int]

    def place(self, row: int, column: str) -> str:
        """The position of a cell in the file, for error messages."""
        return _place(self.path, self.lines[row], column)


def read(path: str | os.PathLike[str], features: Sequence[str] | None = None, target: str | None = None) -> Table:
    """The table in a CSV file: UTF-8, cells between commas, semicolons or tabs, the columns' names in the first line.

    features: the columns with the numbers, in this order; None is all but the target. Other columns are ignored.
    Raises OSError where the file cannot be read; ValueError for missing columns, for a line with more or fewer
    cells than the header, and for a cell that is empty, not a number, or beyond float32.
    """
    path = os.fspath(path)
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        records = _records(path, file)
        columns = _header(path, *next(records, (1, [])))
        index = {name: i for i, name in enumerate(columns)}
        if features is None:
            target = _known(path, columns, target)
            features = [name for name in columns if name != target]
            if not features:
                raise ValueError(f"{path}: has no column except the target {target!r}")
        else:
            features = list(features)
            if missing := [name for name in features if name not in index]:
                wanted = f"there is no column {listed(missing)}; expected {listed(features)}"
                raise ValueError(f"{path}: {wanted}; the file has {listed(columns)}")
        places = [index[name] for name in features]
        table = Table(path, features, np.empty(0), [], [])
        values = array("d")
        for line, cells in records:
            if len(cells) != len(columns):
                raise ValueError(_ragged(path, line, cells, columns))
            values.extend(_numbers(path, line, features, [cells[i] for i in places]))
            table.lines.append(line)
            if target is not None:
                table.target.append(cells[index[target]].strip())
    if not table.lines:
        raise ValueError(f"{path}: has a header but no rows")
    table.numbers = np.frombuffer(values).reshape(-1, len(features))
    return table


def number(cell: str, place: str) -> float:
    """The number in a cell. Raises ValueError where it is empty, not a number, or beyond float32."""
    if not cell.strip():
        raise ValueError(f"{place}: the cell is empty")
    if not is_number(cell):
        raise ValueError(f"{place}: {shown(cell)} is not a number")
    value = float(cell)
    if not abs(value) <= LARGEST:
        raise ValueError(f"{place}: {shown(cell)} is not a finite number within float32's range")
    return value


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, finite or not; 1_000, a number in Python, is not one here."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def listed(names: Sequence[str]) -> str:
    """Names for error messages: the first 20."""
    text = ", ".join(map(shown, names[:20]))
    return text if len(names) <= 20 else f"{text} and {len(names) - 20} more"


def shown(text: str) -> str:
    """A text for error messages: in quotes, on one line, at most 60 characters."""
    return repr(text if len(text) <= 60 else text[:60] + "...")


def _place(path: str, line: int, column: str) -> str:
    return f"{path}:{line}: column {shown(column)}"


def _records(path: str, file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """The records of a file, each with the line that it begins on; blank lines may only follow the last one."""
    first = file.readline()
    delimiter = max(DELIMITERS, key=first.count)
    lines = _decoded(path, chain([first], file))
    records = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    line, blank = 1, 0
    while True:
        try:
            cells = next(records, None)
        except csv.Error as error:
            raise ValueError(f"{path}:{line}: not a valid record: {error}; is a quote left open?") from None
        if cells is None:
            return
        if not cells or (len(cells) == 1 and not cells[0].strip()):
            blank = blank or line
        elif blank:
            raise ValueError(f"{path}:{blank}: the line is blank, and more lines follow")
        else:
            yield line, cells
        line = records.line_num + 1


def _decoded(path: str, lines: Iterator[str]) -> Iterator[str]:
    """The lines, each checked for bytes that are not UTF-8: decoding by blocks could not say on which line they are."""
    for number, line in enumerate(lines, 1):
        if not line.isascii():
            try:
                line.encode()
            except UnicodeEncodeError:
                raise ValueError(f"{path}:{number}: not UTF-8 text; save the file in this encoding") from None
        yield line


def _header(path: str, line: int, cells: list[str]) -> list[str]:
    """The names of the columns."""
    if not cells:
        raise ValueError(f"{path}: is empty; expected the names of the columns in the first line")
    names = [cell.strip() for cell in cells]
    seen = set()
    for i, name in enumerate(names):
        if not name:
            raise ValueError(f"{path}:{line}: the header has no name for column {i + 1}")
        if name in seen:
            raise ValueError(f"{path}:{line}: the header has two columns {shown(name)}; the first line must name each")
        seen.add(name)
    return names


def _known(path: str, columns: list[str], target: str | None) -> str:
    if target is None:
        raise ValueError(f"{path}: --target must name the column to predict; there are {listed(columns)}")
    if target not in columns:
        raise ValueError(f"{path}: there is no column {shown(target)} for --target; there are {listed(columns)}")
    return target


def _ragged(path: str, line: int, cells: list[str], columns: list[str]) -> str:
    """The error message for a line with too few or too many cells."""
    counts = f"the line has {len(cells)} cells, the header {len(columns)}"
    if len(cells) < len(columns):
        return f"{_place(path, line, columns[len(cells)])}: missing: {counts}"
    return f"{path}:{line}: column {len(columns) + 1}: not in the header: {counts}"


def _numbers(path: str, line: int, columns: Sequence[str], cells: list[str]) -> list[float]:
    """The numbers in the cells of a line: parsed at once, or one by one to name the wrong cell."""
    try:
        values = list(map(float, cells))
        if sum(map(abs, values)) <= LARGEST and "_" not in "".join(cells):  # a NaN compares false
            return values
    except ValueError:
        pass
    return [number(cell, _place(path, line, name)) for name, cell in zip(columns, cells, strict=True)]
