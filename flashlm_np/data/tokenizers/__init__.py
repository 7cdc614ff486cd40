"""Text to ids and back: the BPE tokenizer, its training and its files, and plain ids."""
