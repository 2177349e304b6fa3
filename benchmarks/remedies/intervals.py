"""Whether the intervals of a trial hold, on many replicates of quick trainings."""

import math
import time

import numpy as np

from benchmarks.remedies.programs import healthy, program_of, where
from benchmarks.remedies.results import load, save
from keras_babysit.remedies import Effect, Interval, ScaleLearningRate
from keras_babysit.remedies.judging import Pair, judge
from keras_babysit.remedies.scoring import Score
from keras_babysit.remedies.trials import Trials

REPLICATES = 18

OF_TRIAL = 3
"""Replicates of an interval, the fewest with which a trial decides."""

SAME = 1e-3
"""Relative difference up to which the losses of two programs count as equal."""

EPOCHS = 20
"""Epochs of a program, whose forks have 5: intervals must hold for short trainings, too."""

CHANGE = ScaleLearningRate(0.3)
"""The change: one that may help, harm or make no difference."""

DRAWS = 400
"""Pairs of disjoint trios of replicates, drawn at random, in which both arms are the same program.

There are 185,640 of them. A few fixed ones share replicates, so that chance decides."""


def measure(examples: int, minutes: float) -> None:
    """Measure healthy programs that have few examples and no result, and print a line for each."""
    results, end = load(), time.monotonic() + 60 * minutes
    results["on"] = where()
    seen_means: list[np.ndarray] = []
    for case in healthy():
        if case.id in results["intervals"] or time.monotonic() > end:
            continue
        program = program_of(case.build())
        if program.size > examples:
            continue
        trials = Trials(program.with_fit(epochs=EPOCHS), REPLICATES, math.inf, lambda *_: None)
        control = [trials.score((), "long", seed) for seed in range(REPLICATES)]
        means = np.array([one.loss.mean() for one in control])
        if any(np.allclose(means, one, rtol=SAME) for one in seen_means):
            continue  # another name of the same computation, such as logits in place of sigmoids
        seen_means.append(means)
        results["intervals"][case.id] = seen = _count(trials)
        save(results)
        print(f"{case.id:32} {seen}", flush=True)


def _count(trials: Trials) -> dict[str, int]:
    """Return how many intervals agree with other replicates and examples, and false verdicts."""
    seeds = range(REPLICATES)
    control = [trials.score((), "long", seed) for seed in seeds]
    changed = [trials.score((CHANGE,), "long", seed) for seed in seeds]
    pairs = [Pair(*both) for both in zip(control, changed, strict=True)]
    trios = [seeds[first : first + OF_TRIAL] for first in range(0, REPLICATES, OF_TRIAL)]
    agree = []
    for trio in trios:
        one = _interval(trials, [_part(pairs[seed], 0) for seed in trio])
        other = _interval(trials, [_part(pairs[seed], 1) for seed in seeds if seed not in trio])
        if one is not None and other is not None:
            agree.append(abs(_middle(one) - _middle(other)) <= math.hypot(_half(one), _half(other)))
    rng = np.random.default_rng(0)
    verdicts = []
    for _ in range(DRAWS):
        one, other = rng.permutation(REPLICATES)[: 2 * OF_TRIAL].reshape(2, OF_TRIAL)
        drawn = [Pair(control[i], control[k]) for i, k in zip(one, other, strict=True)]
        verdicts.append(judge((), drawn, trials.program, 0.0).effect)
    return {
        "covered": sum(agree),
        "intervals": len(agree),
        "helps": verdicts.count(Effect.HELPS),
        "harms": verdicts.count(Effect.HARMS),
        "same": len(verdicts),
    }


def _part(pair: Pair, index: int) -> Pair:
    """Return a pair scored on every second block of the validation examples."""
    return Pair(*(Score(one.loss[index::2], None) for one in (pair.control, pair.remedy)))


def _interval(trials: Trials, pairs: list[Pair]) -> Interval | None:
    return judge((CHANGE,), pairs, trials.program, 0.0).ratio


def _middle(interval: Interval) -> float:
    return math.log(interval.mean)


def _half(interval: Interval) -> float:
    return (math.log(interval.high) - math.log(max(interval.low, 1e-300))) / 2
