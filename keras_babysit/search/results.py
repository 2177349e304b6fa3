"""The results of a search as columns, with scikit-learn's names."""

import numpy as np

from keras_babysit.search.record import COMPLETE, deviation, mean, ranking


def cv_results(records, folds):
    """Return a dict of columns, one entry per trial, in the order of their numbers.

    `params`, `param_<name>`, `split<k>_test_score`, `mean_test_score`, `std_test_score`,
    `rank_test_score`, `mean_train_score` and `gap` are scikit-learn's or like them; `round`,
    `state`, `cause`, `cause_step` and `trained_examples` are ours. What a trial does not have is
    NaN, or masked among parameters; only complete trials have a rank.
    """
    records = [record for record in records if record.is_over]
    names = dict.fromkeys(name for record in records for name in record.params)
    complete = [r.number for r in ranking(records) if r.state == COMPLETE]
    places = {number: place + 1 for place, number in enumerate(complete)}
    columns = {"params": [dict(record.params) for record in records]}
    columns |= {f"param_{name}": _masked(records, name) for name in names}
    columns |= {
        f"split{k}_test_score": np.array([_at(record.scores, k) for record in records])
        for k in range(folds)
    }
    columns |= {
        "mean_test_score": np.array([record.score for record in records]),
        "std_test_score": np.array([deviation(record.scores) for record in records]),
        "rank_test_score": np.array([places.get(r.number, len(records) + 1) for r in records]),
        "mean_train_score": np.array([mean(record.train_scores) for record in records]),
        "gap": np.array([record.gap for record in records]),
        "round": np.array([record.round for record in records]),
        "state": np.array([record.state for record in records]),
        "cause": np.array([record.cause for record in records]),
        "cause_step": np.array([record.step for record in records]),
        "trained_examples": np.array([record.examples for record in records]),
    }
    return columns


def _masked(records, name):
    has = [name in record.params for record in records]
    values = np.empty(len(records), object)
    for place, record in enumerate(records):
        values[place] = record.params.get(name)
    return np.ma.array(values, mask=np.logical_not(has))


def _at(scores, place):
    return scores[place] if place < len(scores) else np.nan
