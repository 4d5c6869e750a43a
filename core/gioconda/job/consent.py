"""Who states which right to animate a portrait: one statement a job. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import SettingsError
from .schema import check_fields, check_values
from .settings import setting

# What a statement can say, and how it reads.
RIGHTS = {
    "own_work": "it shows the person who makes this, or a character of their own",
    "subject_consent": "the person shown agreed to being animated",
    "public_domain": "the picture is in the public domain",
    "licensed": "a licence or contract allows it",
}
LONGEST = 2000  # letters of a text


@dataclass(frozen=True)
class Consent:
    """A statement of the right to animate a portrait."""

    right: str = setting("which right", needed=True, choices=tuple(RIGHTS))
    who: str = setting("the person or the studio who states it", needed=True, minLength=1, maxLength=LONGEST)
    text: str = setting("a contract's number, a link, a date", default="", maxLength=LONGEST)

    def __post_init__(self) -> None:
        """Raises: SettingsError."""
        if not self.who.strip():
            raise SettingsError("consent: “who” is empty; name the person or the studio who states the right.")
        check_values(self, ("consent",))

    @classmethod
    def from_plain(cls, data: Mapping[str, Any], *, source: str = "the job") -> Consent:
        """The statement in a job or a policy: {"right": …, "who": …, "text": …}.

        Raises:
            SettingsError: a key is missing or unknown, a value is no text or no right.
        """
        check_fields(cls, data, f"{source}: consent")
        return cls(**data)

    @classmethod
    def parse(cls, text: str) -> Consent:
        """A command line's words: "subject_consent: Ada Example: signed 3 May" (right, who, text).

        Raises:
            SettingsError.
        """
        right, _, rest = text.partition(":")
        who, _, more = rest.partition(":")
        return cls(right.strip(), who.strip(), more.strip())

    def plain(self) -> dict[str, str]:
        """As `from_plain` reads it."""
        return asdict(self)

    def sentence(self) -> str:
        """For people."""
        return f"{self.who} states: {RIGHTS[self.right]}" + (f" ({self.text})." if self.text else ".")
