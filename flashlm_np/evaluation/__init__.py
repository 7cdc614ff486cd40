"""Evaluation: the true loss of a model, and the baselines to compare it with."""
