"""Trials in processes of their own, so that a crash or a hang ends only one of them."""

import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator

from .subjects import subjects
from .trial import ACCEPTED, CRASH, REFUSED, SAME, SILENT, fuzz

HANG = "hang"
OUTCOMES = (REFUSED, SAME, ACCEPTED, SILENT, CRASH, HANG)
SECONDS, MEGABYTES = 10, 1000  # of one input; the seconds are of the processor
PATIENCE = 100  # seconds without an answer, after which a process is ended

Outcome = tuple[int, str, str]  # of an input: its index, the outcome, a note


def run_chunk(
    name: str, seed: int, start: int, stop: int
) -> tuple[Counter[str], float, list[Outcome]]:
    """The count of each outcome, the seconds, and the inputs with a wrong outcome.

    A new process goes on after an input that ends its process.
    """
    counts, findings, began = Counter(), [], time.monotonic()
    while start < stop:
        for index, outcome, note in _outcomes(name, seed, start, stop):
            counts[outcome] += 1
            if outcome in (SILENT, CRASH, HANG):
                findings.append((index, outcome, note))
            start = index + 1
    return counts, time.monotonic() - began, findings


def _outcomes(name, seed, start, stop) -> Iterator[Outcome]:
    """The outcomes that a process sends, and the one of the input that ends it."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, name, seed, start, stop))
    process.start()
    sender.close()
    try:
        while start < stop:
            if not receiver.poll(PATIENCE):
                yield start, HANG, f"no answer in {PATIENCE} s"
                return
            yield receiver.recv()
            start += 1
        process.join(PATIENCE)
    except EOFError:
        process.join()
        yield start, CRASH, f"the process ended with code {process.exitcode}"
    finally:
        process.kill()
        process.join()


def _work(sender, name, seed, start, stop):
    """Try the inputs from `start` to `stop` in this process."""
    with fuzz(subjects()[name]) as trials:
        before = _peak_megabytes()
        for index in range(start, stop):
            began = time.process_time()
            outcome, note = trials.trial(seed, index)
            if time.process_time() - began > SECONDS:
                outcome, note = HANG, f"more than {SECONDS} s"
            if _peak_megabytes() > before + MEGABYTES:
                outcome, note = HANG, f"more than {MEGABYTES} MB"
                before = _peak_megabytes()
            sender.send((index, outcome, note))


def _peak_megabytes():
    """The largest memory of this process so far; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1e6 if sys.platform == "darwin" else 1e3)
