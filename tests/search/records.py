"""Synthetic records of trials."""

from keras_babysit.search import Range, Record

LR = Range("learning_rate", 1e-5, 10.0, sampling="log")
DROPOUT = Range("dropout", 0.0, 0.5)
UNITS = Range("units", 8, 128, sampling="log", is_int=True)


def record(number, cost=None, cause="", *, state=None, findings=(), gap=0.0, traits=(), **params):
    """Return the record of a trial; without a cost, of one that was stopped by `cause`."""
    space = {one.name: one for one in (LR, DROPOUT, UNITS) if one.name in params}
    return Record(
        number=number,
        state=state or ("stopped" if cost is None else "complete"),
        params=params,
        space=space,
        scores=() if cost is None else (cost,),
        train_scores=() if cost is None else (cost - gap,),
        cause=cause,
        findings=findings,
        traits=dict(traits),
    )
