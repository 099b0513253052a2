"""The other end of `IsolatedReader`: answers requests on stdin until it closes."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

_MEMORY = 3_000_000_000
"""Address space, not memory in use: libraries reserve far more than they touch."""
_SIGN_OF_LIFE = 0.5


def main() -> None:
    """Serve until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then stops us
    _limit()
    # Nothing that a library prints may get between our lines.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    from rag.reading import read_articles
    from rag.reading.isolated import to_line

    said = time.monotonic()

    def alive() -> None:
        nonlocal said
        if time.monotonic() - said > _SIGN_OF_LIFE:
            said = time.monotonic()
            answers.write('{"alive": true}\n')
            answers.flush()

    for line in sys.stdin:
        request = json.loads(line)
        for reading in read_articles(
            Path(request["path"]), name=request["name"], columns=request["columns"], alive=alive
        ):
            answers.write(to_line(reading) + "\n")
            answers.flush()
            said = time.monotonic()
        answers.write('{"end": true}\n')
        answers.flush()


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, limit in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CORE, 0)):
        try:
            hard = resource.getrlimit(what)[1]
            resource.setrlimit(what, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
        except (ValueError, OSError):  # macOS knows no limit of address space
            continue


if __name__ == "__main__":
    main()
