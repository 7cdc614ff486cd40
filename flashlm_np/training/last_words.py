"""A sentence after the end: a run of several processes ends when one of them is killed.

mpiexec then kills the others at once, so none of them can print. A small process waits for the
end of process 0. It knows the sentence, and is told at a regular end to be silent.
"""

import subprocess
import sys

# Prints its last line of input, if there is one.
SPEAKER = """
import sys
line = sys.stdin.read().split("\\n")[-1]
if line:
    print("flashlm: " + line, file=sys.stderr)
"""


class LastWords:
    """Prints a sentence if this process is killed. If not `wanted`, nothing is printed."""

    def __init__(self, wanted: bool):
        self._speaker = None
        if wanted:
            self._speaker = subprocess.Popen(
                [sys.executable, "-I", "-X", "utf8", "-c", SPEAKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # a signal to all of mpiexec's processes spares it
            )

    def set(self, sentence: str) -> None:
        """Replace the sentence; "" is none."""
        if self._speaker is not None:
            self._speaker.stdin.write(f"\n{sentence}".encode())
            self._speaker.stdin.flush()

    def close(self) -> None:
        """Say nothing, and end."""
        if self._speaker is not None:
            self.set("")
            self._speaker.stdin.close()
            self._speaker.wait()
            self._speaker = None
