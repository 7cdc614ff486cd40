"""Answers under "predict first" stay in the browser, and the course reads the saved file."""

import html
import json
import math

import pytest
from browser import opened

from flashlm_np.course.predictions.kept import COLUMNS, read_kept
from minigrad import Tensor
from minigrad.look import step_through

TITLE = 'A "title", with <signs>'


def loss():
    x = Tensor([[1.0, 2.0, -1.0], [0.5, -1.5, 1.0]], requires_grad=True, name="x")
    return (x * x + x).sum()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "steps.html"
    step_through(loss, path, title=TITLE, check=False)
    return path


@pytest.fixture
def page(browser, path):
    with opened(browser, path.as_uri(), accept_downloads=True) as page:
        page.check("#predict")
        yield page


def truth(page):
    return page.evaluate("questionOf(steps[current]).answer")


def answer(page, text, then="next"):
    """Answer the question, and go to the next one."""
    page.fill("#given", text)
    page.click("#question button")
    if then == "next":
        page.click("#question button")


def stored(page):
    """The rows that the browser keeps, without their dates."""
    rows = json.loads(page.evaluate("localStorage.getItem('minigrad.predictions')") or "[]")
    return [row[1:] for row in rows]


def saved(page, folder):
    page.click("#kept summary")
    with page.expect_download() as download:
        page.click("text=save predictions.csv")
    assert download.value.suggested_filename == "predictions.csv"
    download.value.save_as(folder / "predictions.csv")
    return folder / "predictions.csv"


def test_an_answer_is_kept_beside_the_truth(page):
    assert not page.is_visible("#kept")
    answer(page, "999")
    assert stored(page) == [
        [
            TITLE,
            "Forward 1 of 3: multiply 1. What is element [0, 1] of the value of multiply 1?",
            "number",
            "999",
            "4",
        ]
    ]
    assert page.inner_text("#kept summary").startswith("1 predicted, 0 right.")
    page.uncheck("#predict")
    assert not page.is_visible("#kept")


def test_without_an_answer_nothing_is_kept(page):
    answer(page, "", then="stay")
    assert page.inner_text("#question [role=status]").startswith("It is ")
    assert stored(page) == []


@pytest.mark.parametrize("text", ["many", "1/3", "20 %", "4 or 5"])
def test_an_answer_that_is_no_number_is_refused_before_the_result_is_shown(page, text):
    answer(page, text, then="stay")
    said = page.inner_text("#question [role=status]")
    assert said.startswith(f"“{text}” is no number, such as 0.25.")
    assert not page.is_visible("#answer")
    assert stored(page) == []
    answer(page, "4", then="stay")
    assert page.inner_text("#question [role=status]") == "Right."


def test_numbers_may_be_written_in_several_ways(page):
    for text, number in (("+4", "4"), ("−4", "-4"), ("4,0", "4"), ("4e0", "4")):
        page.evaluate("store([])")
        page.fill("#slider", "1")
        page.fill("#slider", "0")
        answer(page, text, then="stay")
        assert stored(page)[0][3:] == [number, "4"]


def test_the_first_answer_to_a_question_counts(page):
    answer(page, "999", then="stay")
    page.fill("#slider", "5")
    page.fill("#slider", "0")
    answer(page, "4", then="stay")
    said = page.inner_text("#question [role=status]")
    assert said == "Right. Your first answer is kept: 999."
    assert [row[3] for row in stored(page)] == ["999"]


def test_first_or_added_is_a_choice_of_its_own(page):
    page.fill("#slider", "4")
    answer(page, truth(page))
    assert stored(page)[1][1:] == [
        "Backward 2 of 6: from sum 3 to add 2. Is it the first contribution, or added?",
        "choice",
        "first",
        "first",
    ]


def test_other_pages_see_the_same_predictions(page, path):
    answer(page, "999")
    other = page.context.new_page()
    other.goto(path.as_uri())
    other.check("#predict")
    assert other.inner_text("#kept summary").startswith("1 predicted")


def test_the_halves_are_compared_when_there_are_enough(page):
    for step in range(7):
        answer(page, truth(page) if step > 2 else "999")
    assert page.inner_text("#kept summary") == (
        "10 predicted, 7 right: 40 % of the first half, 100 % of the last half."
    )
    page.click("#kept summary")
    assert page.locator("#kept circle.hit").count() == 7
    assert page.locator("#kept circle.miss").count() == 3


def test_the_course_reads_the_saved_file(page, tmp_path):
    for step in range(7):
        answer(page, truth(page) if step % 2 else "-0.5")
    file = saved(page, tmp_path)
    rows = read_kept(file)
    assert file.read_text(encoding="utf-8").splitlines()[0] == ",".join(COLUMNS)
    assert [
        [row.place, row.question, row.kind, row.prediction, row.truth] for row in rows
    ] == stored(page)
    assert {row.place for row in rows} == {TITLE}
    assert {row.kind for row in rows} == {"number", "choice"}
    assert all(row.distance == 0 for row in rows if row.prediction == row.truth)
    assert max(row.distance for row in rows) == 1


def test_shapes_and_infinities_are_choices(browser, tmp_path):
    x = Tensor([[math.inf] * 20, [1.0] * 20], requires_grad=True, name="x")
    step_through(lambda: (x * x).sum(), tmp_path / "large.html", check=False)
    with opened(browser, (tmp_path / "large.html").as_uri(), accept_downloads=True) as page:
        page.check("#predict")
        answer(page, "wide", then="stay")
        assert "is no shape, such as 2, 3." in page.inner_text("#question [role=status]")
        answer(page, "2 x 20")
        answer(page, "inf")
        rows = read_kept(saved(page, tmp_path))
    assert [(row.kind, row.prediction, row.truth) for row in rows] == [
        ("choice", "(2, 20)", "(2, 20)"),
        ("choice", "inf", "inf"),
    ]


def test_forgetting_asks_once_more(page):
    answer(page, "999")
    page.click("#kept summary")
    page.click("text=forget them")
    assert len(stored(page)) == 1
    page.keyboard.press("Enter")  # the second button has the focus
    assert stored(page) == []
    assert not page.is_visible("#kept")


def test_a_sandboxed_frame_asks_and_saves_and_says_that_it_keeps_nothing(
    browser, path, tmp_path
):
    """The playground shows pages in such a frame."""
    frame = '<iframe sandbox="allow-scripts allow-downloads" width="900" srcdoc="{}"></iframe>'
    text = frame.format(html.escape(path.read_text(encoding="utf-8")))
    (tmp_path / "frame.html").write_text(text, encoding="utf-8")
    with opened(browser, (tmp_path / "frame.html").as_uri(), accept_downloads=True) as page:
        frame = page.frame_locator("iframe")
        frame.locator("#predict").check()
        frame.locator("#given").fill("999")
        frame.locator("#given").press("Enter")
        frame.locator("#kept summary").click()
        kept = frame.locator("#kept").inner_text()
        assert kept.startswith("1 predicted, 0 right.")
        assert "they are lost when it is closed" in kept
        with page.expect_download() as download:
            frame.get_by_text("save predictions.csv").click()
        download.value.save_as(tmp_path / "predictions.csv")
    assert [row.prediction for row in read_kept(tmp_path / "predictions.csv")] == ["999"]


def test_a_store_with_other_data_is_not_overwritten(page):
    page.evaluate("localStorage.setItem('minigrad.predictions', '{\"theirs\": 1}')")
    answer(page, "999", then="stay")
    assert page.evaluate("localStorage.getItem('minigrad.predictions')") == '{"theirs": 1}'
    page.click("#kept summary")
    assert "they are lost when it is closed" in page.inner_text("#kept")
