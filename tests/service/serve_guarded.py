"""The page over the fake pipeline, with the settings of the environment, as a program of its own."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rag.settings import load_settings
from rag.ui import serve
from tests.ui.fake_backend import FakeBackend

if __name__ == "__main__":
    settings = load_settings()
    serve(FakeBackend(), settings.host, settings.port, open_browser=False, settings=settings)
