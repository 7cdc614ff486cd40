"""The playground in Chromium. A request to another machine fails the test."""

import re
import threading
from urllib.parse import urlsplit

import build
import pytest
from pyodide_folder import pyodide_folder
from serve import server
from session.run_code import run_code

PHONE = {"width": 390, "height": 844}
WRONG = (
    "from minigrad import Tensor\nTensor([1.0, 2.0]) @ Tensor([1.0, 2.0, 3.0])",
    "from minigrad import Tensor\nTensor([1.0, 2.0], requires_grad=True).backward()",
    "import numpy as np\nfrom minigrad.gradcheck import gradcheck\n"
    "gradcheck('rms_norm', np.ones((2, 3)), np.ones(4))",
    "from flashlm_np.model.config import Config\nConfig(d_model=0)",
    "x = undefined",
)


@pytest.fixture(scope="module")
def folder(browser, tmp_path_factory):
    """The playground with its own copy of Pyodide."""
    out = tmp_path_factory.mktemp("playground")
    build.build(out, pyodide=str(pyodide_folder()))
    return out


@pytest.fixture(scope="module")
def page(browser, folder):
    """The loaded page, for all tests, because loading takes long."""
    with server(folder) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        page, errors = browser.new_page(), []
        page.route("**/*", lambda route: only_loopback(route, errors))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{running.server_port}/")
        wait_for(page, "#stage", "ready", 100)
        yield page
        page.close()
        running.shutdown()
        assert errors == []


def only_loopback(route, errors):
    address = urlsplit(route.request.url)
    if address.hostname in ("127.0.0.1", None):  # None: a page within the page
        route.continue_()
    else:
        errors.append(f"a request to {address.hostname}")
        route.abort()


def wait_for(page, selector, pattern, seconds=30):
    """Wait until the text of an element has the pattern; return its match."""
    script = (
        "([selector, pattern]) => document.querySelector(selector).textContent.match(pattern)"
    )
    found = page.wait_for_function(script, arg=[selector, pattern], timeout=1000 * seconds)
    return found.json_value()


def stop_when(page, source, selector, pattern):
    """Start a program in the page, and press Stop when an element has the pattern."""
    page.fill("#source", source)
    page.click("#run")
    wait_for(page, selector, pattern)
    page.click("#stop-run")


def run(page, source):
    """Run a program in the page; return what it printed, and its error."""
    page.fill("#source", source)
    page.click("#run")
    wait_for(page, "#run-note", "finished|ended|stopped")
    return page.text_content("#output")


def test_loading_says_its_seconds_and_the_page_is_isolated(page):
    assert re.search(r"Loading took \d+\.\d s", page.text_content("#stage"))
    assert page.evaluate("crossOriginIsolated")
    assert not page.is_disabled("#run")


def test_the_readmes_program_runs(page):
    assert page.input_value("#examples") == "readme"
    page.click("#run")
    wait_for(page, "#run-note", "finished")
    output = page.text_content("#output")
    assert output.startswith("[-0.2 -0.2 -0.2  1.   2.2]\nrms_norm: auto check passed")


@pytest.mark.parametrize("source", WRONG)
def test_a_wrong_input_has_the_sentence_of_this_python(page, source):
    expected = run_code(source, print)["error"].splitlines()[-1]
    assert run(page, source).splitlines()[-1] == expected


def test_a_program_shows_output_as_it_comes_and_can_be_stopped(page):
    stop_when(page, "print('begun')\nwhile True:\n    pass", "#output", "begun")
    wait_for(page, "#output", "KeyboardInterrupt: you stopped the program")
    assert run(page, "print('the same Python')") == "the same Python\n"


def test_a_changed_program_keeps_its_changes_while_another_is_shown(page):
    page.fill("#source", "changed")
    page.select_option("#examples", "ternary")
    assert page.input_value("#source") in [example["source"] for example in build.examples()]
    page.select_option("#examples", "readme")
    assert page.input_value("#source") == "changed"


def test_a_last_value_with_a_page_is_shown(page):
    page.select_option("#examples", "steps")
    page.click("#run")
    frame = page.frame_locator("#run-page")
    frame.get_by_text("Two layers").first.wait_for()
    frame.get_by_text("relu_squared").first.wait_for(state="attached")


def test_the_gradient_is_checked_at_each_change_and_its_graph_is_shown(page):
    wait_for(page, "#answer", "right: F.relu_squared")
    page.fill("#expression", "np.exp(x).sum()")
    wait_for(page, "#answer", r"right: np\.exp\(x\)\.sum\(\): auto check passed")
    assert page.locator("#rows tbody tr").count() == 6
    page.frame_locator("#graph").get_by_text("exp").first.wait_for(state="attached")
    page.check("#mistake")
    wait_for(page, "#answer", r"wrong: .*the gradient of x is wrong at index")
    assert page.locator("#rows .differs").count() == 6
    page.uncheck("#mistake")
    page.fill("#expression", "x @ x")
    wait_for(
        page, "#answer", r"ShapeError: matmul: a has shape \(2, 3\) and b has shape \(2, 3\)"
    )


def test_the_model_learns_writes_stops_goes_on_and_ends(page):
    run(
        page,
        "from session import training\ntraining.SHARED['steps'] = 24\ntraining.STORIES = 400",
    )
    page.click("#start")
    wait_for(page, "#numbers", "Step 1 of", 60)
    wait_for(page, "#samples", "step 20:", 60)
    title = r"step {}: ([\d.]+) nats per token"
    first = float(wait_for(page, "#samples", title.format(0))[1])
    assert float(wait_for(page, "#samples", title.format(20))[1]) < first - 1
    assert len(page.text_content("#samples p")) > 20
    assert run(page, "print('while it trains')") == "while it trains\n"
    page.click("#pause")
    wait_for(page, "#start", "Go on")
    stopped = int(wait_for(page, "#numbers", r"Step (\d+) of")[1])
    assert stopped < 24
    page.click("#start")
    wait_for(page, "#start", "Start again")
    assert "Step 24 of 24" in page.text_content("#numbers")
    assert "step 24:" in page.text_content("#samples")
    assert page.locator("#chart svg circle").count() == 3
    run(page, "from session import training\ntraining.SHARED['steps'] = 320")
    page.select_option("#tokens", "letters")
    page.click("#start")
    wait_for(page, "#numbers", r"\d\d different tokens\. Step 1 of", 60)


def test_stop_ends_a_program_and_not_the_training(page):
    for _ in range(3):  # at other places of a step
        page.fill("#source", "while True:\n    pass")
        page.click("#run")
        page.click("#stop-run")
        wait_for(page, "#output", "KeyboardInterrupt: you stopped the program")
    assert page.is_disabled("#start")
    step = int(wait_for(page, "#numbers", r"Step (\d+) of")[1])
    wait_for(page, "#numbers", f"Step {step + 1} of")


def test_nothing_is_cut_at_the_width_of_a_phone(page):
    before = page.viewport_size
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    hidden = page.evaluate(
        "[...document.querySelectorAll('button, select, textarea, pre, svg, iframe')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.id)"
    )
    assert hidden == []
    page.set_viewport_size(before)


def test_a_python_that_cannot_be_stopped_or_has_ended_starts_again(page):
    """A page that is not isolated stops every program in this way."""
    stop_when(page, "sum(range(10**12))", "#run-note", "running")
    wait_for(page, "#run-note", "stopped; Python starts again")
    assert "The model is lost" in page.text_content("#numbers")
    wait_for(page, "#stage", "ready", 100)
    assert run(page, "print('a new Python')") == "a new Python\n"
    assert page.text_content("#start") == "Start"
    run(page, "import os\nos._exit(3)")
    wait_for(page, "#run-note", r"Python ended \(.*\); it starts again")
