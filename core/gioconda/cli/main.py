"""`gioconda …`: parse, call, turn errors into a sentence and an exit status. Heavy modules are imported where used."""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import fields, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..errors import CancelledError, DeviceError, DiskFullError, ExitCode, GiocondaError, SettingsError
from ..files import expanded
from ..job.consent import Consent
from ..job.job import REST, Job
from ..job.passes import ALL_PASSES
from ..job.person import Person
from ..job.retarget import GAINS, RetargetSettings
from ..job.settings import declared
from ..machine import compute_alike
from ..worker.messages import Error, Hello, JsonLines, Log, Message, Report, Result, Warn
from . import options

if TYPE_CHECKING:
    from ..batch.settings import Delivery

Arguments = argparse.Namespace
Data = dict[str, Any] | None  # what a command made or found; None: it has told it
PIN = (
    "Each machine chooses its own networks for its share of this job's frames: "
    "write neural: fast, full or off into the job where several machines render it."
)
# How libraries say that there is no memory: OpenCV, ONNX Runtime, the loader of shared objects, threads.
NO_MEMORY = (
    *("nsufficient memory", "bad allocation", "failed to map segment", "annot allocate memory", "std::bad_alloc"),
    *("Could not find/load shared object file", "can't start new thread"),
)
LEAST_ADDRESSES = 2_000_000_000  # bytes that a process must be allowed to map: at 512 × 600, 1.6 GB fail and 2.2 do
STOP_SECONDS = 30.0  # from the first signal to the end, whatever a library is doing: frames are whole or not there
STOPPED = "Stopped: finished frames are whole; the same command with --resume goes on from there."
DEFAULTS = "defaults.yaml"
_asked = threading.Event()  # to stop
_immediate = threading.Event()  # set while the first signal ends the command: nothing of ours is being written
# Commands and actions that only read, or write something that is whole or not there.
READERS = {"analyse", "models", "engines", "doctor", "verify", "plan", "schema", "export", "warm"}
STOPPED_GOING_ON = {  # commands that need no --resume
    "batch": "Stopped: finished frames are whole; the same command goes on from there.",
    "train": "Stopped: what was learned up to the last checkpoint is kept; the same command goes on from there.",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status; a wrong command line leaves by SystemExit(2), as argparse does."""
    compute_alike()
    words = sys.argv[1:] if argv is None else list(argv)
    if not words:
        print(options.GREETING)
        return ExitCode.OK
    try:
        defaults = users_defaults()
        arguments = options.parser(defaults).parse_args(words)
    except GiocondaError as error:
        print(f"gioconda: {error}", file=sys.stderr)
        return error.exit_code
    arguments.quiet = arguments.quiet or arguments.log_level == "error"
    arguments.debug = arguments.debug or arguments.log_level == "debug"
    with _messages(arguments) as tell, _stoppable() as stopped:

        def report(message: Message) -> None:
            tell(message)
            if stopped.is_set() and not isinstance(message, Result):
                raise CancelledError(STOPPED)

        try:
            if arguments.json:
                tell(Hello())
            if arguments.command == "serve":
                _serve(arguments, tell, stopped)
            else:
                _call(arguments, report)
            return ExitCode.OK
        except BrokenPipeError:  # whoever listened has gone: nobody to tell, now or when Python flushes at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return ExitCode.CANCELLED
        except Exception as error:  # the outermost edge: whatever it is must end in a sentence
            failure = _failure(error, arguments, stopped.is_set())
            tell(failure)
            return failure.code


def users_defaults() -> dict[str, Any]:
    """What defaults.yaml in the user's settings says: option → value. Raises: InputError, SettingsError."""
    from ..files import config_folder

    folder = config_folder()
    if folder is None or not (path := folder / DEFAULTS).is_file():
        return {}
    from ..job.document import read_document

    document = read_document(path)
    for name in document.data:
        if name not in options.USERS:
            raise document.error(
                (name,), f"is no option with a default of yours; known are {', '.join(options.USERS)}."
            )
    found = {name: ",".join(value) if isinstance(value, list) else value for name, value in document.data.items()}
    try:
        options.parser(found)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error
    return found


# --- the edge -------------------------------------------------------------------------------------------------------


@contextmanager
def _messages(arguments: Arguments) -> Iterator[Report]:
    """Where messages go. With --json the real standard output is theirs; what libraries print goes to stderr."""
    if not arguments.json and arguments.command == "farm" and arguments.action == "task":
        from ..farm.engine_lines import EngineLines

        yield EngineLines(sys.stdout, quiet=arguments.quiet)
        return
    if not arguments.json:
        from .console import Console

        with Console(quiet=arguments.quiet, notes_only=arguments.log_level == "warning") as console:
            yield console
        return
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    try:
        with (
            suppress(BrokenPipeError),
            os.fdopen(os.dup(ours), "w", encoding="utf-8", errors="backslashreplace") as stream,
        ):
            yield JsonLines(stream)
    finally:
        os.dup2(ours, 1)
        os.close(ours)


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """SIGTERM, a farm's way to ask, and Ctrl-C stop the work at the next message; asked a second time, at once."""
    asked, timers = _asked, list[threading.Timer]()
    asked.clear()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        before = asked.is_set()
        asked.set()
        if not before:
            timers.append(_end_within(STOP_SECONDS, ExitCode.CANCELLED))
        if before or _immediate.is_set():
            raise CancelledError(STOPPED)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for timer in timers:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _at_once() -> Iterator[None]:
    """What only reads or waits for others is stopped by the first signal, wherever it is."""
    outer = _immediate.is_set()
    _immediate.set()
    try:
        if _asked.is_set():
            raise CancelledError(STOPPED)
        yield
    finally:
        if not outer:
            _immediate.clear()


def _failure(error: Exception, arguments: Arguments, stopped: bool) -> Error:
    """What to tell. Once it was asked to stop, whatever fails is part of stopping."""
    if stopped:
        otherwise = STOPPED if hasattr(arguments, "resume") else "Stopped."
        return Error(int(ExitCode.CANCELLED), STOPPED_GOING_ON.get(arguments.command, otherwise))
    if isinstance(error, GiocondaError):
        return Error(int(error.exit_code), str(error), "disk" if isinstance(error, DiskFullError) else "")
    if _wants_memory(error):
        return Error(int(ExitCode.FAILED), f"There is not enough memory{_memory_limit()}.", "memory")
    return Error(int(ExitCode.FAILED), _bug(error, arguments))


def _wants_memory(error: BaseException | None) -> bool:
    """Whether an error, or one it was raised from, is for want of memory, in whatever words a library says so."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        if any(words in str(error) for words in NO_MEMORY):
            return True
        error = error.__cause__ or error.__context__
    return False


def _memory_limit() -> str:
    """The limit on this process's memory, for people; "" where there is none: then the picture is too large."""
    with suppress(ImportError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            return f": this process may have {limit / 1e9:.1f} GB of addresses (ulimit -v); 4 GB are enough for most"
    return " for a picture of this size"


def _refuse_little_memory() -> None:
    """Raises: MemoryError: this process may have less than the libraries and networks take by themselves. Inside them
    it would end without a sentence, or not at all: OpenBLAS tries again and again, ONNX Runtime waits for threads."""
    with suppress(ImportError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESSES:
            raise MemoryError


def _bug(error: Exception, arguments: Arguments) -> str:
    """The traceback goes to a file (or, with --debug, to stderr); the user gets a sentence."""
    text = "".join(traceback.format_exception(error))
    if arguments.debug:
        print(text, file=sys.stderr)
        return f"This is a bug in Gioconda ({type(error).__name__}: {error})."
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="gioconda-bug-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(f"gioconda {' '.join(sys.argv[1:])}\n{text}")
    except OSError:  # a full disk, perhaps the very reason
        print(text, file=sys.stderr)
        return f"This is a bug in Gioconda ({type(error).__name__}: {error}); its trace is in the log."
    return f"This is a bug in Gioconda ({type(error).__name__}); please report it with {file.name}."


# --- the commands ---------------------------------------------------------------------------------------------------


def _analyse(arguments: Arguments, report: Report) -> Data:
    from ..imaging.image import judge_picture

    names = ("face", "points", "colorspace", "ocio", "layer", "models", "device")
    settings = {name: getattr(arguments, name) for name in names}
    judge_picture(
        arguments.portrait, colorspace=arguments.colorspace, ocio_config=arguments.ocio, layer=arguments.layer
    )
    _use_threads()
    from ..face.analyse import save_analysis
    from ..imaging.draw import draw_landmarks
    from ..imaging.image import write_png
    from ..render.open_portrait import find_face
    from ..worker.requests import Analyse

    source, found = find_face(Analyse(0, arguments.portrait, "", **settings), report)
    if arguments.output:
        save_analysis(found, Path(arguments.output))
    if arguments.overlay:
        write_png(arguments.overlay, draw_landmarks(source.srgb, found.landmarks))
    left, top, right, bottom = (round(float(side)) for side in found.box)
    facts = {"face": found.face, "faces": found.faces, "score": round(found.score, 4), "size": list(found.size)}
    made = [path for path in (arguments.output, arguments.overlay) if path]
    text = f"Face {found.face} of {found.faces} at x {left} to {right}, y {top} to {bottom}, score {found.score:.2f}"
    text = ": ".join([text, ", ".join(made)]) if made else text
    return {**facts, "box": [left, top, right, bottom], "files": made, "text": text}


def _animate(arguments: Arguments, report: Report) -> Data:
    delivery = _delivery(arguments)
    job = _allowed(_job_of(arguments), arguments, refuse=not arguments.save_job)
    if arguments.save_job:
        from ..files import write_text
        from ..neural.choice import resolved

        path = Path(arguments.save_job)
        job = resolved(job, report)  # it may be rendered on several machines
        write_text(path, job.anchored(Path.cwd()).to_json())
        again = f"gioconda job {shlex.quote(str(path))} --allow-outside"  # its paths are absolute
        return {"job": str(path), "text": f"The job is in {path}: {again}"}
    made = _run(job, report)
    return _delivered(job, delivery, made, report) if delivery else made


def _delivery(arguments: Arguments) -> Delivery | None:
    """What --formats asks for; an output such as out/####.png asks for it too. Raises: SettingsError."""
    given, output = arguments.formats, Path(arguments.output)
    kind = output.suffix[1:].lower()
    if kind in ("png", "webp"):
        given, arguments.output = ",".join(filter(None, (given, kind))), str(output.with_suffix(".exr"))
    if not given:
        return None
    if arguments.save_job:
        raise SettingsError("--formats is no part of a job: save it, and say gioconda deliver of its frames.")
    from ..batch.commands import formats_of
    from ..batch.settings import Delivery

    return Delivery(formats_of(given))


def _delivered(job: Job, delivery: Delivery, made: Data, report: Report) -> Data:
    """Make other formats of a job's frames; where nobody asked for EXR frames, these go."""
    from ..batch.commands import deliver_job

    return deliver_job(job, delivery, made or {}, report)


def _job(arguments: Arguments, report: Report) -> Data:
    from ..farm.path_map import load_rules, mapped_job

    rules = load_rules(arguments.path_map)
    job = _saved_job(arguments.file, arguments, lambda job: mapped_job(job, rules))
    changes: dict[str, Any] = {} if arguments.frames is None else {"frames": arguments.frames}
    changes |= {name: True for name in ("resume", "overwrite", "placeholders") if getattr(arguments, name)}
    changes |= {"review": None, "sheet": None} if arguments.no_review else {}
    changes |= {"keys": arguments.keys} if arguments.keys else {}
    changes |= {"consent": Consent.parse(arguments.consent).plain()} if arguments.consent else {}
    job = _allowed(replace(job, **changes), arguments)
    if arguments.frames is not None and job.neural == "auto" and job.identity is None:
        report(Warn(PIN))
    return _run(job, report, arguments.worker)


def _saved_job(path: Path, arguments: Arguments, mapped: Callable[[Job], Job] = lambda job: job) -> Job:
    """A job file. Raises: SettingsError: it reaches outside its folder, and nobody allowed that; InputError."""
    from ..batch.settings import read_job

    job = read_job(path, mapped)
    if not arguments.allow_outside:
        from ..provenance.policy import check_reach
        from ..provenance.rights import open_policy

        check_reach(job, path.absolute().parent, open_policy(arguments.policy).allow_outside)
    return job


def _live(arguments: Arguments, report: Report) -> Data:
    from ..live.sources import split_source

    split_source(arguments.source)  # before any work
    given = _given_job(arguments, {"motion", "output"})
    saved = None
    if arguments.portrait.lower().endswith(".json"):
        saved = _saved_job(Path(arguments.portrait), arguments)
    _use_threads(saved.threads if saved else arguments.threads)
    from ..live.session import LiveSettings, live_job, run

    job = _allowed(saved or live_job(**given), arguments)
    chosen = _given_of(LiveSettings, arguments)
    settings = LiveSettings(
        **chosen,
        calibration=arguments.calibrate,
        retarget={**(saved.retarget if saved else {}), **_gains(arguments.gain)},
    )
    return run(job, settings, report, _asked.is_set)


def _export(arguments: Arguments, report: Report) -> Data:
    _use_threads(arguments.threads)
    from ..export.command import ExportSettings, check, export, export_job

    chosen = _given_of(ExportSettings, arguments)
    settings = ExportSettings(**chosen, retarget=_gains(arguments.gain))
    check(settings)  # before any work
    given = _given_job(arguments, {"motion", "output", "neural"})
    return export(_allowed(export_job(**given), arguments), settings, report)


def _demo(arguments: Arguments, report: Report) -> Data:
    from .demo import demo_job

    changes = {name: getattr(arguments, name) for name in ("frames", "device", "threads", "models", "cache")}
    job = demo_job(arguments.output)
    return _run(replace(job, **changes, resume=not arguments.overwrite, overwrite=arguments.overwrite), report)


def _run(job: Job, report: Report, worker: Path | None = None) -> Data:
    """Render a job: by the warm worker of a folder, where there is one, else here."""
    if worker:
        from ..farm import warm

        with _at_once():
            made = warm.run(worker, job, report)
        if made is not None:
            return made
        job = replace(job, resume=not job.overwrite)  # what a worker finished before it died stays
    from ..render.judge import judge_job

    _refuse_little_memory()
    judge_job(job)
    _use_threads(job.threads)
    from ..render.sequence import render

    return render(job, report)


def _allowed(job: Job, arguments: Arguments, *, refuse: bool = True) -> Job:
    """The job with the statement under which its portrait may be animated; where nobody states it, it is refused."""
    from ..provenance.rights import open_policy, with_consent

    interactive = _interactive(arguments)
    if any(one.consent is None for one in job.of_persons() or (job,)) and not refuse and not interactive:
        return job
    return with_consent(job, open_policy(arguments.policy), interactive=interactive)


def _interactive(arguments: Arguments) -> bool:
    """Whether a person sits there and can be asked."""
    if getattr(arguments, "json", False) or getattr(arguments, "quiet", False):
        return False
    return all(stream is not None and not stream.closed and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _verify(arguments: Arguments, report: Report) -> Data:
    from ..farm.path_map import load_rules, mapped
    from ..provenance.verify import check_folder

    folder = Path(mapped(str(arguments.folder), load_rules(arguments.path_map)))
    files = {name: path for name in ("portrait", "motion") if (path := getattr(arguments, name))}
    return check_folder(folder, key=arguments.key, files=files)


def _farm(arguments: Arguments, report: Report) -> Data:
    if arguments.action == "export":
        from ..farm.export import export

        return export(arguments, report, interactive=_interactive(arguments))
    if arguments.action == "run":
        from ..farm.tasks import split_commands

        parser = options.parser()
        for words in split_commands(arguments.words):
            inner = parser.parse_args(words)
            inner.json = arguments.json
            _call(inner, report)
        return None
    if arguments.action == "task":
        from ..farm.stages import run_stage

        def command(*words: str) -> None:
            _call(options.parser().parse_args(words), report)

        def render(job: Job, share: Report) -> Data:
            return _run(_allowed(job, arguments), share, arguments.worker)

        run_stage(arguments, report, render=render, command=command)
        return None
    from ..farm import warm

    if arguments.stop:
        warm.stop(arguments.folder)
        return None
    ready = warm.start(arguments.folder)
    text = "A worker is ready." if ready else "No worker started; every task will load what it needs itself."
    return {"ready": ready, "text": text}


def _use_threads(count: int | None = None) -> None:
    """Before the work of whatever renders: its kernels take so many threads; None: as many as there are cores."""
    from .. import native

    native.set_threads(count)


def _serve(arguments: Arguments, tell: Report, stopped: threading.Event) -> None:
    from ..farm import warm
    from ..worker.requests import Analyse, Preview, Render, Warm
    from ..worker.server import Server, lines_of

    assert isinstance(tell, JsonLines)  # options.py sees to it
    server = Server(
        tell,
        explain=lambda error: _failure(error, arguments, stopped=False),
        at_end=_end_within,
        idle_seconds=warm.IDLE_SECONDS if arguments.folder else None,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.finish())
    if stopped.is_set():  # just before
        server.finish()
    with ExitStack() as stack:
        # at once: whoever asks shall not wait until everything is imported
        if arguments.folder:
            server.accept(stack.enter_context(warm.listener(arguments.folder)))
        else:
            server.listen(lines_of(0))
        stack.enter_context(suppress(CancelledError))
        _use_threads(arguments.threads)
        from ..batch.item import RenderService
        from ..render.preview import PreviewService

        previews, renders = PreviewService(server.check), RenderService()
        server.work({Analyse: previews.analyse, Preview: previews.preview, Warm: previews.warm, Render: renders.render})


def _end_within(seconds: float, status: int = 0) -> threading.Timer:
    """Whatever a library is doing, the process is gone by then: files are whole or not there."""
    timer = threading.Timer(seconds, os._exit, [int(status)])
    timer.daemon = True
    timer.start()
    return timer


def _track(arguments: Arguments, report: Report) -> Data:
    from ..motion.files import WRITTEN, is_video, load_motion, save_motion
    from ..motion.notes import notes_of

    output = Path(arguments.output)
    if not output.name.lower().endswith(WRITTEN):
        raise SettingsError(f"A motion cannot be saved as {output}; use {', '.join(WRITTEN[:-1])} or {WRITTEN[-1]}.")
    names = ("sound_drives", "text", "language", "voice_seed", "fps")
    voice = Job("", arguments.clip, "####.exr", **{name: getattr(arguments, name) for name in names})
    _use_threads()
    from ..render.open_motion import open_motion, speaks

    spoken = speaks(voice)
    if not spoken and arguments.fps is not None:
        raise SettingsError(f"--fps is about a voice, and {arguments.clip} is none: animate --fps gives it a rate.")
    if spoken:
        motion = open_motion(voice, report)
    elif is_video(arguments.clip):
        _use_threads()
        from ..render.open_motion import track
        from ..render.open_portrait import open_nets

        nets = open_nets(arguments.models, arguments.device, None, report)
        motion = track(Path(arguments.clip), nets, arguments.face, report)
    else:
        motion = load_motion(arguments.clip, arguments.face)
    for note in notes_of(motion):
        report(Warn(note))
    save_motion(motion, output)
    text = f"{len(motion)} frames at {motion.fps:g} per second: {output}"
    return {"frames": len(motion), "fps": motion.fps, "output": str(output), "text": text}


def _batch(arguments: Arguments, report: Report) -> Data:
    from ..batch.commands import batch

    _refuse_little_memory()
    return batch(arguments, report)


def _deliver(arguments: Arguments, report: Report) -> Data:
    from ..batch.commands import deliver
    from ..farm.path_map import load_rules, mapped

    arguments.output = mapped(arguments.output, load_rules(arguments.path_map))
    return deliver(arguments, report)


def _models(arguments: Arguments, report: Report) -> Data:
    from ..models import load_registry, model_path, models_folder

    folder = models_folder(arguments.models)
    models = load_registry(folder)
    if arguments.action == "build":
        report(Log("The networks come with Gioconda; in a checkout `make models` converts MediaPipe's anew."))
    if arguments.action != "list":
        for name in models:
            model_path(name, folder)
    there = {name: model for name, model in models.items() if (folder / model.file).is_file()}
    lines = [f"{'  ' if name in there else '! '}{name} ({m.licence}): {m.description}" for name, m in models.items()]
    data = {"folder": str(folder), "models": {name: name in there for name in models}}
    head = f"In {folder} (! is missing):" if arguments.action == "list" else f"In {folder}, all there and whole:"
    return {**data, "text": "\n".join([head, *lines])}


def _engines(arguments: Arguments, report: Report) -> Data:
    from ..external.commands import engines

    return engines(arguments, report)


def _doctor(arguments: Arguments, report: Report) -> Data:
    models, cache = (Path(path) if path else None for path in (arguments.models, arguments.cache))
    _use_threads()
    from . import doctor

    found = doctor.examine(models, cache)
    return {**found, "text": doctor.report(found)}


def _train(arguments: Arguments, report: Report) -> Data:
    """train or personalise. Raises: DeviceError where there is no PyTorch."""
    try:
        from ..training import commands
    except ModuleNotFoundError as error:
        raise DeviceError(f"Training needs {error.name}: run `pip install gioconda[train]`.") from error
    except ImportError as error:
        raise DeviceError(f"PyTorch cannot be loaded ({error}): run `pip install gioconda[train]` again.") from error
    (commands.train if arguments.command == "train" else commands.personalise_command)(arguments, report)
    return None


def _completion(arguments: Arguments, report: Report) -> Data:
    try:
        import shtab
    except ImportError as error:
        raise DeviceError("Completion needs shtab: run `pip install gioconda[completion]`.") from error
    return {"text": shtab.complete(options.parser(), arguments.shell)}


HANDLERS: dict[str, Callable[[Arguments, Report], Data]] = {
    "analyse": _analyse,
    "track": _track,
    "animate": _animate,
    "job": _job,
    "demo": _demo,
    "live": _live,
    "export": _export,
    "batch": _batch,
    "deliver": _deliver,
    "verify": _verify,
    "farm": _farm,
    "models": _models,
    "engines": _engines,
    "doctor": _doctor,
    "train": _train,
    "personalise": _train,
    "completion": _completion,
}


def _call(arguments: Arguments, report: Report) -> None:
    only_reads = {arguments.command, getattr(arguments, "action", None)} & READERS
    with _at_once() if only_reads else nullcontext():
        data = HANDLERS[arguments.command](arguments, report)
    if data is not None:
        report(Result(arguments.command, data))


# --- from words to settings -----------------------------------------------------------------------------------------


def _given_of(kind: type[Any], arguments: Arguments) -> dict[str, Any]:
    """The fields of a dataclass that the command line has an option for."""
    return {each.name: getattr(arguments, each.name) for each in fields(kind) if hasattr(arguments, each.name)}


def _given_job(arguments: Arguments, without: Set[str]) -> dict[str, Any]:
    """A job's fields from the command line, less some; passes and retarget, which are written otherwise, never."""
    given = _given_of(Job, arguments)
    given["consent"] = Consent.parse(arguments.consent).plain() if arguments.consent else None
    return {name: value for name, value in given.items() if name not in {"passes", "retarget", *without}}


def _job_of(arguments: Arguments) -> Job:
    """The job an `animate` command line describes."""
    given = _given_job(arguments, {"persons"})
    given["persons"] = _persons(arguments.person)
    if given["motion"] is None:
        if not given["persons"]:
            raise SettingsError(
                "There is no motion: give one after the portrait, or --person N=MOTION for each person."
            )
        given["motion"] = REST
    return Job(**given, passes=_passes(arguments.passes), retarget=_retarget(arguments))


def _retarget(arguments: Arguments) -> dict[str, Any]:
    """The fields of RetargetSettings that were given."""
    names = options.under("motion", RetargetSettings)
    settings = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    if arguments.absolute:
        settings["mode"] = "absolute"
    return settings | _gains(arguments.gain)


def _persons(texts: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """["1=take.csv", "2=clip.mp4", "2.motion_face=2"] → [{"face": 1, "motion": "take.csv"}, …]."""
    persons: dict[int, dict[str, Any]] = {}
    known = [name for name in declared(Person) if name not in ("face", "motion", "retarget")]
    for text in texts:
        place, equals, value = text.partition("=")
        number, dot, name = place.strip().partition(".")
        if not (equals and value.strip() and number.isdigit()) or (dot and name not in (*known, "gain")):
            raise SettingsError(
                f"--person {text}: write --person 1=take.csv, and settings of person 1 as --person 1.SETTING=VALUE, "
                f"SETTING one of gain, {', '.join(known)}."
            )
        person = persons.setdefault(int(number), {"face": int(number)})
        name = name or "motion"
        if name == "gain":
            person["retarget"] = {**person.get("retarget", {}), **_gains([value])}
            continue
        if name in person:
            raise SettingsError(f"Person {number} has “{name}” twice: give it once.")
        person[name] = _person_value(name, value.strip())
    silent = next((number for number, person in persons.items() if "motion" not in person), None)
    if silent is not None:
        raise SettingsError(f"Person {silent} has no motion: --person {silent}=MOTION gives one, “{REST}” none.")
    return tuple(persons.values())


def _person_value(name: str, text: str) -> Any:
    if name == "consent":
        return Consent.parse(text).plain()
    if declared(Person)[name].path:
        return expanded(text)
    return int(text) if text.lstrip("-").isdigit() else text


def _gains(texts: Sequence[str]) -> dict[str, float]:
    """["lips=1.2,lids=0.8", "pose=0.5"] → {"lips": 1.2, "lids": 0.8, "pose": 0.5}."""
    gains = {}
    for part in ",".join(texts).split(",") if texts else ():
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in GAINS:
            raise SettingsError(f"There is no region “{name}” for --gain; choose from {', '.join(GAINS)}.")
        try:
            gains[name] = float(value)
        except ValueError:
            raise SettingsError(f"--gain {part}: “{value}” is not a number; write {name}=1.2, for example.") from None
    return gains


def _passes(text: str) -> tuple[str, ...]:
    """“all”, or a list of names in any spelling of upper and lower case."""
    if text.strip().lower() == "all":
        return ALL_PASSES
    spelled = {name.lower(): name for name in ALL_PASSES}
    return tuple(spelled.get(name.strip().lower(), name.strip()) for name in text.split(",") if name.strip())
