"""Conformance suites: run the checks of our rules, sinks, layers, initializers on your own.

Each module has a table of named `CHECKS` and `parametrize_checks`, a decorator for a pytest test.
They need pytest; nothing else of the package imports them.
"""

import pytest

_SUITES = ("backends", "_backend_steps", "_backend_tensors", "initializers", "layers", "rules")

pytest.register_assert_rewrite(  # so that a check that fails shows the values
    *(f"keras_babysit.testing.{name}" for name in (*_SUITES, "sinks"))
)
