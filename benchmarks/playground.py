"""Measure the playground in Chromium: loading, a program, a check, products, training.

    python3 run.py playground OUT --copy
    python benchmarks/playground.py OUT

It needs Playwright, which `run.py test --site` installs, and Chromium. The steps with Python's
own products and with those of docs/playground/session/products.py alternate, and the fastest of
each counts, so that other work on the machine matters little.
"""

import argparse
import shutil
import sys
import threading
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs" / "playground"))

from serve import server

PRODUCTS = """
import time
from session import products, training

for tokens in training.SIZES:
    model, seconds, few = training.Training(tokens), {}, products.FEW
    model.step()
    for name, products.FEW in [("@", float("inf")), ("product", few)] * 12:
        start = time.perf_counter()
        model.step()
        seconds.setdefault(name, []).append(time.perf_counter() - start)
    for name, measured in seconds.items():
        print(f"{tokens} with {name:9}", round(256 / min(measured)), "tokens per second")
"""
TEXT = "([css, pattern]) => document.querySelector(css).textContent.match(pattern)"


def wait(page, css, pattern, seconds=600):
    """Wait for a text; return the groups of the pattern."""
    found = page.wait_for_function(TEXT, arg=[css, pattern], timeout=1000 * seconds)
    return found.json_value()[1:]


def run(page):
    """Run the program in the editor; return its seconds."""
    begin = time.perf_counter()
    page.click("#run")
    wait(page, "#run-note", "finished")
    return time.perf_counter() - begin


def first_minute(page):
    """The first program, then a changed expression until its answer and its graph are there."""
    print(f"the README's program    {run(page):.1f} s")
    wait(page, "#answer", "right: F")
    page.wait_for_timeout(3000)
    begin = time.perf_counter()
    page.fill("#expression", "np.exp(x @ w).sum()")
    wait(page, "#answer", r"right: np\.exp")
    print(f"a changed expression    {time.perf_counter() - begin:.1f} s, 0.5 of them a pause")


def compare_products(page):
    page.fill("#source", PRODUCTS)
    run(page)
    print(page.text_content("#output"), end="")


def train(page):
    """Train the model of words to its end; the losses, and what it then writes."""
    begin = time.perf_counter()
    page.click("#start")
    wait(page, "#numbers", "Step 1 of")
    print(f"until the first step    {time.perf_counter() - begin:.1f} s")
    (last,) = wait(page, "#numbers", r"Step \d+ of (\d+)")
    wait(page, "#samples", f"step {last}:")
    print(page.text_content("#numbers"))
    for title in reversed(page.locator("#samples h3").all_text_contents()):
        print(f"  {title}")
    print(page.locator("#samples p").first.text_content())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("out", type=Path, help="a folder of `run.py playground OUT --copy`")
    options = parser.parse_args()
    with server(options.out) as running, sync_playwright() as playwright:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{running.server_port}/")
        (seconds,) = wait(page, "#stage", r"Loading took ([\d.]+) s")
        print(f"loading                 {seconds} s")
        first_minute(page)
        compare_products(page)
        train(page)
        browser.close()
        running.shutdown()


if __name__ == "__main__":
    main()
