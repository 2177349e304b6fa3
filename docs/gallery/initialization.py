# %% [markdown]
# # Weight initialisation
#
# The spread of the initial weights decides whether the signal arrives at the end of a deep
# network, and the gradient at its beginning.

# %%
import keras
import numpy as np
from matplotlib import pyplot as plt

import keras_babysit as kb
from keras_babysit.initializers import He, SmallRandom, VariancePreserving, Xavier, lsuv

random = np.random.default_rng(0)
x = random.normal(size=(256, 64)).astype("float32")
y = random.integers(0, 10, 256)

# %% [markdown]
# Random inputs show it best. With images:
#
# ```python
# (x, y), _ = keras.datasets.cifar10.load_data()
# x = (x.reshape(-1, 3072) - 120.0) / 64
# ```


# %%
def deep(initializer, activation="tanh", depth=10):
    keras.utils.set_random_seed(0)
    hidden = [
        keras.layers.Dense(64, activation=activation, kernel_initializer=initializer.clone())
        for _ in range(depth)
    ]
    model = keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss)
    return model


# %% [markdown]
# ## Histograms by depth, with tanh
#
# Too small: everything shrinks to 0. Too large: everything saturates at -1 and 1. Xavier's keeps
# it.

# %%
choices = {"small, 0.01": SmallRandom(0.01), "large, 1": SmallRandom(1.0), "Xavier": Xavier()}
figure, axes = plt.subplots(3, 5, figsize=(11, 5), sharex=True)
for row, (name, initializer) in zip(axes, choices.items(), strict=True):
    model, signal = deep(initializer), x
    for depth, layer in enumerate(model.layers[:-1], 1):
        signal = keras.ops.convert_to_numpy(layer(signal))
        if depth % 2:
            panel = row[depth // 2]
            panel.hist(signal.ravel(), bins=40, range=(-1, 1))
            panel.set(yticks=[], title=f"layer {depth}, std {signal.std():.2g}")
    row[0].set_ylabel(name)
figure.tight_layout()

# %% [markdown]
# ## The check says it before the first epoch

# %%
kb.check(deep(SmallRandom(0.01)), x, y, checks=["initial_signal", "gradient_flow"])

# %%
kb.check(deep(Xavier()), x, y, checks=["initial_signal", "gradient_flow"])

# %% [markdown]
# ## ReLU needs twice the variance
#
# It sets half of the signal to zero, which `He` makes up for. `VariancePreserving` does the same
# for any activation, and `lsuv` for a whole model, on data.

# %%
for name, initializer in {
    "Xavier": Xavier(),
    "He": He(),
    "VariancePreserving": VariancePreserving("relu"),
}.items():
    signal = x
    for layer in deep(initializer, "relu", depth=20).layers[:-1]:
        signal = layer(signal)
    print(f"{name}: standard deviation {float(keras.ops.std(signal)):.2g} after 20 ReLU layers")

# %%
model = deep(SmallRandom(0.01), "silu")
result = lsuv(model, x)
[(round(float(one.before), 6), round(float(one.after), 2)) for one in result.layers][:3]

# %% [markdown]
# ## Never the same number for all
#
# Units that begin equal get equal gradients, and stay equal.

# %%
same = deep(keras.initializers.Constant(0.02), depth=2)
sitter = kb.Babysitter(every=2)
_ = same.fit(x, y, epochs=2, verbose=0, callbacks=[sitter])
