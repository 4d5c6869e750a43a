"""`gioconda batch worker`: takes items as JSON lines on standard input, one after another, until there are no more.

Between an item's line and its result every message is about that item. A result says how it went:
{"item": 3, "state": "done", …}, or {"item": 3, "state": "failed", "code": 3, "text": …, "cause": …}, where the cause is
"disk", "memory" or "".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ..errors import CancelledError, DiskFullError, ExitCode, GiocondaError, SettingsError
from ..worker.messages import Error, Report, Result, Warn
from .item import Portraits, Task, plain, run_item


def work(lines: Iterable[str], report: Report, explain: Callable[[Exception], Error]) -> None:
    """Do what is asked. `explain`: the sentence for an exception that is no GiocondaError.

    Raises:
        CancelledError: asked to stop. SettingsError: a line that is no task.
    """
    portraits = Portraits()
    for line in lines:
        try:
            task = Task.from_line(line)
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"The worker was sent something that is no task ({error}).") from error
        try:
            data = {"state": "done", **_with_any_device(task, portraits, report)}
        except (CancelledError, BrokenPipeError):
            raise
        except Exception as error:  # an item's failure, whatever it is, is an answer: the other items go on
            data = failure(error, explain)
            if data["cause"] == "memory":
                portraits = Portraits()
        report(Result("item", plain({"item": task.item, **data})))


def _with_any_device(task: Task, portraits: Portraits, report: Report) -> dict[str, Any]:
    """A graphics card that fails in the middle is done without, unless the job insists on it."""
    try:
        return run_item(task, portraits, report)
    except Exception as error:
        if task.job.device != "auto" or not of_the_nets(error):
            raise
        report(Warn(f"The nets failed on this device ({type(error).__name__}): going on with the processor."))
        return run_item(replace(task, job=replace(task.job, device="cpu")), portraits, report)


def of_the_nets(error: BaseException) -> bool:
    """Whether ONNX Runtime raised it: its classes share no base, only the place they come from."""
    return any(type(one).__module__.partition(".")[0] == "onnxruntime" for one in (error, error.__cause__))


def failure(error: Exception, explain: Callable[[Exception], Error]) -> dict[str, Any]:
    """What is told of an item that failed."""
    if isinstance(error, GiocondaError):
        cause = "disk" if isinstance(error, DiskFullError) else ""
        return {"state": "failed", "code": int(error.exit_code), "text": str(error), "cause": cause}
    if isinstance(error, MemoryError) or "nsufficient memory" in str(error) or "bad allocation" in str(error):
        text = "There is not enough memory for this picture."
        return {"state": "failed", "code": int(ExitCode.FAILED), "text": text, "cause": "memory"}
    told = explain(error)
    return {"state": "failed", "code": told.code, "text": told.text, "cause": ""}
