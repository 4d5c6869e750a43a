"""A job with the statement it runs under, or a refusal: what every command that renders calls first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..files import config_folder, file_sha256, policy_file
from ..job.consent import ask_at_terminal, settle
from ..job.job import Job
from .policy import Policy, read_policy


def open_policy(path: str | None) -> Policy:
    """The named policy file, else the one that this machine or user has; an empty policy where there is none.

    Raises:
        InputError, SettingsError: the file is there, or named, and cannot be used.
    """
    found = Path(path) if path else policy_file()
    return read_policy(found) if found else Policy()


def with_consent(job: Job, policy: Policy, *, interactive: bool) -> Job:
    """The job with the statement under which its portrait may be animated.

    Args:
        interactive: a person sits at the terminal and can be asked, once for each portrait.

    Raises:
        SettingsError: nobody states the right.
        InputError: the portrait cannot be read.
    """
    consent = settle(
        job.consent,
        job.portrait,
        lambda: file_sha256(job.portrait),
        ask=ask_at_terminal if interactive else None,
        memory=config_folder() if interactive else None,
        policy=policy.consent_for(job.portrait),
    )
    return replace(job, consent=consent.plain())
