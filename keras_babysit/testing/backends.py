"""What each backend module must do, as checks.

A check takes a module that offers what `keras_babysit.backends.protocol.Backend` says, for the
backend that Keras was loaded with, and fails by assertion.
"""

import inspect
from collections.abc import Callable, Mapping

import pytest

from keras_babysit.backends import protocol
from keras_babysit.testing import _backend_own_steps, _backend_steps, _backend_tensors
from keras_babysit.testing.parametrize import parametrize


def parametrize_checks(cases: Mapping[str, protocol.Backend]) -> pytest.MarkDecorator:
    """Return a decorator that calls a test with every `case` and every `check`.

    Args:
        cases: Backend modules by name.

    Example:
        >>> from keras_babysit.backends import backend
        >>> @parametrize_checks({"mine": backend})
        ... def test_my_backend(case, check):
        ...     check(case)
    """
    return parametrize(cases, CHECKS)


def check_offers_every_member(backend: protocol.Backend) -> None:
    """Every function and class is there, and its parameters have the same names."""
    for name in _members(protocol.Backend):
        assert hasattr(backend, name), name
    for name in ("CAN_COMPILE", "COMPILES_EACH_SIZE", "ANNOUNCES_THE_END"):
        assert isinstance(getattr(backend, name), bool), name
    _check_parameters(protocol.Backend, backend)
    _check_parameters(protocol.Feed, backend.Feed)
    _check_parameters(protocol.Sandbox, backend.Sandbox)


def _check_parameters(wanted, given) -> None:
    for name in _members(wanted):
        method = inspect.getattr_static(wanted, name, None)
        if not inspect.isfunction(method) or name.startswith("__"):
            continue
        found = [one for one in inspect.signature(getattr(given, name)).parameters if one != "self"]
        assert found == [one for one in inspect.signature(method).parameters if one != "self"], name


def _members(wanted) -> list[str]:
    names = {*vars(wanted), *vars(wanted).get("__annotations__", {})}
    return sorted(name for name in names if not name.startswith("_"))


CHECKS: dict[str, Callable[[protocol.Backend], None]] = {
    "members": check_offers_every_member,
    **_backend_tensors.CHECKS,
    **_backend_steps.CHECKS,
    **_backend_own_steps.CHECKS,
}
