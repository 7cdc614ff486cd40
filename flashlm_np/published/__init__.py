"""Read the files of others: published checkpoints of two models, and GPT-2's embedding."""
