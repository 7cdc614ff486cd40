"""Costs and composition of a model, and the time of its training steps."""
