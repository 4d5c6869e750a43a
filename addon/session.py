"""What is going on while Blender runs: per portrait its progress and last error, the warm worker, the tasks.

Nothing here is stored in the .blend and nothing holds on to Blender's data: portraits are known by their session_uid,
so that undo, renaming and closing a file cannot leave a dead pointer. `pump` does one short round of everything;
timers, modal operators and background renders all call it.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import bpy

from ..core.gioconda.errors import ExitCode
from ..core.gioconda.worker import messages
from . import interpreter
from .compositing import nodes
from .panels.drawing import areas
from .worker import Worker

BUSY_SECONDS = 0.05  # between two rounds while something is going on
SLICE_SECONDS = 0.03  # a task's share of one round: the window stays responsive


@dataclass
class Record:
    """One portrait's state, for the panel to read. `progress`: 0 to 1, None while nothing runs."""

    progress: float | None = None
    stage: str = ""
    seconds_left: float | None = None  # of a rendering
    last_error: str = ""
    log_path: str = ""
    note: str = ""  # the last thing worth telling

    def show(self, stage: str = "", progress: float | None = None) -> None:
        """What goes on now, nothing if not said; in every panel."""
        self.stage, self.progress, self.seconds_left = stage, progress, None
        redraw()


class Task(Protocol):
    """Something that takes a while. `step` does a little of it, without waiting."""

    uid: int  # of the portrait it is for
    outcome: str  # "" while it runs, then "done", "failed" or "cancelled"
    text: str  # how it ended, for people

    def step(self) -> bool:
        """Do up to SLICE_SECONDS of work. Returns whether all is done."""

    def cancel(self) -> None:
        """Ask it to stop; `step` is called until it says it is done."""

    def abandon(self) -> None:
        """Stop at once, without a word: the file is being closed."""


@dataclass
class _Session:
    records: dict[int, Record]
    tasks: list[Task]
    worker: Worker | None
    waiting: dict[int, tuple[int, Callable[[messages.Message], None]]]  # request → (portrait, who wants to know)
    idle: list[Callable[[], None]]  # called every round
    stage: messages.Stage | None = None  # what the worker does before it can answer anyone: it loads
    longest: float = 0.0  # seconds, of all rounds: what the window had to wait


_session = _Session({}, [], None, {}, [])


# --- portraits --------------------------------------------------------------------------------------------------------


def active_portrait(context: bpy.types.Context) -> bpy.types.NodeTree | None:
    """The portrait the panels show: the node selected in a compositor's editor (or the one whose inside is open
    there), else the one chosen in the scene, else the first the scene has."""
    space = context.space_data
    if getattr(space, "tree_type", "") == "CompositorNodeTree" and space.edit_tree:
        if nodes.is_portrait(space.edit_tree):
            return space.edit_tree
        node = space.edit_tree.nodes.active
        if node is not None and node.bl_idname == "CompositorNodeGroup" and nodes.is_portrait(node.node_tree):
            return node.node_tree
    there = nodes.portraits(context.scene)
    chosen = context.scene.gioconda_portrait
    return chosen if chosen in there else next(iter(there), None)


def tree_of(uid: int) -> bpy.types.NodeTree | None:
    """The portrait of a session_uid, None once it is gone."""
    return next((tree for tree in bpy.data.node_groups if tree.session_uid == uid), None)


def state(tree: bpy.types.NodeTree) -> Record:
    """What is known of a portrait."""
    return _session.records.setdefault(tree.session_uid, Record())


def fail(tree: bpy.types.NodeTree | None, error: Exception | str) -> None:
    """Keep an error for the panel, until the next success or `forget_error`."""
    if tree is not None:
        state(tree).last_error = str(error)
        redraw()


def forget_error(tree: bpy.types.NodeTree) -> None:
    """The last error is settled."""
    state(tree).last_error = ""


def has_log(tree: bpy.types.NodeTree) -> bool:
    """Whether there is a log that could be opened."""
    path = state(tree).log_path
    return bool(path) and Path(path).is_file()


def tell(tree: bpy.types.NodeTree | None, text: str) -> None:
    """Keep something worth knowing for the panel."""
    if tree is not None:
        state(tree).note = text
        redraw()


# --- tasks ------------------------------------------------------------------------------------------------------------


def start(task: Task, *, first: bool = False) -> None:
    """Begin a task; tasks run one after the other, in the order they came. `first`: a short one, before all others."""
    _session.tasks.insert(0 if first else len(_session.tasks), task)
    wake()


def task_of(tree: bpy.types.NodeTree) -> Task | None:
    """What is being done for a portrait, or waits its turn."""
    return next((task for task in _session.tasks if task.uid == tree.session_uid), None)


def each_round(function: Callable[[], None]) -> None:
    """Call a function in every round from now on, for as long as `stop_round` is not called."""
    if function not in _session.idle:
        _session.idle.append(function)
    wake()


def stop_round(function: Callable[[], None]) -> None:
    """The opposite of `each_round`."""
    if function in _session.idle:
        _session.idle.remove(function)


def pump() -> float | None:
    """One round: the first task works for a moment, the worker's answers are handed out. Returns the seconds until the
    next round, None when there is nothing to do. Raises nothing: errors are kept for the panel."""
    started = time.perf_counter()
    _step_first_task()
    for function in list(_session.idle):
        function()
    listen()
    _session.longest = max(_session.longest, time.perf_counter() - started)
    return BUSY_SECONDS if _session.tasks or _session.waiting or _session.idle else None


def _step_first_task() -> None:
    if not _session.tasks:
        return
    task = _session.tasks[0]
    done = True
    try:
        done = task.step()
    except BaseException:
        task.abandon()  # whoever waits for it must not wait for ever
        raise
    finally:
        if done and task in _session.tasks:
            _session.tasks.remove(task)
            _session.records.setdefault(task.uid, Record()).show()
        _show_in_status_bar()
        redraw()


def wake() -> None:
    """Make sure that rounds happen. (In background Blender's timers never fire: there the operator calls `pump`.)"""
    if not bpy.app.timers.is_registered(pump):
        bpy.app.timers.register(pump, first_interval=0.0, persistent=True)


# --- the warm worker --------------------------------------------------------------------------------------------------


def worker() -> Worker:
    """The worker that stays, started when first needed and again after it died.

    Raises: GiocondaError: it cannot be started.
    """
    if _session.worker is None or not _session.worker.alive:
        stop_worker()
        _session.worker = Worker(*interpreter.command())
    return _session.worker


def stop_worker() -> None:
    """Let it go: its settings changed, or Blender closes. What was asked of it is forgotten."""
    if _session.worker is not None:
        _session.worker.stop()
    _session.worker = _session.stage = None
    _session.waiting.clear()


def ask(
    request: dict[str, Any], on_message: Callable[[messages.Message], None], *, tree: bpy.types.NodeTree | None = None
) -> int:
    """Send the worker a request (see core's requests.py, without "id"). `on_message` gets every message of the answer,
    in Blender's main thread, the last one a Result or an Error; for that of a dead worker, an Error too.

    `tree`: whose panel a failure is shown in. Returns the request's id.

    Raises: GiocondaError: the worker cannot be started.
    """
    number = worker().ask(request)
    _session.waiting[number] = (0 if tree is None else tree.session_uid, on_message)
    if _session.stage is not None:
        on_message(_session.stage)
    wake()
    return number


def withdraw(number: int) -> None:
    """The answer to a request is not wanted any more; harmless when it has come."""
    there = _session.worker
    if _session.waiting.pop(number, None) is not None and there is not None and there.alive:
        there.ask({"request": "cancel", "which": number})


def listen() -> None:
    """Hand out the worker's answers that are there, without a whole round: for work that cannot be put off."""
    there = _session.worker
    if there is None or not _session.waiting:
        return
    for number, message in there.poll():
        if number is None and isinstance(message, messages.Stage):  # for all who wait: the worker is loading
            _session.stage = message
            for _, on_message in list(_session.waiting.values()):
                on_message(message)
        if number not in _session.waiting:
            continue
        uid, on_message = _session.waiting[number]
        if isinstance(message, messages.Result | messages.Error):
            del _session.waiting[number]
            _session.stage = None
        tree = tree_of(uid) if uid else None
        if tree is not None and isinstance(message, messages.Error) and message.code != ExitCode.CANCELLED:
            state(tree).log_path = str(there.log_path)
            fail(tree, message.text)
        on_message(message)


# --- the window -------------------------------------------------------------------------------------------------------


def redraw() -> None:
    """Let every open panel of ours draw itself again."""
    for area in areas("NODE_EDITOR", "VIEW_3D", "IMAGE_EDITOR"):
        for region in area.regions:
            if region.type == "UI":
                region.tag_redraw()


def _show_in_status_bar() -> None:
    """What is being done, in the status bar; nothing once all is done."""
    if bpy.app.background or bpy.context.workspace is None:
        return
    text = None
    if _session.tasks:
        record = _session.records.get(_session.tasks[0].uid)
        text = f"Gioconda: {progress_text(record)}   (Esc over the window that started it stops)" if record else None
    with contextlib.suppress(AttributeError):  # no workspace while a file is being opened
        bpy.context.workspace.status_text_set(text)


def progress_text(record: Record) -> str:
    """What a portrait's record says of the work going on, for the panel and the status bar."""
    left = "" if record.seconds_left is None else f", {clock(record.seconds_left)} left"
    return f"{record.stage or 'Waiting'}{left}"


def clock(seconds: float) -> str:
    """75 → "1:15"."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def folder() -> Path:
    """Our own folder among the user's extension data: baked motions, copied pictures, logs."""
    return interpreter.user_folder("work")


# --- Blender's events -------------------------------------------------------------------------------------------------


def close() -> None:
    """Stop everything at once and forget it: a file is being closed, or the add-on switched off."""
    for task in _session.tasks:
        task.abandon()
    _session.tasks.clear()
    _session.idle.clear()
    stop_worker()
    _session.records.clear()


@bpy.app.handlers.persistent
def _before_load(*_: object) -> None:
    close()


HANDLERS = (("load_pre", _before_load),)


def unregister() -> None:
    if bpy.app.timers.is_registered(pump):
        bpy.app.timers.unregister(pump)
    close()
