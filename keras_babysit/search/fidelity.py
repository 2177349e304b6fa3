"""How far a trial is trained in each round: on how many folds, and for how many epochs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

REDUCTION = 3
"""Factor between the epochs of two coarse rounds, and between the trials that go on. Li et al.,
"Hyperband", 2018, section 5.2, and Li et al., "ASHA", 2020, use 3 or 4: with 3, each round costs
about as much as the one before."""


COARSE = 2
"""Largest number of rounds with less than all folds and epochs."""


@dataclass(frozen=True)
class Fidelity:
    """A training on some folds, for some epochs.

    Args:
        folds: Number of folds, at least 1.
        epochs: Number of epochs of each fold; None for all that `fit` is asked for.
    """

    folds: int
    epochs: int | None


@dataclass(frozen=True)
class Stage:
    """A part of a trial that ends with a score: some epochs of one fold.

    Args:
        rung: Index of the fidelity that it belongs to.
        fold: Index of the fold.
        start: Number of epochs that the model has been trained for before.
        end: Number of epochs after it; None for all that `fit` is asked for.
        is_last: Whether the fidelity is reached after it.
    """

    rung: int
    fold: int
    start: int = 0
    end: int | None = None
    is_last: bool = False


def read_fidelities(
    fidelity: str | Sequence[tuple[int, int]] | None, rounds: int, folds: int, epochs: int | None
) -> list[Fidelity]:
    """Return the fidelity of each round.

    Args:
        fidelity: `"auto"` for one fold and a third of the epochs in the first round, one fold and
            all epochs in the second one, and all folds from the third one on; with two rounds, one
            fold in the first one. None for all folds and epochs in every round; or one
            `(folds, epochs)` per round.
        rounds: Number of rounds.
        folds: Number of folds.
        epochs: Number of epochs of `fit`; None if it is unknown.

    Returns:
        One `Fidelity` per round. The last one has all folds and epochs.

    Raises:
        ValueError: If folds or epochs decrease from round to round, exceed those of the search, or
            the last round has not all of them.

    Example:
        >>> [(one.folds, one.epochs) for one in read_fidelities("auto", 3, 5, 30)]
        [(1, 10), (1, 30), (5, 30)]
    """
    full = Fidelity(folds, epochs)
    if fidelity is None:
        return [full] * rounds
    if isinstance(fidelity, str):
        if fidelity != "auto":
            raise ValueError(f"{_LAW} Received: fidelity={fidelity!r}")
        coarse = [Fidelity(1, _shortened(epochs, REDUCTION**k)) for k in range(COARSE - 1, -1, -1)]
        coarse = coarse[max(0, COARSE + 1 - rounds) :]
        return coarse + [full] * (rounds - len(coarse))
    found = [_read_pair(pair, fidelity) for pair in fidelity]
    ladder = list(itertools.pairwise(found))
    rises = all(a.folds <= b.folds and (a.epochs or 0) <= (b.epochs or 0) for a, b in ladder)
    if len(found) != rounds or not rises or found[-1] != full:
        raise ValueError(
            f"{_LAW} Received: fidelity={list(fidelity)}, rounds={rounds}, {folds} folds, "
            f"epochs={epochs}"
        )
    return found


def stages(fidelities: Sequence[Fidelity]) -> list[Stage]:
    """Return the stages of a trial that reaches all fidelities, in order.

    Each trial passes these stages, however far it goes, and the random seeds are set at the start
    of each of them. So a trial that is continued in a later round ends with the same weights as
    one that was never interrupted.
    """
    found: list[Stage] = []
    done: dict[int, int | None] = {}
    for rung, now in enumerate(fidelities):
        due = [fold for fold in range(now.folds) if fold not in done or done[fold] != now.epochs]
        for fold in due:
            found.append(Stage(rung, fold, done.get(fold) or 0, now.epochs, fold == due[-1]))
            done[fold] = now.epochs
    return found


_LAW = (
    'Argument `fidelity` must be "auto", None, or one `(folds, epochs)` per round that do not '
    "decrease and end with all folds and epochs."
)


def _shortened(epochs: int | None, factor: int) -> int | None:
    return epochs if epochs is None else max(1, -(-epochs // factor))


def _read_pair(pair: tuple[int, int], fidelity: object) -> Fidelity:
    try:
        folds, epochs = (int(number) for number in pair)
    except (TypeError, ValueError):
        raise ValueError(f"{_LAW} Received: fidelity={fidelity!r}") from None
    if min(folds, epochs) < 1:
        raise ValueError(f"{_LAW} Received: fidelity={fidelity!r}")
    return Fidelity(folds, epochs)
