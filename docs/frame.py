"""Draw the README's picture of a step and the picture of its graph.

    python docs/frame.py        makes docs/step_through.png and docs/step_through.svg

The computation is the first code block of step_by_step.md. It needs Playwright, which
`python3 run.py docs` installs, and Chromium.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

DOCS = Path(__file__).resolve().parent
SECOND_PATH = "added (+=)"


def first_steps():
    """Run the first code block of step_by_step.md; return the result of its step_through."""
    guide = (DOCS / "step_by_step.md").read_text(encoding="utf-8")
    code = re.search(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL).group(1)
    namespace: dict = {}
    exec(compile(code, "step_by_step.md", "exec"), namespace)
    return namespace["steps"]


def main():
    from playwright.sync_api import sync_playwright

    steps = first_steps()
    DOCS.joinpath("step_through.svg").write_text(steps.svg, encoding="utf-8")
    step = next(i for i, s in enumerate(steps.data["steps"]) if SECOND_PATH in s["after"])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1240, "height": 640})
        page.set_content(steps.html)
        page.fill("#slider", str(step))
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=str(DOCS / "step_through.png"))
        browser.close()


if __name__ == "__main__":
    main()
