"""FlashLM as a model: its configuration, its parts, and the parts put together.

config.py        the numbers of a run; phase.py: the size of each step; presets.py: whole runs
fields.py        what each number may be; block_options.py, head_options.py: those of two parts
layers.py        the block; mixers/ and glu.py: its two halves; shapes.py: its weights' shapes
bigrams.py       rows for pairs of tokens; first_skip.py: a path from x₀ to each block
heads/           the output layers; prior/: counts that take part
flashlm.py       FlashLM, the whole model; language_model.py: what all models have in common
matmul_free/     another model, by which FlashLM was inspired; models.py: the models by name
weights.py       a model from weights that were read
"""
