"""Tasks by the name of their loss."""

from dataclasses import replace

import numpy as np

from keras_babysit.baselines import read_task
from keras_babysit.probes.loss_facts import describe_loss


def one_hot(classes):
    return np.eye(classes.max() + 1)[classes]


def read(loss, targets, predictions, *, low=None, high=None, weights=None, probabilities=None):
    output = replace(describe_loss(loss), low=low, high=high, is_distribution=probabilities)
    return read_task(targets, predictions, [output], weights)
