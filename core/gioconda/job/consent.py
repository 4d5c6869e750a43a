"""Who states which right to animate a portrait: one statement a job, asked for once a portrait. Standard library only.

`settle` is the one place that decides whether a job may run: the job's own statement, else the one remembered for this
portrait, else what a person at a terminal answers, else the studio's policy; without any of them it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import OutputError, SettingsError
from ..files import write_text
from .settings import setting

# What a statement can say, and how it reads.
RIGHTS = {
    "own_work": "it shows the person who makes this, or a character of their own",
    "subject_consent": "the person shown agreed to being animated",
    "public_domain": "the picture is in the public domain",
    "licensed": "a licence or contract allows it",
}
LONGEST = 2000  # letters of a text
REMEMBERED = "consents.json"


@dataclass(frozen=True)
class Consent:
    """A statement of the right to animate a portrait."""

    right: str = setting("which right", choices=tuple(RIGHTS))
    who: str = setting("the person or the studio who states it", minLength=1)
    text: str = setting("a contract's number, a link, a date", default="")

    def __post_init__(self) -> None:
        """Raises: SettingsError."""
        if self.right not in RIGHTS:
            raise SettingsError(f"consent: there is no right “{self.right}”; choose from {', '.join(RIGHTS)}.")
        if not self.who.strip():
            raise SettingsError("consent: “who” is empty; name the person or the studio who states the right.")
        if len(self.who) > LONGEST or len(self.text) > LONGEST:
            raise SettingsError(f"consent: “who” and “text” have room for {LONGEST} letters each.")

    @classmethod
    def from_plain(cls, data: Mapping[str, Any], *, source: str = "the job") -> Consent:
        """The statement in a job or a policy: {"right": …, "who": …, "text": …}.

        Raises:
            SettingsError: a key is missing or unknown, a value is no text or no right.
        """
        unknown = [key for key in data if key not in ("right", "who", "text")]
        if unknown:
            raise SettingsError(f"{source}: consent has an unknown entry “{unknown[0]}”; known are right, who, text.")
        missing = [key for key in ("right", "who") if not isinstance(data.get(key), str)]
        if missing or not isinstance(data.get("text", ""), str):
            raise SettingsError(f"{source}: consent needs “{(missing or ['text'])[0]}” as text.")
        try:
            return cls(**data)
        except SettingsError as error:
            raise SettingsError(f"{source}: {error}") from None

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


Ask = Callable[[str], Consent]  # asks a person about the portrait of that name

REFUSAL = (
    "Nobody has stated the right to animate {portrait}: give --consent RIGHT:WHO (or “consent” in the job), where "
    "RIGHT is one of {rights}; a studio can state it once in a policy file (docs/farm.md)."
)


def settle(
    given: Mapping[str, Any] | None,
    portrait: str,
    portrait_sha256: Callable[[], str],
    *,
    ask: Ask | None = None,
    memory: Path | None = None,
    policy: Consent | None = None,
) -> Consent:
    """The statement that a job runs under.

    Args:
        given: the job's own.
        portrait: the picture's path, for the question and the refusal.
        portrait_sha256: gives the hash that answers are remembered by; called only where it is needed.
        ask: asks the person at the terminal; None: nobody is there.
        memory: the folder of the person's answers; None: they are neither read nor kept.
        policy: what the studio states for jobs that say nothing.

    Raises:
        SettingsError: nobody states anything; or the statement is wrong.
    """
    if given is not None:
        return Consent.from_plain(given)
    if ask and memory:
        known = recall(memory, portrait_sha256())
        if known:
            return known
    if policy:
        return policy
    if not ask:
        raise SettingsError(REFUSAL.format(portrait=portrait, rights=", ".join(RIGHTS)))
    answer = ask(portrait)
    if memory:
        with suppress(OutputError):  # then it is asked again next time
            remember(memory, portrait_sha256(), answer)
    return answer


def recall(folder: Path, sha256: str) -> Consent | None:
    """What was answered for this portrait before."""
    entry = _all(folder).get(sha256)
    try:
        return Consent.from_plain(entry) if isinstance(entry, dict) else None
    except SettingsError:
        return None


def remember(folder: Path, sha256: str, consent: Consent) -> None:
    """Keep an answer. Raises: OutputError."""
    everything = {**_all(folder), sha256: consent.plain()}
    write_text(folder / REMEMBERED, json.dumps(everything, indent=1, ensure_ascii=False) + "\n")


def _all(folder: Path) -> dict[str, Any]:
    try:
        data = json.loads((folder / REMEMBERED).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def ask_at_terminal(portrait: str) -> Consent:
    """Ask the person at the terminal, on standard error; their answer from standard input.

    Raises:
        SettingsError: they gave none.
    """
    import sys

    def say(text: str) -> None:
        print(text, end="", file=sys.stderr, flush=True)

    say(f"Who has the right to animate {portrait}? Kept with every frame; asked once for each portrait.\n")
    rights = list(RIGHTS)
    for i, right in enumerate(rights):
        say(f"  {i + 1}  {right}: {RIGHTS[right]}\n")
    say("Which one (1 to 4): ")
    choice = sys.stdin.readline().strip()
    right = rights[int(choice) - 1] if choice in ("1", "2", "3", "4") else choice
    say("Who states this (your name or studio): ")
    who = sys.stdin.readline().strip()
    say("Anything to add, or nothing: ")
    return Consent(right, who, sys.stdin.readline().strip())
