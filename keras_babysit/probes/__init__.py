"""Probes: a model and a batch in, measurements out; the model is left unchanged.

`monitor` only sequences them. `probe` with `taps`, `units` and `gates` measures layers,
`host_probe` and `updates` what the host sees of each step, `headroom` how much longer the step
could be, `score` the whole reference sample,
`derived` what follows from other readings. To add a measurement: its quantity in `quantities.py`,
and its code in the module that has the values.
"""

from keras_babysit.probes.building import build, build_optimizer
from keras_babysit.probes.intercept import intercept
from keras_babysit.probes.monitor import Monitor
from keras_babysit.probes.probe import Probe
from keras_babysit.probes.step_probe import StepProbe
from keras_babysit.probes.tapped_step import TappedStep

__all__ = ["Monitor", "Probe", "StepProbe", "TappedStep", "build", "build_optimizer", "intercept"]
