"""Every example in a docstring of the two packages prints the output that it gives."""

import doctest
import importlib
import pkgutil

import pytest

import minigrad


def modules_of(name):
    """Return the names of a package and of all its modules, except `__main__`."""
    package = importlib.import_module(name)
    found = pkgutil.walk_packages(package.__path__, f"{name}.")
    return [name, *(m.name for m in found if not m.name.endswith("__main__"))]


MODULES = [*modules_of("minigrad"), *modules_of("flashlm_np")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_right(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        pytest.skip(f"{name} needs {error.name}")
    failed, _ = doctest.testmod(module)
    assert failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    names = [name for name in modules_of("minigrad") if "torch" not in name]
    modules = [importlib.import_module(name) for name in names]
    with_examples = [m for m in modules if any(test.examples for test in finder.find(m))]
    assert minigrad.tensor in with_examples
    assert len(with_examples) >= 8
