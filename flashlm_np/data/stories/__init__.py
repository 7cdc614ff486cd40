"""Short stories with an exact probability, and so a known best possible loss (stories.py)."""
