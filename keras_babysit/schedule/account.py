"""What measuring one model has cost so far, over all of its runs in this process."""

import weakref
from dataclasses import dataclass
from typing import Any


@dataclass
class Account:
    """The estimated cost of the earlier runs of one model.

    Args:
        spent: Estimated seconds of its measurements.
        trained: Estimated seconds of its training steps.
        headroom: Estimated seconds that the headroom of the learning rate took beside `spent`.
        share: Fraction of the allowance that this model gets, where many models are trained.
        looks_per_step: Probes of a run at most, as a fraction of its steps; None for no such limit.
        is_watched_only: Whether no rule reads scores, gradients, how the loss behaves and what the
            outputs depend on, so that these are not measured.
    """

    spent: float = 0.0
    trained: float = 0.0
    headroom: float = 0.0
    share: float = 1.0
    looks_per_step: float | None = None
    is_watched_only: bool = False


_accounts: "weakref.WeakKeyDictionary[Any, Account]" = weakref.WeakKeyDictionary()


def account_of(model: Any) -> Account:
    """Return the `Account` of a model, which lives as long as the model.

    Example:
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> account_of(model).spent += 0.5
        >>> account_of(model)
        Account(spent=0.5, trained=0.0, headroom=0.0, share=1.0, looks_per_step=None, ...)
    """
    return _accounts.setdefault(model, Account())
