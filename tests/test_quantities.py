"""The dictionary of quantities: what is defined, refused and registered, and what follows of it."""

import ast
import re
from pathlib import Path

import pytest

import keras_babysit as kb
from keras_babysit import errors, quantities
from keras_babysit.quantities import SHIPPED, Of, Quantity, Scale, describe
from tools.quantities_page import OF, PAGE, page

ROOT = Path(kb.__file__).parents[1]


def own(name, title="Mine", **kwargs):
    return Quantity(name, "layer", title, "for a test", **kwargs)


def test_names_and_titles_are_unique():
    for field in ("name", "title"):
        values = [getattr(one, field) for one in SHIPPED]
        assert len(set(values)) == len(values)


def test_headings_fit_above_a_chart():
    assert [one.heading for one in SHIPPED if len(one.heading) > 80] == []


def test_page_is_what_the_generator_gives():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs-pages`"


def test_page_holds_every_quantity_and_says_what_each_is_of():
    text = page()
    assert [one.name for one in SHIPPED if f"| `{one.name}` |" not in text] == []
    assert set(OF) == set(Of) - {Of.UNKNOWN}


def literals(path):
    """Return the string literals of a module that look like a quantity of a known group."""
    groups = {one.group for one in SHIPPED}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if re.fullmatch(r"\w+/\w*[a-z]", text) and text.partition("/")[0] in groups:
                yield text


@pytest.mark.parametrize("folder", ["keras_babysit", "benchmarks", "examples"])
def test_every_name_in_the_code_is_defined(folder):
    found = {text: path for path in (ROOT / folder).rglob("*.py") for text in literals(path)}
    assert found
    assert {text: path for text, path in found.items() if not is_known(text)} == {}


def is_known(name):
    try:
        quantities.get(name)
    except errors.UnknownQuantityError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("activations/dead_fracton", "activations/dead_fraction"),
        ("activation/std", "activations/std"),
        ("gradient/norm", "gradients/norm"),
        ("learning_rate", "optimizer/learning_rate"),
        ("", ""),
        ("activations/", "activations/"),
    ],
)
def test_unknown_name_raises_with_the_nearest_one(name, nearest):
    with pytest.raises(errors.UnknownQuantityError, match=f"nearest known name is '{nearest}"):
        quantities.get(name)
    assert issubclass(errors.UnknownQuantityError, errors.KerasBabysitError)
    assert issubclass(errors.UnknownQuantityError, ValueError)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("score/accuracy", "accuracy"),
        ("score/accuracy_stderr", "accuracy, standard error"),
        ("score/f1/macro", "f1/macro"),
        ("score/*", "*"),
        ("score/loss", "loss"),
        ("logs/val_loss", "val_loss, as reported by Keras"),
        ("logs/two\nlines", "two lines, as reported by Keras"),
        ("score/", "?"),
    ],
    ids=ascii,
)
def test_families_cover_any_metric(name, title):
    found = quantities.get(name)
    assert (found.name, found.title) == (name, title)
    assert found.of == (Of.SPLIT if name.startswith("score") else Of.RUN)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("mine/rank_of_kernel", "Mine: rank of kernel"),
        ("alone", "Alone"),
        ("a\nb/c", "A b: c"),
        ("", "?"),
        ("/", "?"),
    ],
    ids=ascii,
)
def test_what_is_not_defined_is_spelled_out(name, title):
    found = describe(name)
    assert (found.name, found.title, found.of) == (name, title, Of.UNKNOWN)


def test_defined_ones_are_described_as_they_are_defined():
    assert describe("gradients/norm") is quantities.QUANTITIES["gradients/norm"]
    assert describe("score/auc") == quantities.get("score/auc")


def test_a_registered_quantity_can_be_measured_and_read():
    quantity = own("registered/once", "Once", unit="bits", scale="log")
    history = kb.History()
    with pytest.raises(errors.UnknownQuantityError):
        history.append(kb.Measurement(0, 0, quantity.name, "dense", 1.0))
    kb.register_quantity(quantity)
    kb.register_quantity(own("registered/once", "Once", unit="bits", scale=Scale.LOG))  # the same
    history.append(kb.Measurement(0, 0, quantity.name, "dense", 1.0))
    assert history.last("registered/once", "dense") == 1.0
    assert describe("registered/once").heading == "Once (bits)"


def test_a_registered_family_covers_its_names_and_exact_names_come_first():
    assert not is_known("registered_family/a")  # looked up before: the answer must not be kept
    kb.register_quantity(own("registered_family/*", "Any *"))
    kb.register_quantity(own("registered_family/b", "Exactly b"))
    titles = [quantities.get(f"registered_family/{name}").title for name in "ab"]
    assert titles == ["Any a", "Exactly b"]


def test_a_second_definition_must_be_asked_for():
    kb.register_quantity(own("registered/twice"))
    other = own("registered/twice", "Other")
    with pytest.raises(ValueError, match=r"defined as 'Mine' and as 'Other'.*replace=True"):
        kb.register_quantity(other)
    kb.register_quantity(other, replace=True)
    assert quantities.get("registered/twice").title == "Other"


@pytest.mark.parametrize("name", ["gradients/norm", "score/*"])
def test_definitions_of_the_package_stay(name):
    with pytest.raises(ValueError, match="cannot be redefined"):
        kb.register_quantity(own(name), replace=True)
    assert quantities.get(name).title != "Mine"


def test_what_it_is_of_must_be_said():
    with pytest.raises(ValueError, match="must say what it is of"):
        kb.register_quantity(Quantity("registered/never", Of.UNKNOWN, "Never", "never"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "std"}, r'`name` must be "group/what".*Received: name=\'std\''),
        ({"name": "/std"}, "`name` must be"),
        ({"name": "mine/"}, "`name` must be"),
        ({"name": "*/std"}, "`name` must be"),
        ({"name": "mine/*_*"}, "at most one"),
        ({"of": "batch"}, "`of` must be one of 'layer', 'weight', .*Received: of='batch'"),
        ({"scale": "cubic"}, "`scale` must be one of 'linear', 'log', 'fraction'"),
        ({"title": ""}, "`title` must be one line"),
        ({"title": "a\nb"}, "`title` must be one line"),
        ({"computed": " "}, "`computed` must be one line"),
        ({"has_histogram": True}, "per_unit=True"),
    ],
    ids=str,
)
def test_arguments_are_checked(changed, message):
    arguments = {"name": "mine/what", "of": "layer", "title": "Mine", "computed": "somehow"}
    Quantity(**arguments)
    with pytest.raises(ValueError, match=message):
        Quantity(**arguments | changed)
