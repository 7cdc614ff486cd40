"""The data of a model: stories, tokenizers, prepared folders, datasets and batches."""
