"""The page over the fake pipeline, as a program of its own: what `test_server` starts and stops."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rag.settings import Settings
from rag.ui import serve
from tests.ui.fake_backend import FakeBackend

if __name__ == "__main__":
    # Not the developer's own library, which may have accounts.
    serve(FakeBackend(), port=int(sys.argv[1]), open_browser=False, settings=Settings(library=Path("nowhere")))
