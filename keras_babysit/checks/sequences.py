"""Checks padding, masks, and which steps of a sequence the outputs depend on."""

from collections.abc import Mapping

from keras_babysit.backends import backend
from keras_babysit.checks._facts import renamed
from keras_babysit.checks.case import Case
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.probes.behaviour import Behaviour, take_examples
from keras_babysit.probes.equal_pairs import EqualPairs
from keras_babysit.rules.masked_data import masked_data
from keras_babysit.rules.padding_in_loss import padding_in_loss
from keras_babysit.rules.reversed_triplets import reversed_triplets
from keras_babysit.rules.sees_later_steps import sees_later_steps
from keras_babysit.rules.single_time_step import single_time_step
from keras_babysit.rules.unmasked_padding import unmasked_padding
from keras_babysit.samples.data_facts import describe_data
from keras_babysit.schedule.plan import BEHAVIOUR_EXAMPLES

NAME = "sequences"

PASSES = 10
"""Forward passes that it makes at most."""

RULES = (
    sees_later_steps,
    masked_data,
    padding_in_loss,
    unmasked_padding,
    single_time_step,
    reversed_triplets,
)


def sequences(case: Case) -> CheckResult:
    """Report outputs that see the steps to predict, masks that hide data, and padding that counts.

    The rules of the same conditions judge it; the others are padding that is read last, and
    sequences of one step.
    """
    _ = case.known  # measures what the layers get
    case.history.note(data=describe_data(case.data.batch))
    batch = take_examples(case.batch, case.batch_size)
    if batch is None:
        raise Unknown("there is a single example")
    case.need_time(passes=PASSES, starts=2, examples=BEHAVIOUR_EXAMPLES)
    measure = Behaviour(case.model, has_loss=case.has_loss)
    values = measure(case.state, batch, may_mix=True)  # `gradient_flow` asks whether they do
    if case.has_loss:
        pairs = EqualPairs(case.model, is_compiled=backend.COMPILES_EACH_SIZE)
        values |= pairs(case.state, batch, case.data.batch)
    for (quantity, target), value in values.items():
        case.record(quantity, value, target)
    found = [finding for rule in RULES for finding in rule(case.history)]
    return CheckResult(_evidence(values), renamed(found, NAME, {"targets[0]": "y"}))


def _evidence(values: Mapping[tuple[str, str], float]) -> str:
    """Return what was compared, in words."""
    words = []
    for quantity, what in (
        ("inference/later_inputs", "later steps"),
        ("inference/order", "the order of the steps"),
    ):
        changes = [value for (name, _), value in values.items() if name == quantity]
        if changes:
            words.append(f"{what} change the output by {max(changes):.2g} std")
    return "; ".join(words) or "nothing to compare: no next step, no attention"
