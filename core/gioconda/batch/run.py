"""A plan rendered on this machine: workers are given items, and replaced when they die, until all is done.

    facts = run(plan, settings, report)

What can go wrong with an item ends that item; what ends the run (a full disk, Ctrl-C) leaves whole frames, and the same
command goes on from there.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..errors import DiskFullError, ExitCode, GiocondaError, InputError
from ..job.job import Job
from ..motion.files import is_video
from ..worker.messages import BatchProgress, Error, Log, Message, Progress, Report, Result, Stage, Warn
from ..worker.process import how_it_ended, own_command
from . import resources
from .plan import Item, Plan
from .pool import Pool, Worker
from .results import Results
from .schedule import Schedule
from .settings import Delivery

REPORT_SECONDS = 0.5  # seconds between two reports of progress that differ
REPEAT_SECONDS = 2.0  # and between two that do not: whoever listens knows that the batch still runs
MAX_FAILED_STARTS = 3  # workers that die before they have done anything, after which there is no sense in starting more


@dataclass(frozen=True)
class RunSettings:
    """What a run may do."""

    overwrite: bool = False  # render everything anew
    keep_going: bool = False  # go on with the others when an item cannot be rendered
    processes: int | None = None  # None: what the machine carries
    timeout: float = 900.0  # seconds without a word after which a worker is taken for dead


class BatchError(GiocondaError):
    """Not everything could be rendered."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.exit_code = ExitCode(code)


def worker_command() -> tuple[list[str], dict[str, str]]:
    """How a worker is started."""
    return own_command("serve", "--json")


def render_request(job: Job, delivery: Delivery, **more: Any) -> dict[str, Any]:
    """What a worker is asked to render an item; `more`: the other fields of `requests.Render`."""
    return {"request": "render", "job": asdict(job), "delivery": asdict(delivery), **more}


def run(plan: Plan, settings: RunSettings, report: Report) -> dict[str, Any]:
    """Render a plan. Returns what was made, as plain data.

    Raises: InputError: items that cannot be rendered, where that is not to be passed over. BatchError: some items
    failed. DiskFullError, OutputError, CancelledError: it was stopped.
    """
    folder = plan.batch.report_folder
    with Results(folder, plan) as results:
        _fail_bad_items(plan, settings, results, report)
        share = share_of(plan, results.left, settings.processes)
        report(Log(f"{share.processes} processes with {share.threads} threads each ({share.reason})."))
        try:
            with Pool(*worker_command(), results.logs) as pool:
                _Run(plan, settings, report, results, share, pool).loop()
        except (GiocondaError, KeyboardInterrupt) as error:
            results.finish("stopped", str(error))
            raise
        facts = results.finish("done" if not results.failed else "partial")
    if results.failed:
        report(Log(facts["text"]))
        raise BatchError(*_verdict(results, facts))
    return facts


def share_of(plan: Plan, items: int, processes: int | None) -> resources.Share:
    """How so many of a plan's items are spread over processes; `processes`: the user's own number."""
    largest = max(portrait.size[0] * portrait.size[1] for portrait in plan.portraits)
    device = str(plan.batch.settings.get("device", "auto"))
    return resources.share(items, largest, device=device, wanted=processes or plan.batch.processes)


def _verdict(results: Results, facts: dict[str, Any]) -> tuple[str, int]:
    first = results.first_failure
    codes = set(results.codes)
    code = codes.pop() if len(codes) == 1 and not results.done else ExitCode.PARTIAL
    more = f" and {results.failed - 1} more" if results.failed > 1 else ""
    left = f"; {results.left} were not begun (--keep-going goes on)" if results.left else ""
    return f"{results.failed} of {results.total} items failed{left}: {first}{more}; see {facts['page']}.", code


def _fail_bad_items(plan: Plan, settings: RunSettings, results: Results, report: Report) -> None:
    """Report the items that are known not to work. Raises: InputError: nobody said to go on with the others."""
    bad = [(item, *problem) for item in plan.items if (problem := plan.problem(item))[0]]
    if not bad:
        return
    if len(bad) == len(plan.items):
        raise InputError(f"None of the {len(bad)} items can be rendered: {bad[0][0].name}: {bad[0][1]}")
    if not (settings.keep_going or plan.batch.keep_going):
        reasons = dict.fromkeys(text for _, text, _ in bad)
        raise InputError(
            f"{len(bad)} of {len(plan.items)} items cannot be rendered: {' '.join(list(reasons)[:5])} "
            "Put it right, or --keep-going renders the others."
        )
    for item, text, code in bad:
        results.fail(item, text, code)
        report(Warn(f"{item.name}: {text}"))


class _Run:
    """The state of a run while it lasts."""

    def __init__(
        self, plan: Plan, settings: RunSettings, report: Report, results: Results, share: resources.Share, pool: Pool
    ) -> None:
        self.plan, self.settings, self.report = plan, settings, report
        self.results, self.share, self.pool = results, share, pool
        # the tracking of a video costs so much that only one worker should do it
        needs = ((item, item.motion.file if is_video(item.motion.file) else None) for item in plan.items)
        waiting = ((item.index, plan.portrait_key(item), video) for item, video in needs if not results.has(item))
        self.schedule = Schedule(waiting)
        self.processes = share.processes
        self.deaths: Counter[int] = Counter()  # item → how often its worker died without a new frame
        self.frames: Counter[int] = Counter()  # item → frames finished so far
        self.rows: dict[int, dict[str, Any]] = {}  # worker → what it is doing
        self.failed_starts = 0
        self.oom_kills = resources.oom_kills()
        self.closing = False  # nothing more is given out
        self.reported_at = 0.0
        self.reported = ""

    def loop(self) -> None:
        while True:
            self._assign_items()
            busy = [worker for worker in self.pool.workers if worker.item is not None]
            if not busy and (self.closing or not self.schedule.left):
                return
            for event in self.pool.events(REPORT_SECONDS):
                self._handle(*event)
            self._report_progress()
            for worker in self.pool.workers:
                if worker.item is not None and time.monotonic() - worker.heard > self.settings.timeout:
                    self._log(worker, f"silent for {self.settings.timeout:.0f} seconds: killed")
                    worker.kill()

    def _assign_items(self) -> None:
        """Enough workers, each with an item."""
        if self.closing:
            return
        while len(self._usable()) < self.processes and self.schedule.left > self._idle():
            worker = self.pool.start(self.share.environment(self.pool.started + 1))
            self.rows[worker.number] = {}
        for worker in self._usable()[: self.processes]:
            if worker.item is None and (number := self.schedule.take(worker.number)) is not None:
                self._assign(worker, self.plan.items[number - 1])

    def _usable(self) -> list[Worker]:
        return [worker for worker in self.pool.workers if not worker.stopping]

    def _idle(self) -> int:
        return sum(worker.item is None for worker in self._usable())

    def _assign(self, worker: Worker, item: Item) -> None:
        job = self.plan.job(item)
        job = replace(job, threads=job.threads or self.share.threads)
        worker.item, worker.heard = item.index, time.monotonic()
        self.rows[worker.number] = {"item": item.name, "stage": "start", "done": 0, "total": self.plan.frames(item)[1]}
        self._log(worker, f"begun by worker {worker.number}, attempt {self.results.attempt(item)}")
        overwrite = self.settings.overwrite and not self.deaths[item.index]
        files = {"manifest": str(self.results.manifest(item)), "thumb": str(self.results.thumb(item))}
        worker.ask(render_request(job, self.plan.batch.delivery, overwrite=overwrite, **files))

    def _handle(self, worker: Worker, request: int | None, message: Message | None) -> None:
        if message is None:
            self._ended(worker)
        elif worker.item is None or (isinstance(message, Error) and message.code == ExitCode.CANCELLED):
            return  # somebody else has ended the worker: its end is handled
        elif isinstance(message, Result | Error) and request is not None:
            self._answered(worker, self.plan.items[worker.item - 1], message)
        else:
            self._handle_progress(worker, worker.item, message)

    def _handle_progress(self, worker: Worker, number: int, message: Message) -> None:
        row = self.rows[worker.number]
        if isinstance(message, Stage):
            row["stage"] = message.name
            self._log(worker, message.text)
            if message.name == "render":
                self.schedule.portrait_ready(worker.number, number)
        elif isinstance(message, Progress):
            if message.path is not None:
                row["done"], row["total"] = message.done, message.total
                if message.done > self.frames[number]:
                    self.frames[number] = message.done
                    self.deaths[number] = 0
        elif isinstance(message, Log | Warn | Error):
            self._log(worker, ("note: " if isinstance(message, Warn) else "") + message.text)

    def _answered(self, worker: Worker, item: Item, answer: Result | Error) -> None:
        self.failed_starts = 0
        self.schedule.end(worker.number, item.index, made=isinstance(answer, Result))
        if isinstance(answer, Result):
            data = answer.data
            self.frames[item.index] = data.get("count", 0)
            self.results.succeed(item, {"state": "done", **data})
            self._log(worker, f"done: {data.get('rendered', 0)} frames rendered, {data.get('kept', 0)} kept")
        elif answer.cause == "memory" and self.processes > 1:
            self._retry_with_fewer(worker, item)
        else:
            self._failed(worker, item, answer)
        worker.item = None
        self.rows[worker.number] = {}

    def _retry_with_fewer(self, worker: Worker, item: Item) -> None:
        """Fewer processes need less memory together."""
        self.processes -= 1
        self.schedule.put_back(item.index)
        self.schedule.lost(worker.number)
        worker.stop()
        self._log(worker, "not enough memory: to be tried again with fewer processes")
        self.report(Warn(f"Memory ran out at {item.name}: going on with {self.processes} processes."))

    def _failed(self, worker: Worker, item: Item, error: Error) -> None:
        self._log(worker, f"failed: {error.text}")
        if error.cause == "disk":
            raise DiskFullError(error.text)
        self.results.fail(item, error.text, error.code)
        self.report(Warn(f"{item.name}: {error.text}"))
        if not (self.settings.keep_going or self.plan.batch.keep_going):
            self.closing = True

    def _ended(self, worker: Worker) -> None:
        """A worker is no more: as it should be, or with an item in its hands."""
        self.schedule.lost(worker.number)
        self.rows.pop(worker.number, None)
        code = worker.exit_code
        if worker.item is None:
            if code != 0 and not worker.stopping:
                self.failed_starts += 1
                if self.failed_starts >= MAX_FAILED_STARTS:
                    raise BatchError(f"Workers cannot be started. {worker.error}", ExitCode.FAILED)
            return
        item = self.plan.items[worker.item - 1]
        self.schedule.end(worker.number, item.index, made=False)
        how = how_it_ended(code)
        self._log(worker, f"the worker {how}")
        self._check_for_oom_kill(item)
        self.deaths[item.index] += 1
        if self.deaths[item.index] < self.plan.batch.attempts:
            self.results.again(item)
            self.schedule.put_back(item.index)
            self.report(Warn(f"{item.name}: its process {how}; trying again."))
        else:
            times = self.plan.batch.attempts
            why = f": {worker.error}" if code and code > 0 else "."
            text = f"Its process {how}, {times} times without a new frame{why}"
            self._failed(worker, item, Error(int(ExitCode.FAILED), text))
        worker.item = None

    def _check_for_oom_kill(self, item: Item) -> None:
        kills = resources.oom_kills()
        if kills > self.oom_kills and self.processes > 1:
            self.processes -= 1
            self.report(
                Warn(f"The system ended {item.name} for want of memory: going on with {self.processes} processes.")
            )
        self.oom_kills = kills

    def _report_progress(self) -> None:
        now = time.monotonic()
        if now - self.reported_at < REPORT_SECONDS:
            return
        done = sum(self.frames.values())
        state = str((self.rows, done, self.results.done, self.results.failed))
        if state == self.reported and now - self.reported_at < REPEAT_SECONDS:
            return
        self.reported_at, self.reported = now, state
        spent = now - self.results.began
        self.report(
            BatchProgress(
                done=self.results.done,
                failed=self.results.failed,
                total=self.results.total,
                frames=done,
                of_frames=self.results.frames,
                seconds_left=round(spent / done * max(0, self.results.frames - done), 1) if done else None,
                rows={str(number): row for number, row in self.rows.items()},
            )
        )

    def _log(self, worker: Worker, text: str) -> None:
        if worker.item is not None:
            self.results.log(self.plan.items[worker.item - 1], text)
