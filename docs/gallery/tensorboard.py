# %% [markdown]
# # TensorBoard in a notebook
#
# `log_dir` writes an event file beside those of Keras' own callback. TensorBoard then has a tab
# *Babysit*: the verdict, a timeline of findings, and every layer over every step.

# %%
import keras
from sklearn.datasets import load_digits

import keras_babysit as kb

x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")

# %% [markdown]
# With a larger data set:
#
# ```python
# (x, y), _ = keras.datasets.mnist.load_data()
# x = x.reshape(-1, 784).astype("float32") / 255
# ```

# %%
for name, rate in {"good": 0.1, "too-high": 20.0}.items():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"])
    sitter = kb.Babysitter(every=10, log_dir=f"logs/{name}")
    model.fit(x, y, epochs=3, validation_split=0.2, verbose=0, callbacks=[sitter])

# %% [markdown]
# In Jupyter or Colab, these two lines show TensorBoard in the cell below them:
#
# ```python
# %load_ext tensorboard
# %tensorboard --logdir logs
# ```
#
# ## Without TensorBoard
#
# `kb-report` prints one line per run, and its exit status serves a script. The report of a run is
# a page of its own.

# %%
from keras_babysit.dashboard.kb_report import main

main(["logs"])

# %%
path = sitter.report().to_html("report.html")
