"""A small backbone of KerasHub with random weights, and a head: fine-tuned by LoRA, and in int8.

KerasHub is imported when a model is made; `pip install keras-hub` provides it.
"""

from typing import Any

import keras
import numpy as np

from benchmarks.foreign.foreign_model import EXAMPLES

LENGTH, WORDS = 16, 50


def backbone() -> Any:
    """Return a BERT of two small blocks."""
    import keras_hub

    return keras_hub.models.BertBackbone(
        vocabulary_size=WORDS,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        max_sequence_length=LENGTH,
    )


def with_head(network: Any) -> keras.Model:
    """Return a classifier of two classes on top of a backbone."""
    outputs = keras.layers.Dense(2, "softmax", name="head")(network.output["pooled_output"])
    return keras.Model(network.input, outputs)


def lora() -> keras.Model:
    """Return a classifier whose backbone trains by low-rank adapters."""
    network = backbone()
    network.enable_lora(rank=2)
    return with_head(network)


def int8() -> keras.Model:
    """Return a classifier whose backbone computes in int8, and trains by low-rank adapters."""
    network = backbone()
    network.quantize("int8")
    network.enable_lora(rank=2)
    return with_head(network)


def words() -> tuple[Any, Any]:
    """Return tokens with a padding mask, and the parity of the first token."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, WORDS, (EXAMPLES, LENGTH)).astype("int32")
    mask = np.arange(LENGTH) < rng.integers(4, LENGTH + 1, (EXAMPLES, 1))
    x = {
        "token_ids": tokens * mask,
        "segment_ids": np.zeros_like(tokens),
        "padding_mask": mask.astype("int32"),
    }
    return x, tokens[:, 0] % 2
