"""Read the files of others: the checkpoint of FlashLM v3's author, and GPT-2's embedding."""
