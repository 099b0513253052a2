"""Files that come over the network: their bytes lie under names of ours, and what the sender calls them is only data."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

PLACE: Final = "upload://"
"""How a place begins at which an uploaded article was found; what follows is part of the bytes' digest, and the name."""

LONGEST_NAME: Final = 200
"""Characters of a name that are kept; of a longer one the beginning goes, and the end with its suffix stays."""

_DIGEST = 12
_MARK = re.compile(rf"{re.escape(PLACE)}[0-9a-f]{{{_DIGEST}}}/")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Control characters, invisible ones, those that turn the direction of a text around, and halves of characters."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file: where its bytes lie, and what its sender calls it (a file name, or a path within the sender's folder)."""

    file: Path
    name: str

    def place(self) -> str:
        """Under what the library knows it. The same bytes under the same name are the same place; other bytes never are.

        So nobody replaces an article of somebody else by a file that happens to be called the same.
        """
        with self.file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return f"{PLACE}{digest[:_DIGEST]}/{plain_name(self.name)}"


def plain_name(name: str) -> str:
    """A sender's name as harmless text: no invisible characters, no way up or to the root, not too long; its suffix stays."""
    parts = [part.strip() for part in _UNSEEN.sub("", name).replace("\\", "/").split("/")]
    plain = "/".join(part for part in parts if part.strip("."))[-LONGEST_NAME:].lstrip("/")
    return plain or "unnamed"


def suffix_of(name: str) -> str:
    """The suffix that says how a file is to be read, in lower case; empty for none."""
    return PurePosixPath(plain_name(name)).suffix.lower()


def is_upload(path: str) -> bool:
    """Whether a place of the library is an upload rather than a file on this machine."""
    return path.startswith(PLACE)


def shown(text: str) -> str:
    """A place, or a message that names places, as people read it: by the senders' names alone."""
    return _MARK.sub("", text)
