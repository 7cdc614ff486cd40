"""Guards against mistakes that give a wrong gradient without a sign of it.

inside           the arrays or tensors in any value
leaf_gradients   the gradients of one backward pass: all are added to the leaves, or none
own_operations   a user's operation returns what the engine needs
states           a loaded state fits the arrays that it is copied into
writes           a write into an array that a backward still needs
"""
