# %% [markdown]
# # Activations
#
# What an activation does to a signal and to its gradient. The lesson's questions: does it
# saturate, is its output centred on zero, can a unit die, and what does it cost?

# %%
import keras
import numpy as np

import keras_babysit as kb
from keras_babysit.activations import plot, profile
from keras_babysit.layers import ChannelPReLU, Maxout

profiles = profile("sigmoid", "tanh", "relu", "leaky_relu", "elu", with_cost=False)
profiles

# %%
plot(profiles)

# %% [markdown]
# ## Saturated units
#
# A sigmoid with large weights works at its flat ends: hardly any gradient passes.

# %%
random = np.random.default_rng(0)
x = random.normal(size=(512, 20)).astype("float32")
y = (x[:, 0] * x[:, 1] > 0).astype("int32")

# %% [markdown]
# With data of a real task:
#
# ```python
# (x, y), _ = keras.datasets.california_housing.load_data()
# ```


# %%
def train(*hidden, rate=0.1, epochs=4):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((20,)), *hidden, keras.layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss)
    sitter = kb.Babysitter(every=5)
    model.fit(x, y, epochs=epochs, verbose=0, callbacks=[sitter])
    return sitter


wide = keras.initializers.RandomNormal(stddev=10.0)
saturated = train(keras.layers.Dense(32, activation="sigmoid", kernel_initializer=wide))

# %% [markdown]
# ## Dead units
#
# A ReLU unit with a bias far below zero is off for every example. It gets no gradient, and stays
# off.

# %%
low = keras.initializers.Constant(-30.0)
dead = train(keras.layers.Dense(32, activation="relu", bias_initializer=low))

# %% [markdown]
# ## Units that cannot die
#
# Leaky ReLU, PReLU (one slope per channel) and maxout have a gradient on both sides.

# %%
alive = train(
    keras.layers.Dense(32, kernel_initializer="he_normal"), ChannelPReLU(), Maxout(16, pieces=2)
)

# %% [markdown]
# ## Outputs that are not zero-centred
#
# If all inputs of a unit are positive, the gradients of its weights have one sign for each
# example, and the weights can only move up or down together.

# %%
positive = 1 / (1 + np.exp(-x))
gradient = random.normal(size=(512, 1))  # of one unit's output, for each example
for name, outputs in {"sigmoid": positive, "tanh": np.tanh(x)}.items():
    of_weights = gradient * outputs
    one_signed = (of_weights > 0).all(axis=1) | (of_weights < 0).all(axis=1)
    print(f"{name}: {one_signed.mean():.0%} of the examples push all weights the same way")
