"""FlashLM as a model: its configuration, its parts, and the parts put together.

config.py        the numbers of a run; phase.py: the size of each step; presets.py: whole runs
fields.py        what each number may be; head_options.py: those of the output layers
layers.py        the block; mixers/ and glu.py: its two halves
heads/           the output layers
flashlm.py       the whole model
weights.py       a model from weights that were read
"""
