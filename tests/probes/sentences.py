"""Every sentence on what is not measured, with the numbers of a made-up run."""

from keras_babysit.errors import NothingSeenError, UnkeepableStateError
from keras_babysit.probes import notices
from keras_babysit.probes.depth import SCOPES

NOTICES = (
    notices.layers_take_too_long(62.1, 0.02),
    notices.gradients_take_too_long(0.02),
    notices.scores_take_too_long(0.02),
    notices.took_too_long(128),
    notices.batches_too_small(4),
    notices.built_by_first_step(),
    notices.part_failed("Scores and data", ValueError("no such axis")),
    notices.part_failed("Layers, gradients and updates", UnkeepableStateError()),
    notices.batches_not_kept(),
    notices.batches_not_accessible(),
    *(notices.probe_failed(scope, ValueError()) for scope in SCOPES if scope.missing),
    notices.step_failed(ValueError()),
    notices.step_failed(UnkeepableStateError()),
    notices.step_failed(NothingSeenError()),
    notices.loss_not_known(),
    notices.no_test_step(),
    notices.goes_on_from_before(),
    notices.means_not_updated(["loss"]),
    notices.means_not_updated(["loss", "val_loss"]),
    notices.no_arrays_found(),
    notices.state_not_returned(),
    notices.few_measurements(2, 150, 64, 256),
    notices.few_measurements(3, 150, 256, 256),
    notices.batches_too_large_to_score(2708),
    notices.too_few_to_score(5),
    notices.score_failed(ValueError()),
    notices.memory_is_short(64, 256),
    notices.other_worker(1, 2),
    notices.weights_are_split(),
    notices.gradients_not_reached(["dense/kernel"]),
    notices.gradients_not_reached(["dense/kernel", "dense/bias"]),
    notices.behaviour_failed(ValueError()),
)
