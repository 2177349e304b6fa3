"""The eigenvectors of a covariance matrix with the largest eigenvalues."""

import numpy as np


def full_eigenpairs(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all eigenvalues, largest first, and the eigenvectors as rows."""
    values, vectors = np.linalg.eigh(covariance)
    return _tidied(values[::-1], vectors.T[::-1])


def randomized_eigenpairs(
    covariance: np.ndarray, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return approximately the `count` largest eigenvalues and their eigenvectors as rows."""
    try:
        from sklearn.utils.extmath import randomized_svd
    except ImportError as error:
        raise ImportError(
            'Argument `solver="randomized"` needs scikit-learn: pip install scikit-learn. '
            'Or pass solver="full".'
        ) from error
    _, values, vectors = randomized_svd(covariance, count, random_state=seed)
    return _tidied(values, vectors)


def _tidied(values: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Set eigenvalues below rounding error to 0, and fix the signs as scikit-learn does."""
    features = directions.shape[1]
    noise = values.max(initial=0.0) * features * np.finfo("float64").eps
    largest = np.abs(directions).argmax(axis=1)
    signs = np.where(directions[np.arange(len(directions)), largest] < 0, -1.0, 1.0)
    return np.where(values > noise, values, 0.0), signs[:, None] * directions


def components_for_fraction(values: np.ndarray, fraction: float) -> int:
    """Return how many of the largest `values` sum to at least `fraction` of the total."""
    cumulative = np.cumsum(values)
    return int(np.searchsorted(cumulative, fraction * cumulative[-1]) + 1)
