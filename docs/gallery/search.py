# %% [markdown]
# # Hyperparameter search
#
# From coarse to fine, at random, on a logarithmic scale, with cross-validation. Trials that
# explode or do not learn are stopped early, and their cause narrows the ranges of the next round.

# %%
import keras
from sklearn.datasets import load_digits

import keras_babysit as kb

x, y = load_digits(return_X_y=True)
x, y = (x[:600] / 16).astype("float32"), y[:600]

# %% [markdown]
# ```python
# (x, y), _ = keras.datasets.fashion_mnist.load_data()  # for a search of hours
# ```


# %%
def build(hp):
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(hp.Int("units", 8, 64, sampling="log"), activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    rate = hp.Float("learning_rate", 1e-5, 100.0, sampling="log")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), loss, metrics=["accuracy"])
    return model


# %%
search = kb.search.CoarseToFineSearchCV(
    build, objective="val_accuracy", max_trials=12, rounds=2, cv=2, seed=0, verbose=0
)
search.fit(x, y, epochs=3, batch_size=32, verbose=0)
print(search.best_params_, search.best_score_)

# %%
search.plot()

# %% [markdown]
# Why the ranges were changed:

# %%
for finding in search.findings_:
    print(finding.message)

# %% [markdown]
# ## Why not a grid
#
# Where one of two settings matters, nine trials of a grid try three values of it, nine random
# ones nine (Bergstra and Bengio, 2012).
#
# ![Choices of a grid and of a random search, as cells](../images/grid_and_random.png)
