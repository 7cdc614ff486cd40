"""The Python side of the playground: it runs in the reader's browser, and in the tests.

products     the matrix products of Python in a browser, where NumPy has no BLAS
run_code     runs the reader's program
expression   checks the gradient of the reader's expression, and shows its graph
training     trains a small FlashLM, step by step
"""
