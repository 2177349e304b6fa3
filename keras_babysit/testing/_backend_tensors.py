"""Checks of what a backend module does with tensors."""

import keras
import numpy as np
import pytest
from keras import ops

X = np.array([[0.5, -1.0, 2.0], [0.0, 3.0, -0.25]], "float32")


def check_dense_tensors_stay_as_they_are(backend):
    for tensor in (_tensor(backend), X, np.array(["a", "b"])):
        assert backend.is_dense(tensor)
        assert backend.densify(tensor) is tensor


def check_gradients_are_those_of_calculus(backend):
    """Of `sum(a² b)`: `2 a b` by a, `a²` by b, and 0 by what it does not depend on."""
    a, b, unused = X, X[::-1] + 1, np.ones(4, "float32")
    values = [backend.to_tensor(np.array(value)) for value in (a, b, unused)]
    (scalar, extra), gradients = backend.value_and_grad(
        lambda v: (ops.sum(ops.square(v[0]) * v[1]), {"a": v[0]}), values
    )
    _assert_close(backend, scalar, np.sum(a**2 * b))
    _assert_close(backend, extra["a"], a)
    for gradient, expected in zip(gradients, (2 * a * b, a**2, 0 * unused), strict=True):
        _assert_close(backend, gradient, expected)


def check_gradients_of_repeated_rows_are_dense_and_summed(backend):
    table = backend.to_tensor(np.ones((3, 2), "float32"))
    _, (gradient,) = backend.value_and_grad(
        lambda v: (ops.sum(ops.take(v[0], [0, 0, 2], axis=0)), ()), [table]
    )
    _assert_close(backend, gradient, [[2, 2], [0, 0], [1, 1]])


def check_gradients_of_a_constant_are_zero(backend):
    _, (gradient,) = backend.value_and_grad(
        lambda v: (ops.sum(ops.ones(3)), ()), [_tensor(backend)]
    )
    _assert_close(backend, gradient, np.zeros_like(X))


def check_derivative_is_that_of_calculus(backend):
    z = _tensor(backend)
    _assert_close(backend, backend.derivative(ops.tanh, z), 1 - np.tanh(X) ** 2)
    _assert_close(backend, backend.derivative(ops.ones_like, z), np.zeros_like(X))


def check_derivative_inside_of_a_graph(backend):
    run = backend.compile(lambda z: backend.derivative(ops.square, z), _tensor(backend))
    _assert_close(backend, run(_tensor(backend)), 2 * X)


def check_nothing_is_kept_for_a_backward_pass(backend):
    """Values stay the same, and gradients are there again afterwards, also after an error."""
    variable, found = keras.Variable(X), []

    def fail():
        with backend.without_gradients():
            found.append(ops.square(variable))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    (squares,) = found
    assert not getattr(squares, "requires_grad", False)
    _assert_close(backend, squares, X**2)
    _, (gradient,) = backend.value_and_grad(
        lambda v: (ops.sum(ops.square(v[0])), ()), [_tensor(backend)]
    )
    _assert_close(backend, gradient, 2 * X)
    # Only PyTorch records operations that nobody asked it to.
    assert keras.backend.backend() != "torch" or ops.square(variable).requires_grad


def check_compiled_functions_return_the_same(backend):
    """Also for nested arguments, and for another number of rows where they may vary."""

    def function(scale, data):
        return {"sum": ops.sum(data["x"][0]) * scale, "rows": data["x"][0] * 2}

    def data(rows):
        return {"x": [backend.to_tensor(np.arange(3.0 * rows, dtype="float32").reshape(rows, 3))]}

    scale = backend.to_tensor(np.array(3.0, "float32"))
    run = backend.compile(function, scale, data(2), varies=(1,))
    for rows in (2, 5):
        found = run(scale, data(rows))
        expected = np.arange(3.0 * rows).reshape(rows, 3)
        _assert_close(backend, found["sum"], 3 * expected.sum())
        _assert_close(backend, found["rows"], 2 * expected)


def check_compilations_are_what_the_constants_say(backend):
    calls = []

    def function(x):
        calls.append(len(calls))
        return x + 1

    def tensor(rows):
        return backend.to_tensor(np.ones((rows, 3), "float32"))

    run = backend.compile(function, tensor(2), varies=(0,))
    run(tensor(2))
    traced = len(calls)
    run(tensor(2))
    assert (len(calls) == traced) == backend.CAN_COMPILE
    traced = len(calls)
    run(tensor(7))
    if backend.CAN_COMPILE:
        assert (len(calls) > traced) == backend.COMPILES_EACH_SIZE
    else:
        assert not backend.COMPILES_EACH_SIZE


def check_a_shared_function_computes_the_same_alone_and_inside_a_graph(backend):
    shared = backend.shared(lambda x: ops.sum(x * x))

    def function(x):
        return shared(x) + shared(2 * x)

    run = backend.compile(function, _tensor(backend))
    expected = np.sum(np.square(X))
    _assert_close(backend, run(_tensor(backend)), 5 * expected)
    _assert_close(backend, shared(_tensor(backend)), expected)


def check_operations_run_eagerly_while_a_graph_is_traced(backend):
    def function(x):
        with backend.eagerly():
            constant = backend.to_numpy(ops.exp(backend.to_tensor(np.zeros(2, "float32"))))
        return x * float(constant.sum())

    run = backend.compile(function, _tensor(backend))
    _assert_close(backend, run(_tensor(backend)), 2 * X)


def check_subsamples_are_entries_evenly_spaced(backend):
    small, large = np.arange(12.0).reshape(3, 4), np.arange(1000.0).reshape(10, 100)
    values = [backend.to_tensor(value.astype("float32")) for value in (small, large)]
    first, second = (backend.to_numpy(one) for one in backend.subsample(values, 50))
    np.testing.assert_array_equal(first, small)
    assert second.ndim == 1
    assert 25 <= len(second) <= 100
    assert len(set(np.diff(second))) == 1
    (again,) = backend.subsample([values[1] * 2], 50)
    np.testing.assert_array_equal(backend.to_numpy(again), 2 * second)
    assert backend.subsample([], 50) == []


def check_copies_are_equal(backend):
    values = [_tensor(backend), backend.to_tensor(np.arange(3))]
    for copy, value in zip(backend.copy(values), values, strict=True):
        assert copy is not value
        np.testing.assert_array_equal(backend.to_numpy(copy), backend.to_numpy(value))
        assert copy.dtype == value.dtype


def check_values_survive_the_way_to_the_host_and_back(backend):
    for dtype in ("float32", "float16", "int32", "uint8", "bool"):
        array = (4 * X).astype(dtype)
        found = backend.to_numpy(backend.to_tensor(array))
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)
    half = backend.to_numpy(ops.cast(_tensor(backend), "bfloat16"))
    np.testing.assert_array_equal(half.astype("float32"), X)  # X needs few digits
    np.testing.assert_array_equal(backend.to_numpy(X), X)


def check_first_units_are_those_of_the_last_axis(backend):
    np.testing.assert_array_equal(backend.first_units(_tensor(backend), 2), X[:, :2])


def check_waiting_needs_no_values(backend):
    assert backend.wait([]) is None
    assert backend.wait([_tensor(backend)]) is None


def check_a_lack_of_memory_is_recognised(backend):
    """A real one: 4 PB."""
    assert backend.is_out_of_memory(MemoryError())
    assert not backend.is_out_of_memory(ValueError("shapes do not match"))
    with pytest.raises(Exception) as raised:  # noqa: PT011 - each backend has its own
        backend.wait([ops.ones((2**50,), "float32")])
    assert backend.is_out_of_memory(raised.value), repr(raised.value)


def check_random_numbers_repeat_with_their_state(backend):
    for seed in (3, None):
        layer = keras.layers.Dropout(0.5, seed=seed)
        x, before = ops.ones((64,)), np.array(backend.to_numpy(layer.seed_generator.state.value))
        random = backend.random_state()
        first = np.array(backend.to_numpy(layer(x, training=True)))
        backend.set_random_state(random)
        layer.seed_generator.state.assign(before)
        np.testing.assert_array_equal(backend.to_numpy(layer(x, training=True)), first)


def check_versions_are_texts(backend):
    versions = backend.versions()
    assert versions
    assert all(isinstance(one, str) for one in (*versions, *versions.values()))


def check_larger_networks_take_longer_to_start(backend):
    for is_compiled in (True, False):
        few, many = (backend.start_seconds(layers, is_compiled) for layers in (1, 100))
        assert 0 < few < many


def _tensor(backend):
    return backend.to_tensor(np.array(X))


def _assert_close(backend, found, expected):
    np.testing.assert_allclose(backend.to_numpy(found), expected, rtol=1e-5, atol=1e-6)


def check_it_says_whether_an_accelerator_computes(backend):
    assert isinstance(backend.has_accelerator(), bool)


CHECKS = {
    "dense": check_dense_tensors_stay_as_they_are,
    "gradients": check_gradients_are_those_of_calculus,
    "gradients-of-repeated-rows": check_gradients_of_repeated_rows_are_dense_and_summed,
    "gradients-of-a-constant": check_gradients_of_a_constant_are_zero,
    "derivative": check_derivative_is_that_of_calculus,
    "derivative-in-a-graph": check_derivative_inside_of_a_graph,
    "without-gradients": check_nothing_is_kept_for_a_backward_pass,
    "compile": check_compiled_functions_return_the_same,
    "compilations": check_compilations_are_what_the_constants_say,
    "shared": check_a_shared_function_computes_the_same_alone_and_inside_a_graph,
    "eagerly": check_operations_run_eagerly_while_a_graph_is_traced,
    "subsample": check_subsamples_are_entries_evenly_spaced,
    "copy": check_copies_are_equal,
    "host": check_values_survive_the_way_to_the_host_and_back,
    "first-units": check_first_units_are_those_of_the_last_axis,
    "wait": check_waiting_needs_no_values,
    "out-of-memory": check_a_lack_of_memory_is_recognised,
    "random-state": check_random_numbers_repeat_with_their_state,
    "versions": check_versions_are_texts,
    "accelerator": check_it_says_whether_an_accelerator_computes,
    "start-seconds": check_larger_networks_take_longer_to_start,
}
