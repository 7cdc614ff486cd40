"""The MatMul-free language model of Zhu et al. 2024, arXiv:2406.02528, as its code has it.

layers.py   BitLinear with its weights, the mixer (MLGRU), the gated unit, the block
head.py     the output layer, a BitLinear of its own
lm.py       the whole model, with the names of the authors' state dict
shapes.py   its weights' shapes, known without making a model; its sizes as published
options.py  the fields of a configuration that have one value for it

Source: github.com/ridgerchu/matmulfreellm, commit a016f72, class HGRNBitForCausalLM. Where the
code differs from the paper, the code's form is the default: docs/matmul_free.md.
"""
