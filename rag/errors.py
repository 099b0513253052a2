"""Everything Youju raises on purpose. One small tree; each message says what happened, to what, and how to mend it.

YoujuError
├── SettingsError        a setting is unknown, malformed or contradicts another
├── AccountError         an account cannot be made or changed as asked
├── NotAllowed           the reader's role does not include this
├── ReadError            a file cannot be read as articles (the other files go on)
├── LibraryError         the library on disk cannot be used as asked
│   ├── LibraryBusy          another process is writing
│   ├── EmbedderMismatch     made by another embedder than the one configured
│   ├── LibraryVersion       written by a version of Youju that this one does not read
│   └── HistoryFull          a reader has as many conversations as are kept
└── ModelError           a model cannot be used
    ├── ModelMissing         not on this machine (the message gives the command that fetches it)
    ├── DownloadError        could not be fetched, or failed its checksum
    └── ChatModelError       the LLM refused, timed out or broke off
"""

from __future__ import annotations


class YoujuError(Exception):
    """Base of all errors meant for people.

    Args:
        message: what happened and to which file, setting or model, in Chinese.
        hint: what to do about it, in Chinese; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Message and hint as one text, on two lines when there is a hint."""
        return f"{self.message}\n→ {self.hint}" if self.hint else self.message


class SettingsError(YoujuError):
    """A setting is unknown, malformed or contradicts another."""


class AccountError(YoujuError):
    """An account cannot be made or changed as asked."""


class NotAllowed(YoujuError):
    """The reader's role does not include this."""


class ReadError(YoujuError):
    """A file cannot be read as articles. `reason` is a short key for counting, e.g. "empty" or "encoding"."""

    def __init__(self, message: str, hint: str = "", *, reason: str = "unreadable") -> None:
        super().__init__(message, hint)
        self.reason = reason


class LibraryError(YoujuError):
    """The library on disk cannot be used as asked."""


class LibraryBusy(LibraryError):
    """Another process is writing to the library."""


class EmbedderMismatch(LibraryError):
    """The library was made by another embedder than the one configured."""


class LibraryVersion(LibraryError):
    """The library was written by a version of Youju that this one does not read."""


class HistoryFull(LibraryError):
    """A reader has as many conversations as are kept; the question is answered, but not saved."""


class ModelError(YoujuError):
    """A model cannot be used."""


class ModelMissing(ModelError):
    """A model is not on this machine; the hint is the command that fetches it."""


class DownloadError(ModelError):
    """A model could not be fetched, or what came is not what was published (checksum)."""


class ChatModelError(ModelError):
    """The LLM could not answer. `kind` is auth, timeout, unreachable, server, broken, context, busy or other."""

    def __init__(self, message: str, hint: str = "", *, kind: str = "other") -> None:
        super().__init__(message, hint)
        self.kind = kind
