"""Chromium for the tests of pages, without a window and without a network."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest

QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
NO_NETWORK = ("--disable-background-networking", "--disable-component-update", "--disable-sync")


@contextlib.contextmanager
def chromium() -> Iterator:
    """Start a Chromium for Playwright, or skip the test with the reason.

    FLASHLM_BROWSER names a browser of Chromium's family that is used first.
    """
    api = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: run.py test --site does it"
    )
    names = (os.environ.get("FLASHLM_BROWSER"), "chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, (shutil.which(name) for name in names if name)), None)
    if found is None:
        pytest.skip("no Chromium is installed here, so no page can be opened in a browser")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*QUIET, *NO_NETWORK])
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def opened(browser, url: str, **context) -> Iterator:
    """Open a page at `url`. Console errors and failed requests fail the test."""
    errors = []
    with contextlib.closing(browser.new_context(**context)) as made:
        page = made.new_page()
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("requestfailed", lambda request: errors.append(f"not loaded: {request.url}"))
        page.goto(url)
        yield page
        assert not errors, f"{url}: {errors}"
