import numpy as np
import pytest

from keras_babysit.presentation.drawing import HEAT_MAPS, ColourScale, colour_scale
from keras_babysit.quantities import Of, describe

WIDE = np.array([1e-4, 1e-2, 1.0])


@pytest.mark.parametrize(
    ("quantity", "values", "scale"),
    [
        ("activations/dead_fraction", [0.2, 0.4], (0, 1, False)),
        ("activations/mean", [-2.0, 2.0], (-1.96, 1.96, False)),
        ("activations/mean", WIDE, (0.000298, 0.9802, False)),
        ("activations/mean", [3.0, 3.0], (2.5, 3.5, False)),
        ("activations/mean", [np.nan, np.inf], (0, 1, False)),
        ("gradients/norm", [1.0, 100.0], (2.98, 98.02, True)),
        ("gradients/norm", [0.0, -1.0], (1e-3, 1, True)),
        ("elsewhere/bad_fraction", [0.2, 0.4], (0, 1, False)),
        ("elsewhere/norm", WIDE, (0.000496, 0.9604, True)),
        ("elsewhere/mean", [-1e-4, *WIDE], (-9.4e-5, 0.9703, False)),
        ("elsewhere/mean", [0.0, 0.0], (-0.5, 0.5, False)),
    ],
)
def test_colours_follow_the_definition_or_else_the_name_and_the_values(quantity, values, scale):
    found = colour_scale(describe(quantity), np.array(values))
    assert isinstance(found, ColourScale)
    assert (found.low, found.high, found.is_log) == pytest.approx(scale, rel=1e-3)


def test_heat_maps_are_of_layers_and_weights():
    assert {quantity.of for quantity in HEAT_MAPS} == {Of.LAYER, Of.WEIGHT}
    assert not any(quantity.per_unit for quantity in HEAT_MAPS)
