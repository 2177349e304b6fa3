"""The table of the best trials and the findings, at the end of a search."""

import io
import math

import rich.box
import rich.console
from rich.table import Table
from rich.text import Text

from keras_babysit.search.finalists import winner
from keras_babysit.search.progress import WIDTH, incomplete_text
from keras_babysit.search.record import COMPLETE, mean, ranking, standard_deviation

MAX_TABLE_ROWS = 10
STYLES = {"NOTE": "cyan", "WARNING": "yellow", "ERROR": "red"}


def summary(records, findings, objective):
    """Return the table, the counts and the findings, as a `rich` renderable."""
    return rich.console.Group(
        _table(records, objective), _count(records), *(_line(one) for one in findings)
    )


def as_text(renderable):
    """Return a `rich` renderable as plain text."""
    stream = io.StringIO()
    show(renderable, stream)
    return stream.getvalue().rstrip("\n")


def show(renderable, stream=None):
    """Print a `rich` renderable to a stream; None for `sys.stdout`."""
    console = rich.console.Console(file=stream, highlight=False, markup=False, emoji=False)
    if not console.is_terminal or console.width > WIDTH:
        console.width = WIDTH
    console.print(renderable)


def _table(records, objective):
    shown = ranking(records)[:MAX_TABLE_ROWS]
    chosen = winner(records)
    names = list(dict.fromkeys(name for record in shown for name in record.params))
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    reruns = ["reruns"] if any(record.reruns for record in shown) else []
    for column in ("rank", "trial", objective.name, "±", *reruns, "folds", "gap", *names):
        table.add_column(column, justify="right", overflow="fold")
    for rank, record in enumerate(shown, 1):
        is_best = chosen is not None and record.number == chosen.number
        table.add_row(
            str(rank),
            str(record.number),
            f"{record.score:.4g}",
            f"{standard_deviation(record.scores):.2g}" if len(record.scores) > 1 else "",
            *([_reruns(record)] if reruns else []),
            str(len(record.scores)),
            "" if math.isnan(record.gap) else f"{record.gap:+.2g}",
            *(shown_value(record.params.get(name, "")) for name in names),
            style="bold" if is_best else None,
        )
    return table


def _reruns(record):
    """Return the mean over the repetitions with other seeds, and their spread."""
    if not record.reruns:
        return ""
    means = [mean(scores) for scores in record.reruns]
    spread = f" ± {standard_deviation(means):.2g}" if len(means) > 1 else ""
    return f"{mean(means):.4g}{spread}"


def _count(records):
    complete = sum(record.state == COMPLETE for record in records)
    examples = sum(record.examples for record in records)
    parts = (f"{len(records)} trials: {complete} complete", incomplete_text(records))
    return Text(f"{' · '.join(filter(None, parts))}; {examples:,} examples trained on")


def _line(finding):
    style = STYLES[finding.severity.name]
    text = Text.assemble(
        (f"{finding.severity.name} {finding.rule}", f"bold {style}"),
        f" after round {finding.epoch + 1}: {finding.message}",
    )
    if finding.remedies and finding.remedies[0].code:
        text.append(f"\n     {finding.remedies[0].code}", "cyan")
    return text


def shown_value(value):
    """Return the value of a hyperparameter as text."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
