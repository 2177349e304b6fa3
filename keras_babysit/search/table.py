"""The table and the advice at the end of a search, for the terminal."""

import io

import rich.box
import rich.console
from rich.table import Table
from rich.text import Text

from keras_babysit.search.progress import WIDTH, ends
from keras_babysit.search.record import COMPLETE, deviation, ranking

MOST_ROWS = 10
STYLES = {"NOTE": "cyan", "WARNING": "yellow", "ERROR": "red"}


def summary(records, findings, objective):
    """Return what `print` and the end of `fit` show, as something that rich can print."""
    return rich.console.Group(
        _table(records, objective), _count(records), *(_line(one) for one in findings)
    )


def as_text(renderable):
    """Return what rich would print, as plain text."""
    stream = io.StringIO()
    show(renderable, stream)
    return stream.getvalue().rstrip("\n")


def show(renderable, stream=None):
    """Print to a stream; None is `sys.stdout`."""
    console = rich.console.Console(file=stream, highlight=False, markup=False, emoji=False)
    if not console.is_terminal or console.width > WIDTH:
        console.width = WIDTH
    console.print(renderable)


def _table(records, objective):
    shown = ranking(records)[:MOST_ROWS]
    names = list(dict.fromkeys(name for record in shown for name in record.params))
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("rank", "trial", objective.name, "±", "folds", "gap", *names):
        table.add_column(column, justify="right", overflow="fold")
    for place, record in enumerate(shown, 1):
        is_best = place == 1 and record.state == COMPLETE
        table.add_row(
            str(place),
            str(record.number),
            f"{record.score:.4g}",
            f"{deviation(record.scores):.2g}" if len(record.scores) > 1 else "",
            str(len(record.scores)),
            f"{record.gap:+.2g}",
            *(_value(record.params.get(name, "")) for name in names),
            style="bold" if is_best else None,
        )
    return table


def _count(records):
    complete = sum(record.state == COMPLETE for record in records)
    examples = sum(record.examples for record in records)
    parts = (f"{len(records)} trials: {complete} complete", ends(records))
    return Text(f"{' · '.join(filter(None, parts))}; {examples:,} examples trained on")


def _line(finding):
    style = STYLES[finding.severity.name]
    number = finding.evidence.get("round")
    after = "" if number is None else f" after round {number + 1}"
    text = Text.assemble(
        (f"{finding.severity.name} {finding.rule}", f"bold {style}"),
        f"{after}: {finding.message}",
    )
    if finding.remedies and finding.remedies[0].code:
        text.append(f"\n     {finding.remedies[0].code}", "cyan")
    return text


def _value(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)
