"""Hyperparameter search with cross-validation: grid, random and coarse-to-fine.

| part | modules |
|---|---|
| arguments and results of a search | `base_search_cv`, `results`, `finalists` |
| processes that share the trials | `worker`, `view`, `slots`, `study`, `storage`, `parallel` |
| one trial | `trial_run`, `cross_validation`, `checkpoint`, `judge`, `objective`, `data` |
| reasons to stop a trial | `causes` |
| hyperparameters | `hyper_parameters`, `space`, `suggest`, `sampler` |
| which trials run, and how far (pure functions) | `record`, `fidelity`, `phases`, `agreement` |
| ranges of the next round (pure functions) | `narrow_ranges`, `edits`, `rounds` |
| display | `progress`, `table`, `plot`, `hparams` |

Optuna stores the trials, samples them and prunes them. To extend the search, add:

- a strategy: a subclass of `BaseSearchCV`;
- a sampler: an entry in `sampler.SAMPLERS`, and in `sampler.MODELS` to sample later rounds;
- a reason to stop a trial: a rule in `causes.CAUSES`;
- a change to the ranges of the next round: an edit in `edits.EDITS`.
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
