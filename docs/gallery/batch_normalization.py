# %% [markdown]
# # Batch normalisation
#
# It makes each unit's pre-activation have mean 0 and deviation 1 over the batch, and so keeps the
# signal alive in deep networks. In inference it uses running averages, which must fit the data.

# %%
import keras
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits

import keras_babysit as kb
from keras_babysit.layers import recalibrate

x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")

# %% [markdown]
# With a larger data set:
#
# ```python
# (x, y), _ = keras.datasets.fashion_mnist.load_data()
# x = x.reshape(-1, 784).astype("float32") / 255
# ```


# %%
def build(depth, is_normalized):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((64,))]
    for _ in range(depth):
        small = keras.initializers.RandomNormal(stddev=0.05)
        layers.append(keras.layers.Dense(50, kernel_initializer=small))
        if is_normalized:
            layers.append(keras.layers.BatchNormalization())
        layers.append(keras.layers.Activation("tanh"))
    model = keras.Sequential([*layers, keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss, metrics=["accuracy"])
    return model


# %% [markdown]
# ## Eight layers with and without it

# %%
for is_normalized in (False, True):
    sitter = kb.Babysitter(every=10, verbose=0)
    done = build(8, is_normalized).fit(
        x, y, epochs=4, validation_split=0.2, verbose=0, callbacks=[sitter]
    )
    plt.plot(
        done.history["val_accuracy"], marker="o", label=f"batch normalisation: {is_normalized}"
    )
    print(f"batch normalisation {is_normalized}: {sitter.verdict.headline}")
_ = plt.xlabel("epoch"), plt.ylabel("validation accuracy"), plt.ylim(0, 1), plt.legend()
# %% [markdown]
# The same over the depth of the network, drawn by `examples/lesson.py`:
#
# ![Validation accuracy by depth](../images/batch_normalization.png)
#
# ## Averages that do not fit
#
# With few steps and a momentum of 0.99, the averages are still near their initial values when
# validation reads them. The finding says so; `recalibrate` computes them anew without training.

# %%
keras.utils.set_random_seed(0)
model = build(2, is_normalized=True)
shifted = x * 4 + 3
sitter = kb.Babysitter(every=5)
_ = model.fit(
    shifted, y, epochs=1, batch_size=128, validation_split=0.2, verbose=0, callbacks=[sitter]
)
# %%
print("before", model.evaluate(shifted, y, verbose=0)[1])
recalibrate(model, shifted, batch_size=128)
print("after ", model.evaluate(shifted, y, verbose=0)[1])
