"""The few things that Keras does not abstract, from the one file of the backend in use.

Every backend module offers the same functions:

- `CAN_COMPILE`: whether compiling is a choice that the schedule makes.
- `COMPILES_EACH_SIZE`: whether another number of examples is another compilation.
- `ANNOUNCES_THE_END`: whether Keras announces a step before it finds that data of unknown length
  are over.
- `versions()`: the version of the backend, by its name.
- `workers(model)`: the place, from 0, of this process among those that train together, and how
  many they are.
- `is_whole(model)`: whether this process alone can read all weights.
- `value_and_grad(function, values)`: `function(values) -> (scalar, auxiliary)` and the gradients
  of the scalar, zero where there is none.
- `derivative(function, z)`: the elementwise derivative of `function` at `z`.
- `at_once()`: a context in which constants are computed at once, also while a graph is traced.
- `compile(function, *examples, varies=())`: `function` as one compiled graph, for arguments like
  `examples`; those at the places `varies` may come with another first axis.
- `copy(values)`: copies that the next training step cannot overwrite.
- `spread(values, count)`: the same, but of a value with more than `count` entries about as many of
  them, evenly spread.
- `wait(values)`: return when `values` are computed.
- `is_out_of_memory(error)`: whether an error says that there is not enough memory.
- `first_units(tensor, count)`: the first entries of the last axis, on the host.
- `to_tensor(array)`, `to_numpy(tensor)`: across the border to the host.
- `borrow(arguments, count, fetching=)`: up to `count` batches out of the arguments of Keras' train
  or test function, and arguments that hand the very same batches on. What the data themselves take
  happens in the context that `fetching` makes: `fit` would wait for them a moment later.
- `state(model, arguments)`: the values of the variables of the model during that function, as
  lists `(trainable, other, optimizer)`; `other` is all that is neither, metrics included, and
  `optimizer` what the optimizers of `optimizers(model)` hold.
- `trained(model, result)`: the values of the trainable variables after it.
- `Feed().take(arguments, count)`: `borrow` for every step of a run, as cheap as can be;
  `Feed().rate(arguments, variable, place)`: a copy of an optimizer variable before a step.
- `exchange(model, arguments, values)`: give the variables other values, as `state` returns them,
  and return the arguments of the step that comes next.
- `Sandbox(model, function, feed, arguments)`: run real training steps of the model in `fit` and
  leave no trace of them. `function` is Keras' own train function, `feed` the `Feed` that took the
  batches, `arguments` those of the step that comes next, None outside of one.
- `random_state()`, `set_random_state(state)`: the backend's own random state, None where Keras
  does not draw on it, and None does nothing.
- `logs(result)`: what it returned of losses and metrics.
- `start_seconds(layers, is_compiled)`: about how long the first probe of so many layers takes.
"""

import importlib

import keras

backend = importlib.import_module(f"keras_babysit.backends.{keras.backend.backend()}")
