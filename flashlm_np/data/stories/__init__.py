"""Little stories with a known limit: every story has an exact probability (see stories.py)."""
