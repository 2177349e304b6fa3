"""Healthy programs: texts, signals and series."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from benchmarks.diagnosis.reports import parts
from benchmarks.diagnosis.reports.report import Training
from benchmarks.foreign.healthy import data
from benchmarks.foreign.healthy.program import healthy

SPARSE = "sparse_categorical_crossentropy"


def judged(model: keras.Model, of: parts.Data, epochs: int, **options: Any) -> Training:
    """Return the training of a compiled classifier."""
    fit = parts.arguments(of, epochs=epochs, **options)
    return Training(model, fit, parts.accuracy(model, of.x_val, of.y_val))


@healthy("examples/nlp/bidirectional_lstm_imdb.py")
def bidirectional_lstm(rng: np.random.Generator) -> Training:
    of = data.texts(rng, n=600)
    inputs = keras.Input((None,), dtype="int32")
    h = layers.Embedding(40, 16)(inputs)
    h = layers.Bidirectional(layers.LSTM(12, return_sequences=True))(h)
    h = layers.Bidirectional(layers.LSTM(12))(h)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(h))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return judged(model, of, 8)


@healthy("examples/nlp/text_classification_from_scratch.py")
def text_from_scratch(rng: np.random.Generator) -> Training:
    of = data.texts(rng)
    inputs = keras.Input((None,), dtype="int64")
    x = layers.Dropout(0.5)(layers.Embedding(40, 24)(inputs))
    x = layers.Conv1D(24, 5, padding="valid", activation="relu", strides=3)(x)
    x = layers.GlobalMaxPooling1D()(x)
    x = layers.Dropout(0.5)(layers.Dense(24, activation="relu")(x))
    output = layers.Dense(1, activation="sigmoid", name="predictions")(x)
    model = keras.Model(inputs, output)
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    return judged(model, of, 12)


@healthy("examples/generative/text_generation_with_miniature_gpt.py")
def miniature_gpt(rng: np.random.Generator) -> Training:
    tokens = data.language(rng)
    of = data.split(tokens[:, :-1], tokens[:, 1:])
    inputs = keras.Input((12,), dtype="int32")
    places = layers.Embedding(12, 24)(ops.arange(12))
    h = layers.Embedding(16, 24)(inputs) + places
    x = layers.Dropout(0.1)(layers.MultiHeadAttention(2, 24)(h, h, use_causal_mask=True))
    h = layers.LayerNormalization(epsilon=1e-6)(h + x)
    x = layers.Dropout(0.1)(layers.Dense(24)(layers.Dense(32, activation="relu")(h)))
    h = layers.LayerNormalization(epsilon=1e-6)(h + x)
    model = keras.Model(inputs, [layers.Dense(16)(h), h])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss=[loss, None])
    fit = {"x": of.x, "y": of.y, "epochs": 12, "batch_size": 16}
    return Training(model, fit, lambda logs: 1 - logs["loss"][-1] / np.log(16))


@healthy("examples/nlp/ner_transformers.py")
def named_entities(rng: np.random.Generator) -> Training:
    n, steps = 700, 12
    x = rng.integers(1, 30, (n, steps))
    y = np.where(x > 22, 2 + (np.roll(x, 1, axis=1) > 15), 1)
    x[np.arange(steps)[None] >= rng.integers(5, steps + 1, n)[:, None]] = 0
    of = data.split(x, np.where(x == 0, 0, y))
    inputs = keras.Input((steps,), dtype="int32")
    h = layers.Embedding(30, 24)(inputs) + layers.Embedding(steps, 24)(ops.arange(steps))
    x = layers.Dropout(0.1)(layers.MultiHeadAttention(2, 24)(h, h))
    h = layers.LayerNormalization(epsilon=1e-6)(h + x)
    x = layers.Dropout(0.1)(layers.Dense(24)(layers.Dense(32, activation="relu")(h)))
    h = layers.LayerNormalization(epsilon=1e-6)(h + x)
    h = layers.Dropout(0.1)(layers.Dense(16, activation="relu")(h))
    model = keras.Model(inputs, layers.Dense(4, activation="softmax")(h))

    def of_words(y_true: Any, y_pred: Any) -> Any:
        each = ops.sparse_categorical_crossentropy(y_true, y_pred)
        counts = ops.cast(y_true > 0, "float32")
        return ops.sum(each * counts) / ops.sum(counts)

    model.compile("adam", loss=of_words)
    fit = {"x": of.x, "y": of.y, "epochs": 15}

    def score(logs: Any) -> float:
        known = of.y_val > 0
        return float((parts.predicted(model, of.x_val).argmax(-1) == of.y_val)[known].mean())

    return Training(model, fit, score)


@healthy("examples/nlp/neural_machine_translation_with_transformer.py")
def translation(rng: np.random.Generator) -> Training:
    n, steps = 900, 8
    source = rng.integers(2, 14, (n, steps))
    source[np.arange(steps)[None] >= rng.integers(4, steps + 1, n)[:, None]] = 0
    target = np.where(source > 0, (source * 5) % 12 + 2, 0)
    target = np.concatenate([np.ones((n, 1), int), target], axis=1)
    x = {"source": source, "target": target[:, :-1]}
    encoded = keras.Input((None,), dtype="int64", name="source")
    decoded = keras.Input((None,), dtype="int64", name="target")

    def embedded(tokens: Any) -> Any:
        places = ops.cumsum(ops.ones_like(tokens), axis=1) - 1
        table = layers.Embedding(16, 24, mask_zero=True)(tokens)
        return layers.Add()([table, layers.Embedding(12, 24)(places)])

    h = embedded(encoded)
    x_ = layers.MultiHeadAttention(2, 12)(h, h)
    h = layers.LayerNormalization()(layers.Add()([h, x_]))
    x_ = layers.Dense(24)(layers.Dense(48, activation="relu")(h))
    h = layers.LayerNormalization()(layers.Add()([h, x_]))
    d = embedded(decoded)
    x_ = layers.MultiHeadAttention(2, 12)(d, d, use_causal_mask=True)
    d = layers.LayerNormalization()(layers.Add()([d, x_]))
    x_ = layers.MultiHeadAttention(2, 12)(d, h)
    d = layers.LayerNormalization()(layers.Add()([d, x_]))
    x_ = layers.Dense(24)(layers.Dense(48, activation="relu")(d))
    d = layers.LayerNormalization()(layers.Add()([d, x_]))
    output = layers.Dense(16, activation="softmax")(layers.Dropout(0.2)(d))
    model = keras.Model([encoded, decoded], output)
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=0)
    model.compile(keras.optimizers.Adam(3e-3), loss=loss, metrics=["accuracy"])
    fit = {"x": x, "y": target[:, 1:], "epochs": 12, "validation_split": 0.15}
    return Training(model, fit, lambda logs: 1 - logs["val_loss"][-1] / np.log(12))


@healthy("examples/nlp/addition_rnn.py")
def addition(rng: np.random.Generator) -> Training:
    first, second = rng.integers(0, 10, (2, 1500))
    one_hot = np.eye(10, dtype="float32")
    x = np.stack([one_hot[first], one_hot[second]], axis=1)
    y = np.stack([one_hot[(first + second) // 10], one_hot[(first + second) % 10]], axis=1)
    of = data.split(x, y)
    model = keras.Sequential(
        [
            keras.Input((2, 10)),
            layers.LSTM(32),
            layers.RepeatVector(2),
            layers.LSTM(32, return_sequences=True),
            layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(5e-3)
    model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, lambda logs: logs["val_accuracy"][-1])


@healthy("examples/nlp/pretrained_word_embeddings.py")
def pretrained_embeddings(rng: np.random.Generator) -> Training:
    of = data.texts(rng)
    vectors = rng.normal(size=(40, 24)) * 0.4
    vectors[2:6] += 0.6
    vectors[6:10] -= 0.6
    vectors[0] = 0
    table = layers.Embedding(40, 24, trainable=False)
    table.build((1,))
    table.set_weights([vectors])
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Conv1D(24, 3, activation="relu")(table(inputs))
    x = layers.Conv1D(24, 3, activation="relu")(layers.MaxPooling1D(2)(x))
    x = layers.Dense(24, activation="relu")(layers.GlobalMaxPooling1D()(x))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.Dropout(0.5)(x)))
    model.compile(loss=SPARSE, optimizer="rmsprop", metrics=["acc"])
    of = of._replace(y=of.y[:, 0].astype(int), y_val=of.y_val[:, 0].astype(int))
    return judged(model, of, 8)


@healthy("examples/nlp/multi_label_classification.py")
def many_labels(rng: np.random.Generator) -> Training:
    n = 1000
    topics = (rng.random((n, 8)) < 0.25).astype(float)
    words = rng.poisson(0.2 + topics @ rng.random((8, 60)) * (rng.random((8, 60)).sum() > 0))
    x = np.log1p(words) * rng.random(60)
    of = data.split(x, topics)
    model = keras.Sequential(
        [
            keras.Input((60,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(32, activation="relu"),
            layers.Dense(8, activation="sigmoid"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["binary_accuracy"])
    fit = parts.arguments(of, epochs=15)
    return Training(model, fit, parts.balanced(model, of.x_val, of.y_val))


@healthy("examples/nlp/masked_language_modeling.py")
def masked_language(rng: np.random.Generator) -> Training:
    tokens = data.language(rng, n=900)[:, :12]
    hidden = rng.random(tokens.shape) < 0.15
    x = np.where(hidden, 16, tokens)
    inputs = keras.Input((12,), dtype="int64")
    h = layers.Embedding(17, 24)(inputs) + layers.Embedding(12, 24)(ops.arange(12))
    for _ in range(1):
        a = layers.Dropout(0.1)(layers.MultiHeadAttention(2, 12)(h, h))
        h = layers.LayerNormalization(epsilon=1e-6)(h + a)
        a = layers.Dropout(0.1)(layers.Dense(24)(layers.Dense(48, activation="relu")(h)))
        h = layers.LayerNormalization(epsilon=1e-6)(h + a)
    model = keras.Model(inputs, layers.Dense(17, activation="softmax")(h))
    model.compile(keras.optimizers.Adam(3e-3), SPARSE)
    weights = hidden.astype("float32")
    fit = {"x": x, "y": tokens, "sample_weight": weights, "epochs": 15}
    return Training(model, fit, lambda logs: 1 - logs["loss"][-1] / logs["loss"][0])


@healthy("examples/timeseries/timeseries_weather_forecasting.py")
def weather(rng: np.random.Generator) -> Training:
    of = data.split(*data.waves(rng))
    inputs = keras.Input((24, 1))
    model = keras.Model(inputs, layers.Dense(1)(layers.LSTM(24)(inputs)))
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.001), loss="mse")
    callbacks = [keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=0, patience=5)]
    fit = parts.arguments(of, epochs=12, callbacks=callbacks)
    return Training(model, fit, parts.r_squared(model, of.x_val, of.y_val))


@healthy("examples/timeseries/timeseries_anomaly_detection.py")
def anomalies(rng: np.random.Generator) -> Training:
    x, _ = data.waves(rng)
    model = keras.Sequential(
        [
            layers.Input((24, 1)),
            layers.Conv1D(16, 7, padding="same", strides=2, activation="relu"),
            layers.Dropout(0.2),
            layers.Conv1D(8, 7, padding="same", strides=2, activation="relu"),
            layers.Conv1DTranspose(8, 7, padding="same", strides=2, activation="relu"),
            layers.Dropout(0.2),
            layers.Conv1DTranspose(16, 7, padding="same", strides=2, activation="relu"),
            layers.Conv1DTranspose(1, 7, padding="same"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.001), loss="mse")
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, mode="min")
    fit = {"x": x, "y": x, "epochs": 20, "validation_split": 0.1, "callbacks": [stop]}
    return Training(model, fit, lambda logs: 1 - logs["val_loss"][-1] / float(x.var()))


@healthy("examples/timeseries/timeseries_classification_from_scratch.py")
def fully_convolutional_series(rng: np.random.Generator) -> Training:
    of = data.signals(rng)
    inputs = x = keras.Input((40, 1))
    for _ in range(3):
        x = layers.Conv1D(24, 3, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    output = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(x))
    model = keras.Model(inputs, output)
    model.compile("adam", SPARSE, metrics=["sparse_categorical_accuracy"])
    callbacks = [
        keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=20, min_lr=1e-4),
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=50),
    ]
    return judged(model, of, 15, callbacks=callbacks)


@healthy("examples/timeseries/timeseries_classification_transformer.py")
def transformer_of_series(rng: np.random.Generator) -> Training:
    of = data.signals(rng)
    inputs = x = keras.Input((40, 1))
    for _ in range(2):
        h = layers.MultiHeadAttention(key_dim=16, num_heads=2, dropout=0.25)(x, x)
        h = layers.LayerNormalization(epsilon=1e-6)(layers.Dropout(0.25)(h)) + x
        y = layers.Conv1D(4, 1, activation="relu")(h)
        y = layers.Conv1D(1, 1)(layers.Dropout(0.25)(y))
        x = layers.LayerNormalization(epsilon=1e-6)(y) + h
    x = layers.GlobalAveragePooling1D(data_format="channels_last")(x)
    x = layers.Dropout(0.4)(layers.Dense(64, activation="relu")(x))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    model.compile(loss=SPARSE, optimizer=keras.optimizers.Adam(1e-3), metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
    return judged(model, of, 20, callbacks=[stop])


@healthy("examples/audio/eeg_signal.py")
def eeg(rng: np.random.Generator) -> Training:
    of = data.signals(rng, n=900)
    keep = (of.y != 2) | (np.random.default_rng(0).random(len(of.y)) < 0.3)
    of = of._replace(x=of.x[keep], y=of.y[keep])
    counts = np.bincount(of.y)
    weights = {k: float(len(of.y) / 3 / c) for k, c in enumerate(counts)}
    inputs = x = keras.Input((40, 1))
    for filters in (16, 24):
        x = layers.Conv1D(filters, 3, strides=2, padding="same", activation="relu")(x)
        x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    penalty = keras.regularizers.L2(1e-4)
    x = layers.Dense(48, activation="relu", kernel_regularizer=penalty)(x)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Dropout(0.2)(x)))
    model.compile(keras.optimizers.Adam(1e-3, amsgrad=True), SPARSE, metrics=["accuracy"])
    return judged(model, of, 12, class_weight=weights)


@healthy("examples/audio/speaker_recognition_using_cnn.py")
def speakers(rng: np.random.Generator) -> Training:
    of = data.signals(rng)
    spectrum = [np.abs(np.fft.rfft(x[..., 0]))[..., None] for x in (of.x, of.x_val)]
    of = of._replace(x=spectrum[0].astype("float32"), x_val=spectrum[1].astype("float32"))
    inputs = x = keras.Input((21, 1))
    for filters in (8, 16):
        s = layers.Conv1D(filters, 1, padding="same")(x)
        x = layers.Activation("relu")(layers.Conv1D(filters, 3, padding="same")(x))
        x = layers.Add()([layers.Conv1D(filters, 3, padding="same")(x), s])
        x = layers.MaxPool1D(2, strides=2)(layers.Activation("relu")(x))
    x = layers.Flatten()(layers.AveragePooling1D(pool_size=3, strides=3)(x))
    x = layers.Dense(32, activation="relu")(x)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    model.compile("Adam", SPARSE, metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
    return judged(model, of, 12, callbacks=[stop])


@healthy("examples/generative/lstm_character_level_text_generation.py")
def characters(rng: np.random.Generator) -> Training:
    tokens = data.language(rng, n=1200)
    x, y = np.eye(16, dtype="float32")[tokens[:, :-1]], np.eye(16, dtype="float32")[tokens[:, -1]]
    model = keras.Sequential(
        [keras.Input((12, 16)), layers.LSTM(32), layers.Dense(16, activation="softmax")]
    )
    model.compile(keras.optimizers.RMSprop(0.01), loss="categorical_crossentropy")
    fit = {"x": x, "y": y, "batch_size": 64, "epochs": 12}
    return Training(model, fit, lambda logs: 1 - logs["loss"][-1] / np.log(16))
