"""Callbacks that take the worst epoch for the best."""

from typing import Any

from keras_babysit.actions import OWN_CODE, SAVES, SetCallback
from keras_babysit.facts import CallbackFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule

WORDS = {"min": "smallest", "max": "largest"}


@rule(
    title="Callback monitors in the wrong direction",
    explains=("stopped_early", "learning_rate_decays_early", *POOR_FIT),
    needs=("logs/loss",),
    silent=("in the first epoch", "on metrics whose better end is not known"),
)
def wrong_monitor_direction(history: History) -> list[Finding]:
    """Report callbacks that wait for the worse end of what they monitor.

    `EarlyStopping(monitor="val_auc", mode="min")` stops as soon as the area grows, and puts back
    the weights of the worst epoch. A `ModelCheckpoint` saves the worst epoch, and
    `ReduceLROnPlateau` lowers the learning rate while the network improves.

    Reads the facts of the callbacks: the end that each looks for, and the better end, which is the
    small one of a loss and what the class of a metric says. It is silent if one of them is not
    known, and on a `ModelCheckpoint` that saves every epoch.

    Args:
        history: The history of the run.

    Returns:
        One WARNING per callback; empty if all look for the better end.

    Example:
        >>> wrong_monitor_direction(History())
        []

    Reference:
        The documentation of `keras.callbacks.EarlyStopping`, argument `mode`.
    """
    found: dict[str, Finding] = {}
    for one in history.facts.callbacks:
        is_wrong = one.better is not None and one.looks_for not in (None, one.better)
        if is_wrong and not (one.action == "saves" and not one.restores_best):
            name = one.class_name or "A callback"
            found.setdefault(name, _finding(one, name))
    return list(found.values())


def _finding(one: CallbackFacts, name: str) -> Finding:
    effects = {
        "stops": "It stops the run while the network improves"
        + (", and keeps the weights of the worst epoch" if one.restores_best else ""),
        "saves": "It saves the weights of the worst epoch",
        "lowers_learning_rate": "It lowers the learning rate while the network improves",
    }
    return Finding(
        rule="wrong_monitor_direction",
        severity=Severity.WARNING,
        target=name,
        message=f'The callback "{name}" looks for the {WORDS[str(one.looks_for)]} '
        f'"{one.monitor}", but {"larger" if one.better == "max" else "smaller"} values are better. '
        f"{effects[str(one.action)]}.",
        evidence={"monitor": one.monitor, "mode": one.looks_for, "better": one.better},
        remedies=(_remedy(one, name),),
        reference="keras.callbacks.EarlyStopping, argument `mode`",
    )


def _remedy(one: CallbackFacts, name: str) -> Remedy:
    text, mode, monitor = f'Set `mode="{one.better}"` in {name}.', one.better or "auto", one.monitor
    if name == "ModelCheckpoint":
        code = f'"best.keras", "{monitor}", mode="{mode}", save_best_only=True'
        return Remedy(text, f"keras.callbacks.{name}({code})", no_change_because=SAVES)
    if name not in ("EarlyStopping", "ReduceLROnPlateau"):
        return Remedy(text, no_change_because=OWN_CODE)
    more: tuple[tuple[str, Any], ...] = (("mode", mode),)
    if name == "EarlyStopping":
        more += (("patience", one.patience or 10), ("restore_best_weights", one.restores_best))
    return Remedy(text, change=SetCallback(name, monitor or "val_loss", more))
