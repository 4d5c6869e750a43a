"""A job with the statement it runs under, or a refusal: what every command that renders calls first.

`resolve_consent` is the one place that decides whether a job may run: the job's own statement, else the one remembered
for this portrait, else what a person at a terminal answers, else the studio's policy; without any it refuses.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import OutputError, SettingsError
from ..files import config_folder, file_sha256, policy_file, write_text
from ..job.consent import RIGHTS, Consent
from ..job.job import Job
from .policy import Policy, read_policy

REMEMBERED = "consents.json"  # in the user's settings: the answers, by the portrait's SHA-256
Ask = Callable[[str], Consent]  # asks a person about the portrait of that name

REFUSAL = (
    "Nobody has stated the right to animate {portrait}: give --consent RIGHT:WHO (or “consent” in the job), where "
    "RIGHT is one of {rights}; a studio can state it once in a policy file (docs/farm.md)."
)


def open_policy(path: str | None) -> Policy:
    """The named policy file, else this machine's or user's, else an empty policy. Raises: InputError, SettingsError."""
    found = Path(path) if path else policy_file()
    return read_policy(found) if found else Policy()


def with_consent(job: Job, policy: Policy, *, interactive: bool, **changes: Any) -> Job:
    """The job with the statement under which its portrait may be animated, and other changes. `interactive`: a person
    sits at the terminal and can be asked, once for each portrait.

    Where several persons are driven each of them needs a statement: their own, else the job's, else they are asked
    for, each one.

    Raises: SettingsError: nobody states the right. InputError: the portrait cannot be read.
    """
    if job.persons:
        stated = [_stated(one, policy, interactive, f" (person {one.face})") for one in job.of_persons()]
        persons = tuple(
            {**person, "consent": consent.plain()} for person, consent in zip(job.persons, stated, strict=True)
        )
        return replace(job, **changes, persons=persons)
    consent = _stated(job, policy, interactive, "")
    changed = {
        name: value for name, value in ({"consent": consent.plain()} | changes).items() if getattr(job, name) != value
    }
    return replace(job, **changed) if changed else job


def _stated(job: Job, policy: Policy, interactive: bool, who: str) -> Consent:
    """`who`: which of several persons in the portrait, for the question and for what is remembered."""
    return resolve_consent(
        job.consent,
        job.portrait + who,
        lambda: file_sha256(job.portrait) + who,
        ask=ask_at_terminal if interactive else None,
        memory=config_folder() if interactive else None,
        policy=policy.consent_for(job.portrait),
    )


def resolve_consent(
    given: Mapping[str, Any] | None,
    portrait: str,
    portrait_sha256: Callable[[], str],
    *,
    ask: Ask | None = None,
    memory: Path | None = None,
    policy: Consent | None = None,
) -> Consent:
    """The statement that a job runs under: its own, one remembered, the answer of who is asked, or the studio's.

    Args:
        portrait: the picture's path, for the question and the refusal.
        portrait_sha256: gives the hash that answers are remembered by; called only where it is needed.
        ask: None: nobody is there to be asked.
        memory: the folder of the person's answers; None: they are neither read nor kept.

    Raises: SettingsError: nobody states anything; or the statement is wrong.
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
    """Ask the person at the terminal on standard error. Raises: SettingsError: they gave no answer that counts."""

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
