"""The errors that the command line prints without a traceback, and its exit codes."""

import contextlib
from collections.abc import Iterator

INTERRUPTED = 130  # the usual exit code after Ctrl-C
PACKAGE_MISSING = 69  # EX_UNAVAILABLE of sysexits.h; run.py then installs the extra `prepare`


class UserError(Exception):
    """A problem that the user can solve; the message is one sentence that says how."""


def one_line(error: Exception) -> str:
    """The message of an error, whose lines become parts of a sentence."""
    text = "; ".join(line.strip() for line in str(error).splitlines())
    return text.replace(":; ", ": ")[:500]  # a line may announce the next ones


class PackageMissing(UserError):
    """A package that the task needs is not installed."""


@contextlib.contextmanager
def extra_package(purpose: str) -> Iterator[None]:
    """Import packages inside; PackageMissing names the missing one.

    For those of the extra `prepare`, and those without which a browser does the rest.

    Example:
        with extra_package("reading Parquet files"):
            import pyarrow
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise PackageMissing(
            f"{purpose} needs the package {package}: pip install {package}"
        ) from None
