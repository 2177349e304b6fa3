"""The few things that Keras does not abstract, one file per backend.

`backend` is the module of the backend in use; `protocol.Backend` says what each of them offers, and
`keras_babysit.testing.backends` checks it.
"""

from keras_babysit.backends.host import to_array
from keras_babysit.backends.kept_state import kept_state
from keras_babysit.backends.selected import backend
from keras_babysit.backends.variables import optimizers

__all__ = ["backend", "kept_state", "optimizers", "to_array"]
