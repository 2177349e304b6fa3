# %% [markdown]
# # Data preprocessing
#
# Centring, scaling and whitening, as layers that become part of the model: what is learned from
# the training data is applied to all other data as well.

# %%
import keras
import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits

import keras_babysit as kb
from keras_babysit.layers import Whitening, ZeroCenter

random = np.random.default_rng(0)
cloud = random.normal(size=(500, 2)) @ np.array([[2.0, 1.2], [0.0, 0.6]]) + [3.0, 1.0]
cloud = cloud.astype("float32")

# %%
standard = keras.layers.Normalization()
standard.adapt(cloud)
stages = {
    "raw": cloud,
    "centred": ZeroCenter().adapt(cloud)(cloud),
    "scaled": standard(cloud),
    "whitened": Whitening().adapt(cloud)(cloud),
}
figure, axes = plt.subplots(1, 4, figsize=(12, 3), sharex=True, sharey=True)
for panel, (name, points) in zip(axes, stages.items(), strict=True):
    panel.scatter(*keras.ops.convert_to_numpy(points).T, s=4)
    panel.set(title=name, xlim=(-6, 9), ylim=(-6, 6))
    panel.axhline(0, lw=0.5), panel.axvline(0, lw=0.5)

# %% [markdown]
# ## Does it matter?
#
# The same network on features with scales from 0.01 to 100. Without scaling, the callback says
# what is wrong; with it, it is silent.

# %%
x, y = load_digits(return_X_y=True)
x = (x * np.geomspace(0.01, 100, 64)).astype("float32")


def train(x, *first):
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(32, activation="relu")
    model = keras.Sequential([keras.Input((64,)), *first, hidden, keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05), loss, metrics=["accuracy"])
    sitter = kb.Babysitter(every=10)
    model.fit(x, y, epochs=5, validation_split=0.2, verbose=0, callbacks=[sitter])


_ = train(x)

# %%
scaled = keras.layers.Normalization()
scaled.adapt(x)
_ = train(x, scaled)

# %% [markdown]
# For images the lesson only centres: `ZeroCenter()` subtracts the mean of each channel, and
# `ZeroCenter(axis=None)` the mean image.
#
# ```python
# (images, labels), _ = keras.datasets.cifar10.load_data()
# centred = ZeroCenter().adapt(images)(images)
# ```
