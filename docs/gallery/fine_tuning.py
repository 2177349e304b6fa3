# %% [markdown]
# # Fine-tuning
#
# A pretrained base, frozen, under a new head: what goes wrong most often is the scale of the
# inputs, and the learning rate after unfreezing.

# %%
import keras
from sklearn.datasets import load_digits

import keras_babysit as kb

x, y = load_digits(return_X_y=True)
x = x.reshape(-1, 8, 8, 1).astype("float32")
scaled = (x - x.mean()) / x.std()

# %% [markdown]
# The base is trained on the digits 0 to 4. With a network of `keras.applications`, this is one
# line:
#
# ```python
# base = keras.applications.MobileNetV3Small(include_top=False, pooling="avg", weights="imagenet")
# ```

# %%
keras.utils.set_random_seed(0)
base = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(16, 3, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.Activation("relu"),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
    ],
    name="base",
)
source = keras.Sequential([base, keras.layers.Dense(5)])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
source.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
source.fit(scaled[y < 5], y[y < 5], epochs=8, batch_size=32, verbose=0)
pretrained = base.get_weights()


# %%
def tune(x, rate, is_frozen=True, epochs=4):
    base.set_weights(pretrained)
    base.trainable = not is_frozen
    keras.utils.set_random_seed(1)
    model = keras.Sequential([base, keras.layers.Dense(5)])
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    sitter = kb.Babysitter(every=5)
    rest = y >= 5
    model.fit(
        x[rest], y[rest] - 5, epochs=epochs, validation_split=0.2, verbose=0, callbacks=[sitter]
    )
    return sitter


# %% [markdown]
# ## Inputs that do not fit the base
#
# The base was trained on scaled pixels, and gets raw ones.

# %%
mismatch = tune(x * 16, rate=0.01)

# %% [markdown]
# ## The right scale, and then everything unfrozen at a small rate

# %%
frozen = tune(scaled, rate=0.02)

# %%
unfrozen = tune(scaled, rate=1e-3, is_frozen=False)
