"""pyproject.toml states the oldest version of each package; the installed ones are not older.

Every bound was found by running all tests with the oldest declared versions:
`uv pip install --resolution lowest-direct -e '.[test]'`.
"""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl
from packaging.requirements import Requirement

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest needs tomli
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = [
    Requirement(line)
    for lines in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for line in lines
    if not line.startswith("flashlm-np[")  # an extra that holds another
]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda r: r.name)
def test_a_requirement_has_an_oldest_version_and_the_installed_one_is_not_older(requirement):
    assert {s.operator for s in requirement.specifier} & {">=", "=="}
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        pytest.skip(f"{requirement.name} is not installed")
    assert requirement.specifier.contains(found, prereleases=True), (
        f"{requirement.name} {found} is installed, and pyproject.toml needs {requirement}; "
        f"install the project again: pip install -e ."
    )


def test_the_openblas_of_numpy_is_found():
    """threadpoolctl 3.4 does not know the names of the functions in NumPy 2's OpenBLAS."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    if "openblas" not in blas:
        pytest.skip(f"NumPy has another BLAS here: {blas}")
    assert threadpoolctl.ThreadpoolController().select(internal_api="openblas").info()
