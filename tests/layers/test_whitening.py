import builtins

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from sklearn.decomposition import PCA

from keras_babysit.layers import Whitening
from keras_babysit.layers._running_covariance import RunningCovariance


def correlated(n=400, d=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d) * 3


def outputs_of(layer, x):
    return ops.convert_to_numpy(layer(x))


def covariance_of(y):
    return np.cov(y.reshape(len(y), -1), rowvar=False, ddof=0)


def image_data_generator_zca(x, epsilon=1e-6):
    """The formula of Keras' `ImageDataGenerator(featurewise_center=True, zca_whitening=True)`."""
    flat = x.reshape(len(x), -1)
    centered = flat - flat.mean(axis=0)
    u, s, _ = np.linalg.svd(centered.T, full_matrices=False)
    matrix = (u * (np.sqrt(len(x)) / (s + epsilon))) @ u.T
    return (centered @ matrix).reshape(x.shape)


@pytest.mark.parametrize("components", [None, 1, 4, 0.9])
@pytest.mark.parametrize("whiten", [True, False])
def test_equals_sklearn_pca(components, whiten):
    x = correlated()
    peer = PCA(components, whiten=whiten, svd_solver="full").fit(x)
    layer = Whitening("pca", components, whiten=whiten, epsilon=0.0).adapt(x)
    np.testing.assert_allclose(outputs_of(layer, x), peer.transform(x), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.explained_variance), peer.explained_variance_, rtol=1e-5
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.inverse(peer.transform(x))),
        peer.inverse_transform(peer.transform(x)),
        rtol=1e-4,
        atol=1e-4,
    )


def test_equals_the_zca_of_image_data_generator():
    x = correlated(n=500, d=12).reshape(500, 2, 2, 3)
    layer = Whitening().adapt(x)
    np.testing.assert_allclose(
        outputs_of(layer, x), image_data_generator_zca(x), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("mode", ["pca", "zca"])
def test_outputs_are_uncorrelated_with_unit_variance(mode):
    x = correlated()
    y = outputs_of(Whitening(mode, ddof=0).adapt(x), x)
    np.testing.assert_allclose(covariance_of(y), np.eye(6), atol=1e-4)
    np.testing.assert_allclose(y.mean(axis=0), 0.0, atol=1e-5)


def test_zca_changes_the_inputs_least():
    """No other whitening transform of the centered inputs is closer to them."""
    x = correlated()
    centered = x - x.mean(axis=0)
    zca, pca = (outputs_of(Whitening(mode, ddof=0).adapt(x), x) for mode in ("zca", "pca"))
    assert np.square(zca - centered).sum() < np.square(pca - centered).sum()


@pytest.mark.parametrize("mode", ["pca", "zca"])
def test_inverse_restores_the_inputs(mode):
    x = correlated(d=12).reshape(400, 2, 2, 3).astype("float32")
    layer = Whitening(mode).adapt(x)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.inverse(layer(x))), x, rtol=1e-3, atol=1e-3
    )


def test_epsilon_is_added_to_the_variances():
    x = correlated()
    layer = Whitening("pca", epsilon=2.0, ddof=0).adapt(x)
    variances = PCA().fit(x).explained_variance_ * (len(x) - 1) / len(x)
    np.testing.assert_allclose(
        covariance_of(outputs_of(layer, x)), np.diag(variances / (variances + 2.0)), atol=1e-4
    )


DEFICIENT = {
    "constant-column": lambda x: np.c_[x, np.full(len(x), 7.0)],
    "zero-column": lambda x: np.c_[x, np.zeros(len(x))],
    "duplicate-column": lambda x: np.c_[x, x[:, :1]],
    "sum-of-columns": lambda x: np.c_[x, x[:, 0] + x[:, 1] - 2 * x[:, 2]],
}


@pytest.mark.parametrize("mode", ["pca", "zca"])
@pytest.mark.parametrize("epsilon", [0.0, 1e-6])
@pytest.mark.parametrize("deficient", DEFICIENT.values(), ids=DEFICIENT)
def test_directions_without_variance_become_zero(deficient, epsilon, mode):
    x = deficient(correlated())
    layer = Whitening(mode, epsilon=epsilon, ddof=0).adapt(x)
    y = outputs_of(layer, x)
    assert np.isfinite(y).all()
    eigenvalues = np.linalg.eigvalsh(covariance_of(y))
    np.testing.assert_allclose(eigenvalues, [0, 1, 1, 1, 1, 1, 1], atol=1e-3)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.inverse(y)), x, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_fewer_examples_than_features(n):
    """n examples span n - 1 directions; the other outputs are 0."""
    x = correlated(n=n, d=8)
    y = outputs_of(Whitening("pca", epsilon=0.0).adapt(x), x)
    assert np.isfinite(y).all()
    np.testing.assert_allclose(y[:, max(n - 1, 0) :], 0.0, atol=1e-5)
    np.testing.assert_allclose(y[:, : n - 1].std(axis=0, ddof=min(1, n - 1)), 1.0, rtol=1e-4)


def test_randomized_solver_finds_the_leading_directions():
    x = correlated(n=600, d=40)
    exact = Whitening("pca", 3).adapt(x)
    layer = Whitening("pca", 3, solver="randomized").adapt(x)
    np.testing.assert_allclose(outputs_of(layer, x), outputs_of(exact, x), rtol=1e-2, atol=1e-2)


def test_randomized_solver_names_the_missing_package(monkeypatch):
    original = builtins.__import__

    def without_sklearn(name, *rest, **options):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return original(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without_sklearn)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        Whitening("pca", 2, solver="randomized").adapt(correlated())


def test_more_components_than_features_are_refused():
    with pytest.raises(ValueError, match="at most the number of features, 6"):
        Whitening("pca", 7).adapt(correlated())


def test_a_fraction_must_be_adapted_before_it_is_built():
    with pytest.raises(ValueError, match="must be adapted before it is built"):
        Whitening("pca", 0.9).build((None, 6))


def test_a_fraction_becomes_a_number():
    assert Whitening("pca", 0.9).adapt(correlated()).get_config()["components"] in range(1, 6)


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    offset=st.sampled_from([0.0, 1.0, 1e4, -1e6]),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_covariance_of_blocks_is_that_of_the_whole(sizes, offset, dtype):
    """Streamed blocks, and blocks measured separately and merged, agree with numpy."""
    rng = np.random.default_rng(sum(sizes))
    blocks = [(rng.normal(size=(n, 3)) + offset).astype(dtype) for n in sizes]
    whole = np.concatenate(blocks).astype("float64")
    streamed, merged = RunningCovariance(), RunningCovariance()
    for block in blocks:
        streamed.update(block)
        apart = RunningCovariance()
        apart.update(block)
        merged.merge(apart)
    for statistics in (streamed, merged):
        assert statistics.count == len(whole)
        np.testing.assert_allclose(statistics.mean, whole.mean(axis=0), rtol=1e-12, atol=1e-12)
        expected = np.cov(whole.T, ddof=0)  # `rowvar` is ignored for one row before numpy 2.2
        np.testing.assert_allclose(statistics.covariance(), expected, rtol=1e-8, atol=1e-8)


def test_covariance_is_exact_in_a_drifting_stream():
    """Sorted data: blocks differ, and the mean moves far away from that of the first block."""
    whole = np.random.default_rng(0).normal(size=(3000, 4)) + np.linspace(0, 1e3, 3000)[:, None]
    statistics = RunningCovariance()
    for start in range(0, 3000, 100):
        statistics.update(whole[start : start + 100])
    np.testing.assert_allclose(
        statistics.covariance(), np.cov(whole, rowvar=False, ddof=0), rtol=1e-12
    )


@pytest.mark.parametrize("mode", ["pca", "zca"])
@pytest.mark.parametrize("scale", [4e-4, 1.0, 1e4])
def test_the_scale_of_the_data_does_not_matter(mode, scale):
    x = scale * correlated()
    y = outputs_of(Whitening(mode, ddof=0).adapt(x), x)
    np.testing.assert_allclose(covariance_of(y), np.eye(6), atol=1e-3)


@pytest.mark.parametrize("mode", ["pca", "zca"])
def test_features_of_very_different_scales_are_kept_where_they_are_standardised(mode):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(2000, 20)) * np.logspace(-6, 6, 20)).astype("float32")
    layer = Whitening(mode, standardize=True, ddof=0).adapt(x)
    y = outputs_of(layer, x)
    np.testing.assert_allclose(covariance_of(y), np.eye(20), atol=1e-3)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.inverse(y)) / x.std(0), x / x.std(0), atol=1e-3
    )


@pytest.mark.parametrize("scale", [1e-25, 1e25, 1e200])
def test_variances_that_float32_cannot_hold_are_refused(scale):
    with pytest.raises(ValueError, match="range of float32"):
        Whitening().adapt(scale * correlated().astype("float64"))


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_deviations_that_float32_can_hold_are_enough_where_features_are_standardised(scale):
    x = scale * correlated().astype("float64")
    y = outputs_of(Whitening("pca", standardize=True, ddof=0).adapt(x), x)
    np.testing.assert_allclose(covariance_of(y), np.eye(6), atol=1e-3)


def test_a_constant_feature_becomes_zero_where_features_are_standardised():
    x = correlated()
    x[:, 2] = 1e3
    layer = Whitening("pca", standardize=True).adapt(x)
    y = outputs_of(layer, x)
    assert np.isfinite(y).all()
    assert np.ptp(y, axis=0).min() == 0
    moved = x.copy()
    moved[:, 2] += 1.0
    np.testing.assert_allclose(outputs_of(layer, moved), y, atol=1e-5)


@pytest.mark.parametrize("count", [np.int64(3), np.float32(0.5)])
def test_components_may_be_numbers_of_numpy(count):
    layer = Whitening("pca", count)
    assert type(layer.get_config()["components"]) in (int, float)
