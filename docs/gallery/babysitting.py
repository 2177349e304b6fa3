# %% [markdown]
# # Babysitting the learning process
#
# The lesson's steps before and during a training, each as one line.

# %%
import keras
import numpy as np
from sklearn.datasets import load_digits

import keras_babysit as kb

x, y = load_digits(return_X_y=True)
x = ((x - x.mean()) / x.std()).astype("float32")
x_train, y_train, x_val, y_val = x[:1300], y[:1300], x[1300:], y[1300:]

# %% [markdown]
# The lesson uses CIFAR-10:
#
# ```python
# (x_train, y_train), (x_val, y_val) = keras.datasets.cifar10.load_data()
# x_train = (x_train.reshape(-1, 3072) - 120.0) / 64
# ```


# %%
def build(rate=0.05, penalty=0.0):
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(
        50, activation="relu", kernel_regularizer=keras.regularizers.L2(penalty)
    )
    model = keras.Sequential([keras.Input((64,)), hidden, keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"])
    return model


# %% [markdown]
# ## 1. Sanity checks
#
# Is the initial loss that of chance, ln 10 = 2.3? Does it rise with the penalty? Can the network
# learn twenty examples by heart? `kb.check` asks these and more.

# %%
kb.check(build(penalty=1e-3), x_train, y_train, validation_data=(x_val, y_val))

# %% [markdown]
# ## 2. A learning rate

# %%
found = kb.lr_range_test(build(), x_train, y_train)
found.plot()

# %% [markdown]
# ## 3. Curves for four learning rates
#
# Too low: almost a straight line. High: fast, then stuck. Too high: explodes.

# %%
from matplotlib import pyplot as plt

for rate in (1e-3, found.suggestion, 3.0, 30.0):
    sitter = kb.Babysitter(every=10, verbose=0)
    done = build(rate).fit(x_train, y_train, epochs=6, verbose=0, callbacks=[sitter])
    plt.plot(np.minimum(done.history["loss"], 4), marker=".", label=f"{rate:.3g}")
    print(f"{rate:8.3g}: {sitter.verdict.headline}")
_ = plt.xlabel("epoch"), plt.ylabel("loss (cut at 4)"), plt.legend(title="learning rate")
# %% [markdown]
# ## 4. The gap, and the size of the updates
#
# Both sets are scored alike, in inference mode. Updates of about 1e-3 of the weights are healthy.

# %%
sitter = kb.Babysitter(every=10)
_ = build().fit(
    x_train[:100],
    y_train[:100],
    epochs=30,
    batch_size=10,
    verbose=0,
    validation_data=(x_val, y_val),
    callbacks=[sitter],
)
# %%
ratios = sitter.history.series("updates/ratio", "dense/kernel")
plt.semilogy(ratios.steps, ratios.values)
plt.axhline(1e-3, linestyle=":", color="grey")
_ = plt.xlabel("step"), plt.ylabel("update / weight")
