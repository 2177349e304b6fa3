"""Watch a PyTorch loop with `backward()` and an optimizer of `torch.optim`.

    python examples/loop_torch.py [--out FOLDER]

The biases of the hidden layer start so far below zero that none of its units is ever active. No
kernel receives a gradient, and the verdict says so.
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import torch
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
    model = build()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def train_step(x, y):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x, training=True), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with kb.watch(model, optimizer, loss=loss, steps=STEPS, every=10, log_dir=args.out) as sitter:
        for x, y in batches():
            sitter.step(train_step, torch.tensor(x), torch.tensor(y).long())
    return sitter


if __name__ == "__main__":
    main()
