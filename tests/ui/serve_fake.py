"""The page over the fake pipeline, as a program of its own: what tests start and stop. Arguments: port, and where to keep conversations."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rag.chat_history import ChatHistory
from rag.settings import Settings
from rag.ui import serve
from tests.ui.fake_backend import FakeBackend

if __name__ == "__main__":
    history = ChatHistory(Path(sys.argv[2])) if len(sys.argv) > 2 else None
    # Not the developer's own library, which may have accounts.
    settings = Settings(library=Path("nowhere"))
    serve(FakeBackend(), port=int(sys.argv[1]), open_browser=False, settings=settings, history=history)
