"""flashlm_np: FlashLM v3, a ternary language model, built on minigrad and trained on a CPU."""

__version__ = "0.1.0"
