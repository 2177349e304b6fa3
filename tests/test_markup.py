"""The fragments that notebooks show."""

import re

import pytest

from keras_babysit import markup

GROUNDS = {"light": ["#ffffff"], "dark": ["#111111", "#383838"]}
"""White, and the grounds of a cell's output in JupyterLab and in Colab."""


def luminance(colour):
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("theme", "colours"), [("light", markup.LIGHT), ("dark", markup.DARK)])
def test_every_colour_is_readable_on_the_grounds_of_its_theme(theme, colours):
    for kind, colour in colours.items():
        for ground in GROUNDS[theme]:
            assert contrast(colour, ground) >= 4.5, (kind, ground)


def test_a_fragment_uses_no_colour_beside_those():
    style = re.search(r"<style>(.*)</style>", markup.fragment("x"), re.DOTALL)[1]
    known = {*markup.LIGHT.values(), *markup.DARK.values()}
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}", style)) <= known
    assert set(re.findall(r"var\(--kb-(\w+)\)", style)) <= set(markup.LIGHT)


def test_texts_are_escaped():
    text = "<script>alert(1)</script>"
    parts = [
        markup.heading(text, "error", text),
        markup.paragraph(text, lead=text),
        markup.code(text),
        markup.fold(text, markup.paragraph(text)),
        markup.table((text,), [(text,)]),
        markup.sparkline([1.0, 2.0], text),
    ]
    for part in parts:
        assert "<script" not in part
        assert "&lt;script&gt;" in part


def test_a_sparkline_leaves_gaps_and_needs_two_points():
    assert markup.sparkline([1.0, float("nan")], "") == ""
    line = markup.sparkline([1.0, 2.0, float("nan"), 1.0, 3.0], "loss")
    assert line.count("M") == 2
