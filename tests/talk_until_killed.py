"""Twenty readers who talk without end, each in a thread: what `test_chat_history` starts and kills. Writes down all that it shows."""

import os
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rag.chat_history import ChatHistory
from rag.ui.session import Session
from tests.ui.fake_backend import FakeBackend


def talk(reader: int, history: ChatHistory, backend: FakeBackend, shown: int) -> None:
    """Ask, and write down each question and answer in the moment in which the page would show it."""
    session, diary = Session(), history.of(f"browser:{reader}")
    for n in range(90):
        question = f"{reader}-{n}：临江港2027年的目标是什么？"
        steps = session.ask(backend, question, diary=diary)
        next(steps)
        exchange = session.exchanges[-1]
        os.write(shown, f"question\t{exchange.uid}\t{question}\n".encode())
        for _ in steps:
            if exchange.turn:
                os.write(shown, f"answer\t{exchange.uid}\t{exchange.turn.answer}\n".encode())
                break


if __name__ == "__main__":
    history = ChatHistory(Path(sys.argv[1]))
    backend = FakeBackend(pace=0.002)
    shown = os.open(sys.argv[2], os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    threads = [threading.Thread(target=talk, args=(n, history, backend, shown)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
