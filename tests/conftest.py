"""The order of the files, those that take longest first, a faster collection, and a browser.

A process of pytest-xdist takes one file after the other. If one started a long file last, the
others would wait for its end.
"""

import gc
from pathlib import Path

import pytest
from browser import chromium

TESTS = Path(__file__).parent
LONGEST = (  # by their processor time, measured on 2026-11-30
    "test_site.py",
    "test_notebooks.py",
    "flashlm_np/runs/test_runs.py",
    "flashlm_np/runs/test_interruptions.py",
    "flashlm_np/runs/test_several_machines_runs.py",
    "flashlm_np/course/test_course_process.py",
    "flashlm_np/course/test_course_grading.py",
    "flashlm_np/course/test_course_mutants.py",
    "minigrad/test_planted_bugs.py",
    "minigrad/test_operations.py",
    "minigrad/test_hard_gradients.py",
    "minigrad/test_step_through.py",
    "playground/test_playground_page.py",
    "flashlm_np/runs/test_head_runs.py",
    "flashlm_np/training/test_several_machines.py",
    "test_guides.py",
    "flashlm_np/inference/test_c_source.py",
    "flashlm_np/model/heads/test_head_models.py",
    "flashlm_np/inference/test_c_heads.py",
    "test_recipe_benchmark.py",
    "minigrad/test_mutation.py",
    "flashlm_np/model/prior/test_counted.py",
    "minigrad/test_kept_predictions.py",
    "flashlm_np/data/test_prepare.py",
    "flashlm_np/data/test_merges.py",
    "flashlm_np/runs/test_damaged_runs.py",
    "flashlm_np/runs/test_matmul_free_runs.py",
    "flashlm_np/inference/test_export.py",
    "flashlm_np/published/test_torch_file.py",
    "test_ladder.py",
    "test_systems.py",
)
PLACES = {TESTS / name: place for place, name in enumerate(LONGEST)}


def pytest_configure(config):
    """Let pytest-xdist keep this order; it would start the files of the most tests first."""
    if missing := [str(path) for path in PLACES if not path.exists()]:
        raise pytest.UsageError(f"conftest.py orders files that do not exist: {missing}")
    if config.pluginmanager.hasplugin("xdist"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: PLACES.get(item.path, len(PLACES)))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect without garbage collection, which would search 600,000 objects, all in use."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()  # later, too, it leaves them out


@pytest.fixture(scope="module")
def browser():
    """A Chromium for all tests of a file."""
    with chromium() as found:
        yield found
