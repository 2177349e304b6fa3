# %% [markdown]
# # A transformer
#
# A small language model over letters. Its first version forgets the causal mask: each position
# sees the letter that it must predict, the loss falls at once, and the model is worthless. The
# callback notices.

# %%
import keras
import numpy as np
from keras import ops

import keras_babysit as kb

random = np.random.default_rng(0)
WORDS = ["look", "again", "at", "the", "loss", "of", "this", "run"]
LENGTH = 24
text = " ".join(random.choice(WORDS, size=4000))
letters = sorted(set(text))
codes = np.array([letters.index(one) for one in text])
starts = np.arange(0, 512 * 16, 16)
x = np.stack([codes[start : start + LENGTH] for start in starts])
y = np.stack([codes[start + 1 : start + LENGTH + 1] for start in starts])

# %% [markdown]
# With a text of your own:
#
# ```python
# path = keras.utils.get_file("text.txt", origin="https://...")
# text = open(path).read()
# ```


# %%
class Positions(keras.layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.table = keras.layers.Embedding(LENGTH, width)

    def call(self, x):
        return x + self.table(ops.arange(LENGTH))


def build(is_causal):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((LENGTH,), dtype="int32")
    h = Positions(32)(keras.layers.Embedding(len(letters), 32)(inputs))
    attention = keras.layers.MultiHeadAttention(4, 8, name="attention")
    h = keras.layers.LayerNormalization()(h + attention(h, h, use_causal_mask=is_causal))
    wide = keras.layers.Dense(64, activation="gelu")(h)
    h = keras.layers.LayerNormalization()(h + keras.layers.Dense(32)(wide))
    model = keras.Model(inputs, keras.layers.Dense(len(letters))(h))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    return model


# %%
kb.check(build(is_causal=False), x, y, checks=["sequences"])

# %%
sitter = kb.Babysitter(every=5)
_ = build(is_causal=False).fit(x, y, epochs=3, validation_split=0.2, verbose=0, callbacks=[sitter])
# %% [markdown]
# ## With the mask

# %%
sitter = kb.Babysitter(every=5)
model = build(is_causal=True)
_ = model.fit(x, y, epochs=3, validation_split=0.2, verbose=0, callbacks=[sitter])
