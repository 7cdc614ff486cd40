"""Matrix products for a NumPy without BLAS: the one place that chooses what multiplies.

NumPy of a browser computes a @ b in loops that follow the strides. They are slow where the sum
runs over rows that lie apart, as in dw = dyᵀ @ x. `product` copies both factors, so that every
sum runs over neighbours, and lets einsum add them. docs/playground.md has the measured times.

The pages of minigrad keep their `x @ w.T`: `install` lets modules be compiled with `product` in
place of `@`. Their files, and the lines in a traceback, stay as they are.
"""

import ast
import operator
import sys
from importlib.machinery import FileFinder, SourceFileLoader

import numpy as np

FEW = 4096  # multiplications: below, the copies and einsum's own start cost more


def product(a, b):
    """a @ b. Anything but two large matrices of one dtype is left to Python."""
    plain = type(a) is type(b) is np.ndarray and a.dtype == b.dtype and a.dtype.kind == "f"
    if not plain or a.ndim != b.ndim or a.ndim not in (2, 3) or a.shape[-1] != b.shape[-2]:
        return operator.matmul(a, b)
    if (a.ndim == 3 and len(a) != len(b)) or a.size * b.shape[-1] < FEW:
        return operator.matmul(a, b)
    rows, columns = np.ascontiguousarray(a), np.ascontiguousarray(b.swapaxes(-1, -2))
    return np.einsum("nk,mk->nm" if a.ndim == 2 else "gnk,gmk->gnm", rows, columns)


class _ToProduct(ast.NodeTransformer):
    """Replaces `a @ b` by the call `__matrix_product__(a, b)`."""

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if not isinstance(node.op, ast.MatMult):
            return node
        name = ast.Name("__matrix_product__", ast.Load())
        return ast.copy_location(ast.Call(name, [node.left, node.right], []), node)


class _Loader(SourceFileLoader):
    def source_to_code(self, data, path, **options):
        if b" @ " not in data:  # most files: this saves a second of loading
            return super().source_to_code(data, path, **options)
        tree = ast.fix_missing_locations(_ToProduct().visit(ast.parse(data, path)))
        return compile(tree, path, "exec", dont_inherit=True)

    def exec_module(self, module):
        module.__matrix_product__ = product
        super().exec_module(module)


def install(folder: str) -> None:
    """Let the modules of the packages in `folder` that are imported from now on use `product`.

    The folder is put first on the path. No compiled files are written or read.
    """
    sys.dont_write_bytecode = True

    def finder(path):
        if not path.startswith(folder):
            raise ImportError("not a folder of the playground")
        return FileFinder(path, (_Loader, [".py"]))

    sys.path_hooks.insert(0, finder)
    sys.path_importer_cache.clear()
    sys.path.insert(0, folder)
