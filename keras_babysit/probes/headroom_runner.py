"""When the headroom of the learning rate is measured, and on what."""

from keras_babysit.backends import backend
from keras_babysit.probes.headroom import Headroom
from keras_babysit.probes.probe import Probe


class HeadroomRunner:
    """Measures the headroom of one run where the plan says so and the model allows it.

    Where it fails it is off, without a word: no rule needs it, and those that read it say the same
    as without it.

    Args:
        model: A compiled and built `keras.Model`.
        schedule: The `Schedule` of the run.
        runner: The `ProbeRunner` of the run.
        batch_size: The `BatchSize` of the model.
        is_compiled: Whether to compile the forward passes.
    """

    def __init__(self, model, schedule, runner, batch_size, *, is_compiled):
        self._model = model
        self._schedule = schedule
        self._batch_size = batch_size
        self._runner = runner
        self._key = runner.key if is_compiled else None
        probe = runner.probe
        # A step of the user's may lower something else than the loss of `compile`.
        self._is_on = (
            isinstance(probe, Probe)
            and probe.has_loss
            and probe.has_call
            and Headroom.can_measure(model)
        )
        known = runner.kept.recall("headroom", self._key) if is_compiled else None
        self._headroom = known or Headroom(model, is_compiled=is_compiled)

    def before(self, arguments, batch, step):
        """Return what `after` needs to know of a step; None if nothing is due or possible."""
        if not self._is_on or batch is None or not self._schedule.is_headroom_due(step):
            return None
        may_cut = self._batch_size.only is None
        return self._try(self._headroom.before, arguments, batch, may_cut=may_cut)

    def after(self, before, result, step, epoch):
        """Return the measurements of a step, none where there is no headroom to measure."""
        if before is None:
            return []
        trained = backend.trained(self._model, result)
        found = self._try(self._headroom.after, before, trained, step, epoch)
        self._schedule.note_headroom(step)
        if self._is_on and self._key is not None:
            self._runner.kept.keep("headroom", self._key, self._headroom)
        return found or []

    def _try(self, function, *args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception:  # memory, or outputs that are not one for each example
            self._is_on = False
            return None
