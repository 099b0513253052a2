"""A PostgreSQL server of Debian's package for the tests, on loopback, with its own data folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from rag.store import DATABASE, ELSEWHERE, Store

MISSING = "needs PostgreSQL's server: sudo apt-get install postgresql"
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
INITDB = str(_BINARIES[-1]) if _BINARIES else shutil.which("initdb") or ""


class PostgresServer:
    """Started by `start`, killed by `kill`; it keeps its data meanwhile.

    Args:
        host: the address to listen on.
        namespace: the network namespace that has it, where it is not this one.
    """

    def __init__(self, host: str = "127.0.0.1", namespace: str = "") -> None:
        self.host, self.namespace = host, namespace
        self.root = Path(tempfile.mkdtemp(prefix="youju-pg-"))
        self.user = None
        if os.geteuid() == 0:  # it refuses to run as root
            names = {entry.pw_name for entry in pwd.getpwall()}
            self.user = "postgres" if "postgres" in names else "nobody"
            shutil.chown(self.root, self.user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.made = 0
        self._run(
            INITDB, "-D", self.root / "data", "-U", "youju", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"
        )
        with (self.root / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {host}/30 trust\n")
        self.start()

    def _run(self, *command: str | Path) -> None:
        subprocess.run([str(part) for part in command], user=self.user, check=True, capture_output=True, cwd="/")

    def start(self) -> None:
        command = [str(Path(INITDB).parent / "postgres"), "-D", str(self.root / "data"), "-p", str(self.port)]
        command += ["-k", "", "-c", f"listen_addresses={self.host}", "-c", "fsync=off", "-c", "autovacuum=off"]
        ready = [str(Path(INITDB).parent / "pg_isready"), "-h", self.host, "-p", str(self.port), "-q"]
        user = self.user
        if self.namespace:
            there = ["ip", "netns", "exec", self.namespace]
            command = [*there, "setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *command]
            ready, user = [*there, *ready], None
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(command, user=user, stdout=log, stderr=log, cwd="/")
        deadline = time.monotonic() + 60
        while subprocess.run(ready, check=False).returncode:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError((self.root / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    def kill(self) -> None:
        """As when the machine loses power: no goodbye to anybody."""
        helpers = psutil.Process(self.process.pid).children()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        _, left = psutil.wait_procs(helpers, timeout=30)  # they end by themselves
        assert not left
        (self.root / "data" / "postmaster.pid").unlink(missing_ok=True)

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)  # a fast shutdown
        self.process.wait(30)
        shutil.rmtree(self.root, ignore_errors=True)

    def new(self) -> str:
        """The address of a new, empty database."""
        import psycopg

        self.made += 1
        with psycopg.connect(f"postgresql://youju@127.0.0.1:{self.port}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE test{self.made}")
        return f"postgresql://youju@127.0.0.1:{self.port}/test{self.made}"


@pytest.fixture(params=["sqlite", "postgres"])
def articles_at(request: pytest.FixtureRequest) -> str:
    """See the one in tests.conftest; tests marked `sqlite_only` are about the file itself."""
    if request.param == "sqlite":
        return ""
    if request.node.get_closest_marker("sqlite_only"):
        pytest.skip("about the SQLite file")
    return str(request.getfixturevalue("postgres").new())


def point(home: Path, address: str) -> None:
    """Make a library whose articles are in an empty database."""
    home.mkdir(parents=True, exist_ok=True)
    pointer = Store(home / DATABASE)
    pointer.set_meta({ELSEWHERE: address})
    pointer.close()
