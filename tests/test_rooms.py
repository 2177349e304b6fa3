"""No room imports a private module of another room; import-linter checks the directions."""

import ast
import pathlib

import pytest

import keras_babysit

ROOT = pathlib.Path(keras_babysit.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def imported_by(tree):
    """Return the names that a module imports, `from a import b` as both `a` and `a.b`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def is_private_of_another_room(name, room):
    package, *parts = name.split(".")
    if package != ROOT.name or not parts or parts[0] == room:
        return False
    return any(part.startswith("_") and not part.startswith("__") for part in parts)


def test_private_modules_of_other_rooms_are_told_from_those_of_ones_own():
    code = """
import keras_babysit.rules._shares
from keras_babysit.rules import _progress, dead_units
from keras_babysit.rules._scores import gaps
from keras_babysit import __version__
"""
    names = imported_by(ast.parse(code))
    assert {name for name in names if is_private_of_another_room(name, "checks")} == {
        "keras_babysit.rules._shares",
        "keras_babysit.rules._progress",
        "keras_babysit.rules._scores",
        "keras_babysit.rules._scores.gaps",
    }
    assert not [name for name in names if is_private_of_another_room(name, "rules")]


@pytest.mark.parametrize("path", FILES, ids=[str(file.relative_to(ROOT)) for file in FILES])
def test_no_private_module_of_another_room_is_imported(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    names = imported_by(ast.parse(path.read_text(encoding="utf-8")))
    private = {name for name in names if is_private_of_another_room(name, room)}
    assert private == set()
