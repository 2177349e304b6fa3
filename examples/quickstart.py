"""Watch a network that does not train, and the same network after the remedies are applied.

    python examples/quickstart.py [--out FOLDER] [--epochs N]

The data are scikit-learn's handwritten digits, 1,797 images of 8 x 8 pixels, which come with the
package. The network has typical beginner's mistakes: unscaled pixels, weights from a narrow normal
distribution, biases far below zero, and a learning rate that is far too high.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import keras_babysit as kb


def load(scaled):
    """Return training and validation data, with raw pixels (0 to 16) or standardized ones."""
    x, y = load_digits(return_X_y=True)
    if scaled:
        x = (x - x.mean()) / x.std()
    x_train, x_val, y_train, y_val = train_test_split(
        x.astype("float32"), y, test_size=0.3, random_state=0, stratify=y
    )
    return (x_train, y_train), (x_val, y_val)


def build(activation, kernel_initializer, bias, optimizer):
    """Return a compiled network with two hidden layers."""
    hidden = {
        "activation": activation,
        "kernel_initializer": kernel_initializer,
        "bias_initializer": keras.initializers.Constant(bias),
    }
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(128, name="hidden_1", **hidden),
            keras.layers.Dense(128, name="hidden_2", **hidden),
            keras.layers.Dense(10, activation="softmax", name="digits"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(model, data, sitter, epochs):
    """Train with the callback `sitter`, and return the validation accuracy."""
    (x, y), validation = data
    history = model.fit(
        x, y, batch_size=32, epochs=epochs, validation_data=validation, callbacks=[sitter]
    )
    return history.history["val_accuracy"][-1]


def main():
    """Train the faulty network and the fixed one, and compare their accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/quickstart"))
    parser.add_argument("--epochs", type=int, default=12)
    arguments = parser.parse_args()
    out = arguments.out

    print("\n1. A faulty network: raw pixels, tiny weights, biases at -20, learning rate 0.06\n")
    keras.utils.set_random_seed(0)
    faulty = build(
        "relu", keras.initializers.RandomNormal(stddev=0.05), -20.0, keras.optimizers.SGD(0.06)
    )
    # A fixed interval shows every finding. The default, `every="auto"`, measures less often in a
    # run of a few seconds.
    watch_faulty = kb.Babysitter(log_dir=out / "logs" / "faulty", every=10)
    before = train(faulty, load(scaled=False), watch_faulty, arguments.epochs)

    print("\n2. The remedies applied: scaled pixels, he_normal, zero biases, learning rate 0.01\n")
    keras.utils.set_random_seed(0)
    fixed = build("relu", "he_normal", 0.0, keras.optimizers.SGD(0.01, momentum=0.9))
    watch_fixed = kb.Babysitter(log_dir=out / "logs" / "fixed", every=10)
    after = train(fixed, load(scaled=True), watch_fixed, arguments.epochs)

    watch_faulty.report().to_html(out / "faulty.html")
    watch_fixed.report().to_html(out / "fixed.html")
    print(f"\nValidation accuracy: {before:.3f} before, {after:.3f} with the remedies applied.")
    print(f"Reports: {out / 'faulty.html'} and {out / 'fixed.html'}")
    print(f"TensorBoard: tensorboard --logdir {out / 'logs'}")
    return before, after, watch_faulty.findings, watch_fixed.findings


if __name__ == "__main__":
    np.set_printoptions(precision=3)
    main()
