"""Costs and composition of a model, the time of its training steps, and what it sees."""
