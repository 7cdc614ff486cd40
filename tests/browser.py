"""A real browser for the tests of pages: Chromium, without a window and without a network."""

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
    """Playwright's Browser; the test is skipped with the reason where there is none.

    FLASHLM_BROWSER names another browser of Chromium's family than the one on the PATH.
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
    """A page at `url`; what its console complains of, or it loads in vain, is an error."""
    complaints = []
    with contextlib.closing(browser.new_context(**context)) as made:
        page = made.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "requestfailed", lambda request: complaints.append(f"not loaded: {request.url}")
        )
        page.goto(url)
        yield page
        assert not complaints, f"{url}: {complaints}"
