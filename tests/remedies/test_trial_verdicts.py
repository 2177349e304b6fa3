"""From scores to a verdict: ratios where scores are above 0, and how sure they are."""

import keras
import numpy as np
import pytest

from keras_babysit.remedies import Effect, ScaleLearningRate
from keras_babysit.remedies.judging import Pair, judge, judge_single, ratio_interval
from keras_babysit.remedies.scoring import Score, Scorer
from tests.remedies.programs import network, program


def trainings(rng, spread, factor=1.0, replicates=5, examples=64):
    """Return losses that spread by factors over replicates, and examples that all of them share."""
    runs = np.exp(spread * rng.normal(size=(replicates, 1)))
    shared = np.exp(0.5 * rng.normal(size=(1, examples)) - 0.125)
    return runs * shared, factor * runs**0.3 * shared * rng.uniform(0.5, 1.5, (1, examples))


@pytest.mark.parametrize("spread", [0.1, 1.0])
def test_the_interval_covers_the_ratio_in_95_of_100_trials(spread):
    """4 standard errors of a fraction of 0.95 in 2,000 draws are 0.02."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        interval = ratio_interval(*trainings(rng, spread, 0.5))
        covered += interval.low <= 0.5 <= interval.high
    assert 0.93 <= covered / 2000 <= 0.98


def verdict(before, after):
    pairs = [
        Pair(Score(old, None), Score(new, None))
        for old, new in zip(np.array(before), np.array(after), strict=True)
    ]
    return judge((ScaleLearningRate(0.1),), pairs, program(), 1.0)


SPREAD = [[9.0, 9.1], [0.4, 0.5], [2.0, 2.2], [3.0, 3.1], [0.8, 0.9]]
LOW = [[0.1, 0.1]] * 5
MIDDLE = [[1.5, 1.5]] * 5


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (SPREAD, LOW, "helps"),
        (LOW, SPREAD, "harms"),
        (SPREAD, SPREAD, "no difference"),
        (SPREAD, MIDDLE, "undecided"),
    ],
    ids=["below-all", "above-all", "equal", "in-between"],
)
def test_the_verdict_does_not_depend_on_how_far_losses_spread(before, after, effect):
    row = verdict(before, after)
    assert row.effect is Effect(effect)
    logs = np.log(np.mean(after, axis=1) / np.mean(before, axis=1))
    assert row.ratio.mean == pytest.approx(np.exp(logs.mean()))


CONTROL = [[1.0, 1.0]] * 3
OTHERS = {
    "close": [[0.50, 0.50], [0.51, 0.51], [0.49, 0.49]],
    "far": [[0.1, 0.1], [2.0, 2.0], [2.0, 2.0]],
}


@pytest.mark.parametrize(
    ("score", "others", "effect"),
    [
        (0.5, ("close",), "helps"),
        (2.0, ("close",), "harms"),
        (0.95, ("close",), "undecided"),
        (0.5, ("close", "far"), "undecided"),
        (0.5, (), "undecided"),
    ],
    ids=["half", "twice", "close-to-equal", "another-one-spreads-far", "no-other-has-replicates"],
)
def test_a_single_replicate_is_judged_by_the_largest_spread_of_the_others(score, others, effect):
    rows = [verdict(CONTROL, OTHERS[one]) for one in others]
    single = verdict(CONTROL[:1], [[score, score]])
    assert single.effect is Effect.UNDECIDED
    row = judge_single(single, [*rows, single])
    assert row.effect is Effect(effect)
    assert (row is single) == (effect == "undecided")
    assert row.seeds == 1
    if row is not single:
        deviation = np.log([0.50, 0.51, 0.49]).std(ddof=1)  # of one, with the quantile of three
        half = np.log(row.ratio.high / row.ratio.low) / 2
        assert half == pytest.approx(4.303 * deviation, rel=1e-3)
        assert row.reason


def test_losses_below_zero_are_compared_by_their_difference():
    row = verdict([[-1.0, -1.1], [-0.9, -1.0], [-1.0, -1.0]], [[-3.0, -3.1], [-2.9, -3], [-3, -3]])
    assert row.ratio is None
    assert row.effect is Effect.HELPS
    assert row.difference.mean == pytest.approx(-2.0)


def test_a_penalty_leaves_the_score_of_a_trial_exact():
    losses = []
    for factor in (0.0, 1e20):
        keras.utils.set_random_seed(0)
        tried = program(network(kernel_regularizer=keras.regularizers.L2(factor)))
        losses.append(Scorer(tried).score(tried, tried.build(0)).loss)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)


def test_predictions_that_are_not_finite_have_no_loss_whatever_it_hides():
    def ignoring(y_true, y_pred):
        loss = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
        return keras.ops.where(keras.ops.isfinite(loss), loss, 0.0)

    model = network()
    model.compile("sgd", ignoring)
    tried = program(model)
    lost = tried.build(0)
    lost.set_weights([np.full_like(one, np.nan) for one in lost.get_weights()])
    score = Scorer(tried).score(tried, lost)
    assert np.isnan(score.loss).all()
    assert np.isinf(score.error).all()
