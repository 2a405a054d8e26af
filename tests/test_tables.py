"""Tables in CSV files: what is read, and the place that each mistake in a file is named by."""

import re
from pathlib import Path

import numpy as np
import pytest

from fastnn.cli import tables


def written(folder: Path, text: str | bytes) -> Path:
    """A file data.csv with that text."""
    path = folder / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


GOOD: dict[str, str | bytes] = {
    "plain": "a,b,y\n1,2.5,yes\n-3,4e-2,no\n",
    "no newline at the end": "a,b,y\n1,2.5,yes\n-3,4e-2,no",
    "BOM": b"\xef\xbb\xbfa,b,y\n1,2.5,yes\n-3,4e-2,no\n",
    "CRLF": "a,b,y\r\n1,2.5,yes\r\n-3,4e-2,no\r\n",
    "CR": "a,b,y\r1,2.5,yes\r-3,4e-2,no\r",
    "quotes": '"a","b","y"\n"1","2.5","yes"\n"-3","4e-2","no"\n',
    "spaces": 'a, b , "y"\n 1 ,2.5, "yes"\n-3, 4e-2,no \n',
    "blank lines at the end": "a,b,y\n1,2.5,yes\n-3,4e-2,no\n\n  \n\r\n",
    "semicolons": "a;b;y\n1;2.5;yes\n-3;4e-2;no\n",
    "tabs": "a\tb\ty\n1\t2.5\tyes\n-3\t4e-2\tno\n",
}


@pytest.mark.parametrize("name", GOOD)
def test_ways_to_write_a_table(name: str, tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, GOOD[name]), target="y")
    assert table.features == ["a", "b"]
    np.testing.assert_array_equal(table.numbers, [[1, 2.5], [-3, 0.04]])
    assert (table.target, table.lines) == (["yes", "no"], [2, 3])


def test_columns_by_name(tmp_path: Path) -> None:
    """In the order that is asked for; what is in other columns does not matter."""
    path = written(tmp_path, "name,b,y,a\nAnn,2,,1\n,4,what,3\n")
    table = tables.read(path, ["a", "b"])
    np.testing.assert_array_equal(table.numbers, [[1, 2], [3, 4]])
    assert table.target == []
    np.testing.assert_array_equal(tables.read(path, ["b"]).numbers, [[2], [4]])


def test_names_and_cells_of_any_text(tmp_path: Path) -> None:
    """Quoted delimiters and line breaks, and a long file of one column; a row's line is where it begins."""
    path = written(tmp_path, 'a,"Größe, ""m""",y\n1,2,"two\r\nlines"\n3,4,ja\n')
    table = tables.read(path, target="y")
    assert table.features == ["a", 'Größe, "m"'] and table.target == ["two\r\nlines", "ja"]
    assert table.lines == [2, 4]
    column = tables.read(written(tmp_path, "x\n" + "0.1\n" * 5000), ["x"])
    np.testing.assert_array_equal(column.numbers, np.full((5000, 1), 0.1))


LONG = "9" * 200_000
BAD: dict[str, tuple[str | bytes, str]] = {
    "empty file": ("", ": is empty; expected the names of the columns in the first line"),
    "blank lines only": ("\n\n", ": is empty; expected the names of the columns in the first line"),
    "header only": ("a,b,y\n", ": has a header but no rows"),
    "target only": ("y\n1\n", ": has no column except the target 'y'"),
    "empty cell": ("a,b,y\n1,2,0\n3,,1\n", ":3: column 'b': the cell is empty"),
    "cell of spaces": ("a,b,y\n1,2,0\n  ,4,1\n", ":3: column 'a': the cell is empty"),
    "text": ("a,b,y\n1,2,0\n3,abc,1\n", ":3: column 'b': 'abc' is not a number"),
    "two numbers": ("a,b,y\n1 2,2,0\n", ":2: column 'a': '1 2' is not a number"),
    "decimal comma": ("a;b;y\n1;2,5;0\n", ":2: column 'b': '2,5' is not a number"),
    "underscore": ("a,b,y\n1_000,2,0\n", ":2: column 'a': '1_000' is not a number"),
    "hexadecimal": ("a,b,y\n0x10,2,0\n", ":2: column 'a': '0x10' is not a number"),
    "true": ("a,b,y\n1,True,0\n", ":2: column 'b': 'True' is not a number"),
    "NUL": ("a,b,y\n1,2\0,0\n", r":2: column 'b': '2\x00' is not a number"),
    "nan": ("a,b,y\n1,2,0\nnan,4,1\n", ":3: column 'a': 'nan' is not a finite number within float32's range"),
    "inf": ("a,b,y\n1,-inf,0\n", ":2: column 'b': '-inf' is not a finite number within float32's range"),
    "1e400": ("a,b,y\n1,1e400,0\n", ":2: column 'b': '1e400' is not a finite number within float32's range"),
    "1e39": ("a,b,y\n1,1e39,0\n", ":2: column 'b': '1e39' is not a finite number within float32's range"),
    "many digits": (f"a,b,y\n{LONG[:70]},2,0\n", f":2: column 'a': '{LONG[:60]}...' is not a finite number"),
    "huge cell": (f"a,b,y\n1,{LONG},0\n", ":2: not a valid record: field larger than field limit"),
    "open quote": (
        'a,b,y\n1,2,0\n"3,4,1\n5,6,0\n',
        ":3: not a valid record: unexpected end of data; is a quote left open?",
    ),
    "text after a quote": ('a,b,y\n1,"2"3,0\n', ":2: not a valid record: ',' expected after '\"'"),
    "too few cells": ("a,b,y\n1,2,0\n3,4\n", ":3: column 'y': missing: the line has 2 cells, the header 3"),
    "too many cells": ("a,b,y\n1,2,0,7\n", ":2: column 4: not in the header: the line has 4 cells, the header 3"),
    "blank line between": ("a,b,y\n1,2,0\n\n3,4,1\n", ":3: the line is blank, and more lines follow"),
    "blank line before": ("\na,b,y\n1,2,0\n", ":1: the line is blank, and more lines follow"),
    "no name": ("a,,y\n1,2,0\n", ":1: the header has no name for column 2"),
    "name twice": ("a,y, a \n1,2,0\n", ":1: the header has two columns 'a'"),
    "no header": ("1,2,2\n3,4,0\n", ":1: the header has two columns '2'; the first line must name each"),
    "Latin-1": ("a,b,y\n1,2,no\n1,2,né\n".encode("latin-1"), ":3: not UTF-8 text; save the file in this encoding"),
    "UTF-16": ("a,b,y\n1,2,0\n".encode("utf-16"), ":1: not UTF-8 text; save the file in this encoding"),
    "after a long record": ('a,b,y\n1,2,"x\nx"\n3,?,0\n', ":4: column 'b': '?' is not a number"),
    "another target": ("a,b,x\n1,2,0\n", ": there is no column 'y' for --target; there are 'a', 'b', 'x'"),
}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_named_by_their_place(name: str, tmp_path: Path) -> None:
    text, message = BAD[name]
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match="^" + re.escape(f"{path}{message}")) as caught:
        tables.read(path, target="y")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_columns_that_are_missing(tmp_path: Path) -> None:
    """The error lists what there is, but not without end."""
    path = written(tmp_path, "a,b,y\n1,2,0\n")
    with pytest.raises(ValueError, match="--target must name the column to predict; there are 'a', 'b', 'y'"):
        tables.read(path)
    with pytest.raises(
        ValueError, match=r"there is no column 'c', 'd'; expected 'c', 'a', 'd'; the file has 'a', 'b', 'y'"
    ):
        tables.read(path, ["c", "a", "d"])
    names = [f"f{i}" for i in range(785)]
    with pytest.raises(ValueError, match=r"'f19' and 765 more$"):
        tables.read(written(tmp_path, ",".join(names) + "\n"), target="y")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(OSError, match=str(path)):
            tables.read(path, target="y")
