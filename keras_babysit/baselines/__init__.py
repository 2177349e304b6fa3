"""Baselines: how well simple predictors answer, to hold the network's errors against."""
