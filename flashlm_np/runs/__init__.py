"""Runs: a model in training, its folder, checkpoints, metrics, reports, and how it goes on."""
