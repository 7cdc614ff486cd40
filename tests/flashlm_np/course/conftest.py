"""A fixture of the tests of the course."""

import pytest

from flashlm_np.course.workbook import start


@pytest.fixture
def workbook(tmp_path):
    start(tmp_path / "workbook")
    return tmp_path / "workbook"
