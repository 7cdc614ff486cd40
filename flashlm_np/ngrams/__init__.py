"""N-grams: counts of neighbouring tokens, and the probabilities that follow from them."""
