"""Watch a JAX loop over explicit state, compiled by `jax.jit`.

    python examples/loop_jax.py [--out FOLDER]

The biases of the hidden layer start so far below zero that none of its units is ever active. No
kernel receives a gradient, and the verdict says so.
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax
import keras
import numpy as np
from sklearn.datasets import load_digits

import keras_babysit as kb

STEPS, BATCH = 150, 64


def build():
    """Return a network whose hidden layer is dead."""
    low = keras.initializers.Constant(-30.0)
    return keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(32, "relu", bias_initializer=low, name="hidden"),
            keras.layers.Dense(10, name="digits"),
        ]
    )


def batches():
    """Yield batches of scikit-learn's handwritten digits."""
    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype("float32"), y.astype("int32")
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        rows = rng.integers(0, len(x), BATCH)
        yield x[rows], y[rows]


def main(argv=None):
    """Train, and return the sitter."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", help="folder for TensorBoard")
    args = parser.parse_args(argv)
    keras.utils.set_random_seed(0)
    model, optimizer = build(), keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def loss_and_updates(trainable, non_trainable, x, y):
        outputs, non_trainable = model.stateless_call(trainable, non_trainable, x, training=True)
        return loss_of(y, outputs), non_trainable

    @jax.jit
    def train_step(state, batch):
        trainable, non_trainable, slots = state
        differentiate = jax.value_and_grad(loss_and_updates, has_aux=True)
        (loss, non_trainable), gradients = differentiate(trainable, non_trainable, *batch)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return (trainable, non_trainable, slots), loss

    groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    state = tuple([variable.value for variable in group] for group in groups)
    with kb.watch(
        model, optimizer, loss=loss_of, steps=STEPS, every=10, log_dir=args.out
    ) as sitter:
        for batch in batches():
            state, _ = sitter.step(train_step, state, batch)
    return sitter


if __name__ == "__main__":
    main()
