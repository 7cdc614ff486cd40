"""Progress: a bar in a terminal, plain lines elsewhere."""

import io

import pytest

from flashlm_np import progress as page
from flashlm_np.progress import Progress, clock


def test_plain_lines_come_only_every_15_seconds(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(page.time, "monotonic", lambda: now[0])
    progress = Progress("step", 9, done=2)
    for seconds in (10, 4, 1, 14, 1):
        now[0] += seconds
        progress.advance(f"at {now[0]:g}")
    progress.write("a line of its own")
    progress.close()
    lines = ["step 5/9: at 15", "step 7/9: at 30", "a line of its own"]
    assert capsys.readouterr().out.splitlines() == lines


@pytest.mark.parametrize(("total", "text"), [(None, "document 3 now"), (9, "document 3/9 ")])
def test_a_terminal_gets_a_bar(monkeypatch, total, text):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdout", terminal)
    progress = Progress("document", total, done=1)
    progress.advance("now", 2)
    progress.write("a line of its own")
    progress.close()
    assert text in terminal.getvalue()
    assert "\ra line of its own\n" in terminal.getvalue()


def test_seconds_are_formatted_as_hours_minutes_and_seconds():
    assert (clock(75.2), clock(3675)) == ("01:15", "1:01:15")
