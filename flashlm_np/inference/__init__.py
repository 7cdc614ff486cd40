"""Inference: text from a trained model, token by token, and models that need little memory."""
