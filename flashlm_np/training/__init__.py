"""Training: one optimizer step, plain and fast, and the embedding that it begins with."""
