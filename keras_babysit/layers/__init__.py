"""Keras layers that the remedies recommend, for every backend.

To add one: a file with one public class, its export here, and a case in `tests/layers/cases.py`.
"""

from keras_babysit.layers.channel_prelu import ChannelPReLU
from keras_babysit.layers.manual_batch_normalization import ManualBatchNormalization
from keras_babysit.layers.max_pieces import MaxPieces
from keras_babysit.layers.maxout import Maxout
from keras_babysit.layers.maxout_conv1d import MaxoutConv1D
from keras_babysit.layers.maxout_conv2d import MaxoutConv2D
from keras_babysit.layers.recalibrate import recalibrate
from keras_babysit.layers.whitening import Whitening
from keras_babysit.layers.zero_center import ZeroCenter

__all__ = [
    "ChannelPReLU",
    "ManualBatchNormalization",
    "MaxPieces",
    "Maxout",
    "MaxoutConv1D",
    "MaxoutConv2D",
    "Whitening",
    "ZeroCenter",
    "recalibrate",
]
