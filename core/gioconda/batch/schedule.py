"""Which item a free worker gets next. Knows no processes and no pictures.

Items of one portrait follow each other on one worker, which keeps it open. What has to be made first (a portrait made
ready, a video tracked) is made by one worker only; others take its items once it is there, because it is on disk then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable

Need = Hashable  # something costly that items share


class Schedule:
    """Items by number; workers by any name."""

    def __init__(self, items: Iterable[tuple[int, Need, Need | None]]) -> None:
        """`items`: (number, its portrait, its motion if that has to be made ready first)."""
        self._waiting: dict[Need, deque[int]] = {}  # portrait → its items, in order
        self._motions: dict[int, Need] = {}
        self._portraits: dict[int, Need] = {}
        for number, portrait, motion in items:
            self._waiting.setdefault(portrait, deque()).append(number)
            self._portraits[number] = portrait
            if motion is not None:
                self._motions[number] = motion
        self._fresh = deque(self._waiting)  # portraits nobody has begun
        self._begun: list[Need] = []  # these have items left
        self._own: dict[Hashable, Need] = {}  # worker → the portrait it has open
        self._ready: set[Need] = set()
        self._maker: dict[Need, Hashable] = {}  # what is being made → by whom
        self.left = len(self._portraits)

    def take(self, worker: Hashable) -> int | None:
        """The next item for a worker; None: there is none, or none now: ask again when another item has ended."""
        own = [self._own[worker]] if worker in self._own else []
        others = [portrait for portrait in self._begun if portrait not in own]
        for portrait in (*own, *list(self._fresh)[:1], *others):
            number = self._first_free(portrait, worker)
            if number is not None:
                self._begin(portrait, worker, number)
                return number
        return None

    def _first_free(self, portrait: Need, worker: Hashable) -> int | None:
        """The first item of a portrait that needs nothing another worker is making."""
        if self._maker.get(portrait, worker) != worker:
            return None
        for index, number in enumerate(self._waiting[portrait]):
            motion = self._motions.get(number)
            if motion is None or self._maker.get(motion, worker) == worker:
                del self._waiting[portrait][index]
                return number
        return None

    def _begin(self, portrait: Need, worker: Hashable, number: int) -> None:
        self.left -= 1
        self._own[worker] = portrait
        if self._fresh and self._fresh[0] == portrait:
            self._begun.append(self._fresh.popleft())
        if not self._waiting[portrait] and portrait in self._begun:
            self._begun.remove(portrait)
        for need in (portrait, self._motions.get(number)):
            if need is not None and need not in self._ready:
                self._maker[need] = worker

    def end(self, worker: Hashable, number: int, *, made: bool) -> None:
        """An item has ended; `made`: what it needed is on disk now."""
        for need in (self._portraits[number], self._motions.get(number)):
            if need is not None and self._maker.get(need) == worker:
                del self._maker[need]
                if made:
                    self._ready.add(need)

    def portrait_ready(self, worker: Hashable, number: int) -> bool:
        """An item's portrait has been made ready: other workers may take items of it. Returns whether that was new."""
        need = self._portraits[number]
        if self._maker.get(need) != worker:
            return False
        del self._maker[need]
        self._ready.add(need)
        return True

    def put_back(self, number: int) -> None:
        """To be tried again, soon."""
        self.left += 1
        portrait = self._portraits[number]
        self._waiting[portrait].appendleft(number)
        if portrait not in self._begun and portrait not in self._fresh:
            self._begun.append(portrait)

    def lost(self, worker: Hashable) -> None:
        """A worker is no more."""
        self._own.pop(worker, None)
