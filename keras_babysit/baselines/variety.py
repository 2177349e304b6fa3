"""How different the predictions are from one example to the next."""

import math

import numpy as np

from keras_babysit.baselines.task import Task

MAX_RARE = 0.1
"""Fraction of positives up to which they are rare: a tenth, as in `class_imbalance`."""

MIN_POSITIVES = 20
"""Positives from which on a recall of 0 is no chance: at a recall of 0.2 it is 1 in 87."""


def variety(task: Task) -> dict[str, float]:
    """Return how much the predictions of a `Task` vary, and how much its targets do.

    Returns:
        By name; empty where nothing can be said.

        - `largest_share`, `targets_largest_share`: for classes and one label, the fraction of the
          most frequent predicted class and of the most frequent true one. Of several labels, "no"
          may be the likelier answer for every example, which is no lack of variety.
        - `spread`: for numbers, the standard deviation of the predictions over the examples, as a
          multiple of that of the targets.
        - `recall`: for labels of which at most a tenth are true, the fraction of these that is
          predicted.
        - `auc`, `auc_stderr`: for labels and two classes, the area under the ROC curve, and the
          standard error that it has where the predictions are random.
    """
    ranked = {} if task.ranks is None else auc(task.targets.reshape(task.ranks.shape), task.ranks)
    if ranked and task.groups is not None:  # the rows of one example may be alike
        ranked["auc_stderr"] *= math.sqrt(len(task.groups) / len(np.unique(task.groups)))
    if task.kind == "numbers":
        predicted, true = (rows.var(axis=0).mean() for rows in (task.predictions, task.targets))
        return {"spread": float(np.sqrt(predicted / (true if true > 0 else 1)))}
    if task.kind == "labels":
        ranked = ranked | rare_recall(task)
    if task.kind == "labels" and task.targets.shape[1] > 1:
        return ranked
    counts = [
        np.unique(rows, axis=0, return_counts=True)[1] for rows in (task.predictions, task.targets)
    ]
    largest = [float(one.max() / one.sum()) for one in counts]
    return ranked | dict(zip(("largest_share", "targets_largest_share"), largest, strict=True))


def rare_recall(task: Task) -> dict[str, float]:
    """Return the recall of the positives of labels, empty unless they are rare.

    Where most labels are no, a network that always says no has few errors.

    Args:
        task: A `Task` of labels.
    """
    is_yes = task.targets > 0.5
    if not 0 < is_yes.mean() <= MAX_RARE or is_yes.sum() < MIN_POSITIVES:
        return {}
    return {"recall": float((task.predictions[is_yes] > 0.5).mean())}


def auc(targets: np.ndarray, ranks: np.ndarray) -> dict[str, float]:
    """Return the area under the ROC curve and its standard error, empty without a pair.

    It is the fraction of pairs of a yes and a no that are ranked correctly; of several labels the
    pairs of each are counted together.

    Args:
        targets: 1 for yes, 0 or less for no, `(examples, labels)`.
        ranks: Higher where yes is likelier, of the same shape.

    Reference:
        Mann and Whitney, "On a Test of Whether one of Two Random Variables is Stochastically Larger
        than the Other", 1947.
    """
    pairs = above = variance = 0.0
    for is_yes, values in zip(targets.T > 0, ranks.T, strict=True):
        yes, no = int(is_yes.sum()), int((~is_yes).sum())
        _, groups, counts = np.unique(values, return_inverse=True, return_counts=True)
        middle = np.cumsum(counts) - (counts - 1) / 2  # equal values share their mean rank
        above += middle[groups][is_yes].sum() - yes * (yes + 1) / 2
        variance += yes * no * (yes + no + 1) / 12
        pairs += yes * no
    if not pairs:
        return {}
    return {"auc": float(above / pairs), "auc_stderr": float(math.sqrt(variance) / pairs)}
