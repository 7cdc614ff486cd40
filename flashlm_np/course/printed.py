"""What a process prints: its beginning, and an end when it is too much."""

from __future__ import annotations

import subprocess
import threading

KEPT = 4000  # characters
TOO_MUCH = 10_000_000  # bytes that end it


class Printed:
    """Reads what a process prints; of more than TOO_MUCH it kills the process."""

    def __init__(self, process: subprocess.Popen):
        self.process, self.kept, self.size = process, b"", 0
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    @property
    def too_much(self) -> bool:
        return self.size > TOO_MUCH

    def _read(self):
        with self.process.stdout as stream:
            while part := stream.read1(65536):
                self.size += len(part)
                self.kept += part[: max(0, 4 * KEPT - len(self.kept))]
                if self.too_much:
                    self.process.kill()
                    return

    def text(self) -> str:
        self.thread.join(1.0)  # something that it started may hold the other end open
        text = self.kept.decode("utf-8", "replace").replace("\r\n", "\n")
        return text if len(text) <= KEPT else f"{text[:KEPT]}\n... and so on"
