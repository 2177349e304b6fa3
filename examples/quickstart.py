"""A sick network, watched; then the same network with the advice applied.

    python examples/quickstart.py [--out FOLDER] [--epochs N]

The data are scikit-learn's handwritten digits, 1,797 images of 8 x 8 pixels, which come with the
package. The faults are those a beginner makes: raw pixel values, weights from a narrow normal
distribution with biases far below zero, and a learning rate that is far too high.
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
    """Return train and validation data, pixels from 0 to 16 as they come or of mean 0."""
    x, y = load_digits(return_X_y=True)
    if scaled:
        x = (x - x.mean()) / x.std()
    x_train, x_val, y_train, y_val = train_test_split(
        x.astype("float32"), y, test_size=0.3, random_state=0, stratify=y
    )
    return (x_train, y_train), (x_val, y_val)


def build(activation, kernel_initializer, bias, optimizer):
    """Return a compiled network of two hidden layers."""
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
    """Train under the eyes of `sitter` and return the validation accuracy."""
    (x, y), validation = data
    history = model.fit(
        x, y, batch_size=32, epochs=epochs, validation_data=validation, callbacks=[sitter]
    )
    return history.history["val_accuracy"][-1]


def main():
    """Run the sick network and the mended one, and show both side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/quickstart"))
    parser.add_argument("--epochs", type=int, default=12)
    arguments = parser.parse_args()
    out = arguments.out

    print("\n1. A sick network: raw pixels, tiny weights, biases at -20, learning rate 0.06\n")
    keras.utils.set_random_seed(0)
    sick = build(
        "relu", keras.initializers.RandomNormal(stddev=0.05), -20.0, keras.optimizers.SGD(0.06)
    )
    # A number for `every`, so that a run of seconds shows all there is to see; "auto" would keep
    # to 2 % of a minute.
    watch_sick = kb.Babysitter(log_dir=out / "logs" / "sick", every=10)
    before = train(sick, load(scaled=False), watch_sick, arguments.epochs)

    print("\n2. With the advice applied: scaled pixels, he_normal, biases at 0, a lower rate\n")
    keras.utils.set_random_seed(0)
    mended = build("relu", "he_normal", 0.0, keras.optimizers.SGD(0.01, momentum=0.9))
    watch_mended = kb.Babysitter(log_dir=out / "logs" / "mended", every=10)
    after = train(mended, load(scaled=True), watch_mended, arguments.epochs)

    watch_sick.report().to_html(out / "sick.html")
    watch_mended.report().to_html(out / "mended.html")
    print(f"\nValidation accuracy: {before:.3f} before, {after:.3f} with the advice applied.")
    print(f"Reports: {out / 'sick.html'} and {out / 'mended.html'}")
    print(f"TensorBoard: tensorboard --logdir {out / 'logs'}")
    return before, after, watch_sick.findings, watch_mended.findings


if __name__ == "__main__":
    np.set_printoptions(precision=3)
    main()
