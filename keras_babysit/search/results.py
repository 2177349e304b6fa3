"""The results of a search as columns, named like scikit-learn's `cv_results_`."""

import numpy as np

from keras_babysit.search.record import COMPLETE, mean, ranking, standard_deviation


def cv_results(records, folds):
    """Return a dictionary of columns with one entry per trial, ordered by trial number.

    `params`, `param_<name>`, `split<k>_test_score`, `mean_test_score`, `std_test_score`,
    `rank_test_score`, `mean_train_score`, `mean_fit_time` and `std_fit_time` (seconds of the
    training of a fold) are named like scikit-learn's. `gap`, `round`, `state`,
    `cause`, `cause_step` and `trained_examples` are additional, and so are
    `mean_test_<metric>` for each value that the model reports, `epochs` (of the longest fold),
    and, with reruns, `mean_rerun_score` and `std_rerun_score`: the mean of the repetitions with
    other seeds, and the standard deviation of their means. A missing score is NaN, a missing
    hyperparameter is masked. A trial that is not complete is ranked after all others.
    """
    records = [record for record in records if record.is_finished]
    names = dict.fromkeys(name for record in records for name in record.params)
    complete = [r.number for r in ranking(records) if r.state == COMPLETE]
    ranks = {number: index + 1 for index, number in enumerate(complete)}
    columns = {"params": [dict(record.params) for record in records]}
    columns |= {f"param_{name}": _masked(records, name) for name in names}
    columns |= {
        f"split{k}_test_score": np.array([_at(record.scores, k) for record in records])
        for k in range(folds)
    }
    columns |= {
        "mean_test_score": np.array([record.score for record in records]),
        "std_test_score": np.array([standard_deviation(record.scores) for record in records]),
        "rank_test_score": np.array([ranks.get(r.number, len(records) + 1) for r in records]),
        "mean_train_score": np.array([mean(record.train_scores) for record in records]),
        "mean_fit_time": np.array([mean(record.seconds) for record in records]),
        "std_fit_time": np.array([standard_deviation(record.seconds) for record in records]),
        "gap": np.array([record.gap for record in records]),
        "round": np.array([record.round for record in records]),
        "state": np.array([record.state for record in records]),
        "cause": np.array([record.cause for record in records]),
        "cause_step": np.array([record.step for record in records]),
        "trained_examples": np.array([record.examples for record in records]),
        "epochs": np.array([max(record.epochs, default=0) for record in records]),
    }
    for name in dict.fromkeys(name for record in records for name in record.metrics):
        columns[f"mean_test_{name}"] = np.array([mean(r.metrics.get(name, ())) for r in records])
    if any(record.reruns for record in records):
        spreads = [standard_deviation([mean(one) for one in r.reruns]) for r in records]
        columns["mean_rerun_score"] = np.array([record.rerun_score for record in records])
        columns["std_rerun_score"] = np.where([bool(r.reruns) for r in records], spreads, np.nan)
    return columns


def _masked(records, name):
    has = [name in record.params for record in records]
    values = np.empty(len(records), object)
    for index, record in enumerate(records):
        values[index] = record.params.get(name)
    return np.ma.array(values, mask=np.logical_not(has))


def _at(scores, index):
    return scores[index] if index < len(scores) else np.nan
