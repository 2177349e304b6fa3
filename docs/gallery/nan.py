# %% [markdown]
# # A NaN hunted down
#
# One pixel of 1,797 images is damaged: 100,000 instead of at most 16. In mixed precision it
# overflows, and within a step every weight is NaN. The flight recorder finds the step, the layer
# and the example.

# %%
import keras
from sklearn.datasets import load_digits

import keras_babysit as kb

keras.utils.set_random_seed(0)
x, y = load_digits(return_X_y=True)
x = x.astype("float32")
x[197, 20] = 1e5

# %% [markdown]
# With images of your own, read them with Keras' loader instead:
#
# ```python
# data = keras.utils.image_dataset_from_directory("images", image_size=(64, 64))
# ```

# %%
half = keras.DTypePolicy("mixed_float16")
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(64, activation="relu", dtype=half, name="first"),
        keras.layers.Dense(64, activation="relu", dtype=half, name="second"),
        keras.layers.Dense(10, dtype="float32", name="digits"),
    ]
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.SGD(1e-3), loss)

# %%
sitter = kb.Babysitter(every=10, record="record")
_ = model.fit(x, y, batch_size=32, epochs=1, shuffle=False, verbose=0, callbacks=[sitter])
# %% [markdown]
# The bundle in the folder holds the model, the batch, and a script that shows the value again.

# %%
import pathlib

sorted(path.name for path in next(pathlib.Path("record").iterdir()).iterdir())

# %% [markdown]
# ## Survive it
#
# A rescue restores the state before the bad step, leaves out the batch, and trains on.

# %%
survivor = keras.models.clone_model(model)
survivor.compile(keras.optimizers.SGD(1e-3), loss)
rescued = kb.Babysitter(every=10, rescue=kb.Rescue(lr_factor=1.0, skip_batch=True))
_ = survivor.fit(x, y, batch_size=32, epochs=1, shuffle=False, verbose=0, callbacks=[rescued])
# %% [markdown]
# The cause is in the data, so the better remedy is there: look at the example, and repair or
# remove it.

# %%
bad = abs(x).max(axis=1) > 16
print("examples outside of the range:", bad.nonzero()[0])
