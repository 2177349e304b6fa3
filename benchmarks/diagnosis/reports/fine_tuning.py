"""Reports: a pretrained network that is fed, loaded, frozen or unfrozen in a wrong way."""

import keras
import numpy as np
from keras.layers import BatchNormalization, Conv2D, Dense, Dropout, GlobalAveragePooling2D, ReLU

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training, report

KIND = "fine-tuning"


def convolutions(*, norm: bool) -> keras.Model:
    """Return a network that scales pictures in [0, 255] itself and returns features."""
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for filters in (16, 32, 32):
        x = Conv2D(filters, 3, padding="same", use_bias=not norm)(x)
        x = ReLU()(BatchNormalization(momentum=0.8)(x) if norm else x)
    return keras.Model(inputs, GlobalAveragePooling2D()(x), name="pretrained")


def pretrained(data: parts.Data, *, norm: bool, epochs: int = 6) -> keras.Model:
    """Return the convolutions trained on the digits from 5 to 9."""
    base = convolutions(norm=norm)
    known = data.y >= 5
    model = keras.Sequential([base, Dense(10, activation="softmax")])
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    model.fit(255 * data.x[known], data.y[known], epochs=epochs, batch_size=32, verbose=0)
    return base


def new_digits(data: parts.Data, count: int) -> parts.Data:
    """Return some pictures in [0, 255] of the digits from 0 to 4."""
    train, held_out = data.y < 5, data.y_val < 5
    x, y = 255 * data.x[train][:count], data.y[train][:count]
    return parts.Data(x, y, 255 * data.x_val[held_out], data.y_val[held_out])


def classifier(base: keras.Model, *, dropout: float = 0.0) -> keras.Model:
    """Return a model of the base and a new head."""
    inputs = keras.Input((8, 8, 1))
    x = base(inputs)
    x = Dropout(dropout)(x) if dropout else x
    return keras.Model(inputs, Dense(5, activation="softmax")(x))


@report("https://github.com/rstudio/keras3/issues/1215", KIND, pretrains=True)
def frozen_base_wrong_inputs(repaired: bool, rng: np.random.Generator) -> Training:
    """Pictures are scaled to [0, 1] for a frozen base that scales them itself."""
    data = parts.digits(rng, image=True)
    base = pretrained(data, norm=True, epochs=8)
    base.trainable = False
    new = new_digits(data, 400)
    scale = np.float32(1 if repaired else 1 / 255)
    new = new._replace(x=scale * new.x, x_val=scale * new.x_val)
    model = classifier(base, dropout=0.2)
    optimizer = keras.optimizers.Adam(5e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(new, epochs=15)
    return Training(model, fit, parts.accuracy(model, new.x_val, new.y_val))


@report("https://github.com/keras-team/keras/issues/9940", KIND, pretrains=True)
def unfrozen_at_the_full_rate(repaired: bool, rng: np.random.Generator) -> Training:
    """A base is unfrozen at a high learning rate, which destroys what it had learnt."""
    data = parts.digits(rng, image=True)
    base = pretrained(data, norm=False)
    new = new_digits(data, 150)
    model = classifier(base)
    base.trainable = False
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    model.fit(new.x, new.y, epochs=15, batch_size=16, verbose=0)
    base.trainable = True
    optimizer = keras.optimizers.RMSprop(3e-4 if repaired else 5e-2)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(new, epochs=12, batch_size=16)
    return Training(model, fit, parts.accuracy(model, new.x_val, new.y_val))


@report("https://github.com/VisualComputingInstitute/triplet-reid/issues/30", KIND, pretrains=True)
def pretrained_weights_not_loaded(repaired: bool, rng: np.random.Generator) -> Training:
    """The lines that load the weights of a frozen base were deleted: it stays as initialized."""
    data = parts.digits(rng, image=True)
    base = pretrained(data, norm=True, epochs=10) if repaired else convolutions(norm=True)
    base.trainable = False
    new = new_digits(data, 400)
    model = classifier(base)
    optimizer = keras.optimizers.Adam(1e-2)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = parts.arguments(new, epochs=30)
    return Training(model, fit, parts.accuracy(model, new.x_val, new.y_val))


@report("https://github.com/huggingface/trl/issues/3926", KIND, pretrains=True)
def adapters_frozen_with_the_base(repaired: bool, rng: np.random.Generator) -> Training:
    """The base is frozen after its low-rank adapters were added, which freezes them as well."""
    x = rng.normal(size=(1500, 10))
    turned = x @ np.linalg.qr(rng.normal(size=(10, 10)))[0]
    base = parts.mlp(10, 32, 32, last=8, activation="relu")
    first = keras.Sequential([base, Dense(1)])
    first.compile(keras.optimizers.Adam(3e-3), "mse")
    first.fit(x, np.tanh(x[:, :1] * x[:, 1:2]), epochs=5, verbose=0)
    for layer in base.layers:
        layer.enable_lora(4)
    y = np.tanh(turned[:, 2:3] * turned[:, 3:4]) + 0.5 * turned[:, 4:5]
    data = parts.cut(x, y, 1200)
    if not repaired:
        base.trainable = False
    model = keras.Sequential([base, Dense(1)])
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    fit = parts.arguments(data, epochs=15)
    return Training(model, fit, parts.r_squared(model, data.x_val, data.y_val))
