"""FlashLM as a model: its configuration, its parts, and the parts put together.

config.py    the numbers of a run, and the presets; phase.py: the size of each step
layers.py    the block and the head, as their formulas read
flashlm.py   the whole model
fused.py     two parts in one operation each, for speed
weights.py   a model from weights that were read
"""
