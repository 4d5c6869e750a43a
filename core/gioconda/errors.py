"""What goes wrong for users, each with a sentence they can act on. Standard library only.

Every error a user can cause is a `GiocondaError`. The message is one sentence: what is wrong, in which file, what to
do. The command line and the add-on catch `GiocondaError` at their outermost edge and nothing else.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The process's exit status: stable, so that a farm can tell a bad input from a fault worth retrying."""

    OK = 0
    FAILED = 1  # something unexpected: a bug, worth reporting
    USAGE = 2  # the command line is wrong (argparse's own code)
    BAD_INPUT = 3  # a file the user gave is missing, broken or unsuitable
    NO_FACE = 4  # the picture is fine, but no face (or not the asked-for one) was found in it
    OUTPUT = 5  # the result cannot be written: no permission, disk full
    MODELS = 6  # a model file is missing or is not the expected one
    DEVICE = 7  # the asked-for device or provider is not available
    PARTIAL = 8  # some items of a batch failed, all others are done
    CANCELLED = 130  # Ctrl-C, SIGTERM


class GiocondaError(Exception):
    """Anything a user can put right. `str(error)` is the sentence to show."""

    exit_code = ExitCode.FAILED

    def __str__(self) -> str:
        return printable(super().__str__())


MAX_LETTERS = 1200  # letters of a sentence; a file can hold names of any length


def printable(text: str) -> str:
    """Text that may come from an untrusted file, for a terminal or a log: nothing unprintable, of limited length."""
    clean = "".join(
        letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return clean if len(clean) <= MAX_LETTERS else clean[: MAX_LETTERS // 2] + " … " + clean[-MAX_LETTERS // 2 :]


def one_line(error: BaseException) -> str:
    """What a library's exception says, for the inside of a sentence."""
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__


class InputError(GiocondaError):
    """A file or value given by the user is missing, broken or unsuitable."""

    exit_code = ExitCode.BAD_INPUT


class PictureError(InputError):
    """A picture cannot be read or used."""


class MotionError(InputError):
    """A motion file cannot be read or used. Name the line and the column where there is one."""


class SettingsError(InputError):
    """A job, a setting or an option has a value that cannot be used."""


class NoFaceError(GiocondaError):
    """No face was found, or not the one asked for."""

    exit_code = ExitCode.NO_FACE


class OutputError(GiocondaError):
    """A result cannot be written."""

    exit_code = ExitCode.OUTPUT


class DiskFullError(OutputError):
    """There is no room for a result: nothing else can be written either."""


class ModelError(GiocondaError):
    """A model file is missing or is not the expected one."""

    exit_code = ExitCode.MODELS


class DeviceError(GiocondaError):
    """The asked-for device is not available."""

    exit_code = ExitCode.DEVICE


class CancelledError(GiocondaError):
    """The user or the farm asked to stop. Finished frames are whole; running the same command again resumes."""

    exit_code = ExitCode.CANCELLED
