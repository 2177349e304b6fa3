# %% [markdown]
# # Quickstart
#
# A small network on scikit-learn's handwritten digits, with mistakes that beginners make: raw
# pixels, biases far below zero, and a learning rate that is too high. It does not learn, and the
# callback says why.

# %%
import keras
from sklearn.datasets import load_digits

import keras_babysit as kb

x, y = load_digits(return_X_y=True)  # 1,797 images of 8 x 8 pixels, from 0 to 16
x = x.astype("float32")
x_train, y_train, x_val, y_val = x[:1300], y[:1300], x[1300:], y[1300:]

# %% [markdown]
# With a larger data set, the same lines begin with Keras' loader:
#
# ```python
# (x_train, y_train), (x_val, y_val) = keras.datasets.mnist.load_data()
# x_train, x_val = (data.reshape(-1, 784).astype("float32") for data in (x_train, x_val))
# ```


# %%
def build(bias, learning_rate):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(
                64,
                activation="relu",
                kernel_initializer="he_normal",
                bias_initializer=keras.initializers.Constant(bias),
                name="hidden",
            ),
            keras.layers.Dense(10, activation="softmax", name="digits"),
        ]
    )
    optimizer = keras.optimizers.SGD(learning_rate, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# %% [markdown]
# ## A run that fails
#
# One argument more in `fit`. `every=10` measures every ten steps, which suits a run of seconds.

# %%
faulty = build(bias=-200.0, learning_rate=0.05)
sitter = kb.Babysitter(every=10)
_ = faulty.fit(
    x_train, y_train, epochs=3, validation_data=(x_val, y_val), verbose=0, callbacks=[sitter]
)
# %% [markdown]
# Everything on the card is also there as data, and each finding can be explained.

# %%
for finding in sitter.findings:
    print(finding.severity.name, finding.rule, "-", finding.message)

# %%
kb.explain(sitter.findings[0])

# %% [markdown]
# ## The remedies applied

# %%
fixed = build(bias=0.0, learning_rate=0.05)
sitter = kb.Babysitter(every=10)
_ = fixed.fit(
    x_train / 16,
    y_train,
    epochs=8,
    validation_data=(x_val / 16, y_val),
    verbose=0,
    callbacks=[sitter],
)
# %%
print("before", faulty.evaluate(x_val, y_val, verbose=0)[1])
print("after ", fixed.evaluate(x_val / 16, y_val, verbose=0)[1])
