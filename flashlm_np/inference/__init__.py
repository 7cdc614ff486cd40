"""Running a trained FlashLM for what it was made for: on little memory, one token at a time."""
