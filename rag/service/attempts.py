"""Guessing passwords gets slower with every wrong one, for the address that guesses and for the name that is guessed at."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

_FREE: Final = 5
"""Wrong passwords before there is a delay: people mistype."""
_FORGOTTEN_AFTER: Final = 3600.0
_LONGEST: Final = {"address": 900.0, "name": 60.0}
"""Seconds. A name's is short, or anybody could keep its owner out; an address's makes guessing hopeless."""
_REMEMBERED: Final = 20_000
"""Addresses and names; the ones that failed longest ago are forgotten first."""


@dataclass(slots=True)
class _Failures:
    count: int
    last: float
    until: float


class Attempts:
    """Counts failed attempts in memory.

    Args:
        now: a clock that never goes back, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failed: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def wait(self, address: str, name: str) -> float:
        """Seconds until another attempt is looked at; 0 for now."""
        until = (self._failed[key].until for key in _keys(address, name) if key in self._failed)
        return max(0.0, max(until, default=0.0) - self._now())

    def failed(self, address: str, name: str) -> None:
        """Count a wrong password. Beyond the free ones each doubles the delay."""
        now = self._now()
        for key in _keys(address, name):
            known = self._failed.pop(key, None)
            count = known.count + 1 if known and now - known.last < _FORGOTTEN_AFTER else 1
            delay = min(2.0 ** (count - _FREE), _LONGEST[key[0]]) if count >= _FREE else 0.0
            self._failed[key] = _Failures(count, now, now + delay)
        while len(self._failed) > _REMEMBERED:
            self._failed.popitem(last=False)

    def succeeded(self, name: str) -> None:
        """The owner of the name came. What the address did is not forgotten: it may be guessing at other names."""
        self._failed.pop(("name", name), None)


def network(address: str) -> str:
    """What one subscriber can take addresses from: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False).network_address)


def _keys(address: str, name: str) -> Iterable[tuple[str, str]]:
    return ("address", network(address)), ("name", name)
