"""Runs of a tiny model write short samples, and only the first one of a file draws its picture.

Of such a run, 200 tokens of each sample and the drawing take more time than the training.
"""

import pytest

from flashlm_np.runs import report

WHOLE_REPORTS = ("test_report.py", "test_loss_plot.py")


@pytest.fixture(scope="module", autouse=True)
def short_reports(request):
    """All of a report is made, but Matplotlib's part of the picture is that of another run."""
    if request.path.name in WHOLE_REPORTS:
        yield
        return
    write_plot, drawn = report.write_plot, []

    def write_plot_once(out, *arguments):
        from matplotlib.figure import Figure

        with pytest.MonkeyPatch.context() as patch:
            if drawn:
                patch.setattr(Figure, "savefig", lambda figure, file, **_: file.write(*drawn))
            write_plot(out, *arguments)
        drawn[:] = [(out / "loss.png").read_bytes()]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "SAMPLE_TOKENS", 20)
        patch.setattr(report, "write_plot", write_plot_once)
        yield
