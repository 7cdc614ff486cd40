"""Serve the playground on this machine, with the types and headers that Pyodide wants.

    python3 run.py playground --serve [PORT]

Two headers isolate the page from other pages. Then its worker may share memory with it, and a
program can be stopped without starting Python again. Without them the page works, too.
"""

import functools
import http.server
from pathlib import Path

ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
# The types that a system's own table may lack, or has wrong (Windows: text/plain for .js).
TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".json": "application/json",
    ".whl": "application/zip",
    ".zip": "application/zip",
}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder. `isolated` says whether the page may share memory with its worker."""

    isolated = True
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | TYPES

    def end_headers(self):
        for name, value in (ISOLATED if self.isolated else {}).items():
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-cache")  # the browser asks whether a file changed
        super().end_headers()

    def log_message(self, *arguments):
        """Say nothing: the terminal shows the address."""


def server(
    folder: Path, port: int = 0, isolated: bool = True
) -> http.server.ThreadingHTTPServer:
    """A server for this machine alone; port 0 takes any free one."""
    handler = type("Handler", (Handler,), {"isolated": isolated})
    handler = functools.partial(handler, directory=str(folder))
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)


def serve(folder: Path, port: int) -> None:
    """Serve until Ctrl-C. Raises OSError or OverflowError if the port cannot be had."""
    with server(folder, port) as running:
        print(f"Open http://127.0.0.1:{running.server_port}/  (Ctrl-C ends it)", flush=True)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print()
