"""The entry point of minigrad's pytest plug-in: the fixture `gradcheck`.

pytest loads this file whenever it starts, in every project. So the file stands outside the
package and imports nothing of it before a test uses the fixture.
"""

import pytest


@pytest.fixture(scope="session")
def gradcheck():
    """The gradient checker; a wrong or an undecided gradient fails the test in one sentence."""
    from minigrad.gradcheck.pytest_plugin import checked

    return checked
