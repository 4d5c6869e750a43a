"""Which item a free worker gets next. Knows no processes and no pictures.

Items of one portrait follow each other on one worker, which keeps it open. What has to be made first (a portrait made
ready, a video tracked) is made by one worker only; others take its items once it is there, because it is on disk then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

Need = Hashable  # something costly that items share


@dataclass
class _Group:
    """Items that need the same portrait, in order."""

    portrait: Need
    waiting: deque[int] = field(default_factory=deque)


class Schedule:
    """Items by number; workers by any name."""

    def __init__(self, items: Iterable[tuple[int, Need, Need | None]]) -> None:
        """`items`: (number, its portrait, its motion if that has to be made ready first)."""
        groups: dict[Need, _Group] = {}
        self._motions: dict[int, Need] = {}
        self._portraits: dict[int, Need] = {}
        for number, portrait, motion in items:
            groups.setdefault(portrait, _Group(portrait)).waiting.append(number)
            self._portraits[number] = portrait
            if motion is not None:
                self._motions[number] = motion
        self._fresh = deque(groups.values())  # nobody has begun these
        self._begun: list[_Group] = []  # these have items left
        self._groups = groups
        self._own: dict[Hashable, _Group] = {}  # worker → the group whose portrait it has open
        self._ready: set[Need] = set()
        self._maker: dict[Need, Hashable] = {}  # what is being made → by whom
        self.left = len(self._portraits)

    def take(self, worker: Hashable) -> int | None:
        """The next item for a worker; None: there is none, or none now: ask again when another item has ended."""
        own = self._own.get(worker)
        candidates = [own] if own else []
        candidates += [self._fresh[0]] if self._fresh else []
        candidates += [group for group in self._begun if group is not own]
        for group in candidates:
            number = self._first_free(group, worker)
            if number is not None:
                self._begin(group, worker, number)
                return number
        return None

    def _first_free(self, group: _Group, worker: Hashable) -> int | None:
        """The first item of a group that needs nothing another worker is making."""
        if self._maker.get(group.portrait, worker) != worker:
            return None
        for index, number in enumerate(group.waiting):
            motion = self._motions.get(number)
            if motion is None or self._maker.get(motion, worker) == worker:
                del group.waiting[index]
                return number
        return None

    def _begin(self, group: _Group, worker: Hashable, number: int) -> None:
        self.left -= 1
        self._own[worker] = group
        if self._fresh and self._fresh[0] is group:
            self._fresh.popleft()
            self._begun.append(group)
        if not group.waiting and group in self._begun:
            self._begun.remove(group)
        for need in (group.portrait, self._motions.get(number)):
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
        group = self._groups[self._portraits[number]]
        group.waiting.appendleft(number)
        if group not in self._begun and group not in self._fresh:
            self._begun.append(group)

    def lost(self, worker: Hashable) -> None:
        """A worker is no more."""
        self._own.pop(worker, None)
