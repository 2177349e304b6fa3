"""Hyperparameter search: cross-validated grid, random and coarse-to-fine, steered by diagnosis.

    search                    a trial                        between rounds
    base_search_cv            cross_validation, causes       record -> narrow_ranges, edits
      worker, slots             under the Babysitter           all pure functions: rounds
      study, storage          hyper_parameters, suggest      shown by
        on Optuna             objective, data                  progress, table, plot, hparams

The engine is Optuna: its database, samplers and pruners. Another strategy is a subclass of
`BaseSearchCV`; another sampler a name in `sampler.SAMPLERS`; another reason to stop a trial a rule
in `causes.CAUSES`; another lesson for the next round an edit in `edits.EDITS`.
"""

try:
    import optuna  # noqa: F401
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "The hyperparameter search needs Optuna and scikit-learn: "
        'pip install "keras-babysit[search]"'
    ) from error

from keras_babysit.search.base_search_cv import BaseSearchCV
from keras_babysit.search.coarse_to_fine_search_cv import CoarseToFineSearchCV
from keras_babysit.search.grid_search_cv import GridSearchCV
from keras_babysit.search.hyper_parameters import HyperParameters
from keras_babysit.search.narrow_ranges import narrow_ranges
from keras_babysit.search.randomized_search_cv import RandomizedSearchCV
from keras_babysit.search.record import Record
from keras_babysit.search.space import Choice, Range
from keras_babysit.search.storage import open_storage

__all__ = [
    "BaseSearchCV",
    "Choice",
    "CoarseToFineSearchCV",
    "GridSearchCV",
    "HyperParameters",
    "RandomizedSearchCV",
    "Range",
    "Record",
    "narrow_ranges",
    "open_storage",
]
