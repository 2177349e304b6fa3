"""Samples of the data of a run, kept on the host, and facts about the data.

`reference_sample` holds training and validation examples, `user_probe_data` those that the user
gave, `recurrence` notices data that repeats, `data_facts` describes a batch,
`comparison` validation beside training examples, `earlier` what a model was trained on before,
`optimizer_memory` whether its optimizer was reset since.
"""

from keras_babysit.samples.earlier import has_other_weights, recall, remember, state_of
from keras_babysit.samples.optimizer_memory import has_memory, kind_of, steps_of
from keras_babysit.samples.reference_sample import ReferenceSample
from keras_babysit.samples.sample import Sample
from keras_babysit.samples.user_probe_data import UserProbeData, read_user_probe_data

__all__ = [
    "ReferenceSample",
    "Sample",
    "UserProbeData",
    "has_memory",
    "has_other_weights",
    "kind_of",
    "read_user_probe_data",
    "recall",
    "remember",
    "state_of",
    "steps_of",
]
