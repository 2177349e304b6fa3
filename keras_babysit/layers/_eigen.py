"""The leading directions of a covariance matrix."""

import numpy as np


def full_eigenpairs(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all eigenvalues, largest first, and the eigenvectors as rows."""
    values, vectors = np.linalg.eigh(covariance)
    return _tidied(values[::-1], vectors.T[::-1])


def randomized_eigenpairs(
    covariance: np.ndarray, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return approximations of the `count` largest eigenvalues and their eigenvectors."""
    try:
        from sklearn.utils.extmath import randomized_svd
    except ImportError as error:
        raise ImportError(
            "The randomized solver needs scikit-learn: pip install scikit-learn. "
            'Or use solver="full".'
        ) from error
    _, values, vectors = randomized_svd(covariance, count, random_state=seed)
    return _tidied(values, vectors)


def _tidied(values: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clear what is rounding error only, and fix the signs as scikit-learn does."""
    features = directions.shape[1]
    noise = values.max(initial=0.0) * features * np.finfo("float64").eps
    largest = np.abs(directions).argmax(axis=1)
    signs = np.where(directions[np.arange(len(directions)), largest] < 0, -1.0, 1.0)
    return np.where(values > noise, values, 0.0), signs[:, None] * directions


def components_for_share(values: np.ndarray, share: float) -> int:
    """Return how many of the largest `values` sum to `share` of all."""
    cumulative = np.cumsum(values)
    return int(np.searchsorted(cumulative, share * cumulative[-1]) + 1)
