"""The command line's words: every command, every option, what it means. Standard library only; runs nothing.

The chosen command's name is in `command`; `main.py` knows what to do for it.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, NoReturn

from .. import __version__
from ..errors import SettingsError
from ..files import expanded
from ..job.job import Job
from ..job.retarget import GAINS, RetargetSettings
from ..job.settings import Setting, declared

ABOUT = """Animate a still portrait from a face motion: native resolution, scene-linear EXR.

  gioconda animate portrait.jpg take.csv -o out/####.exr --review out/look.mp4
"""
PATH_MAP_HELP = "where the farm's paths are on this machine (pathmapping-1.0)"
LOG_LEVELS = ("error", "warning", "info", "debug")
# What a user's defaults.yaml may say: options that are about the machine and the user, not about one picture.
USERS = (
    *("device", "threads", "models", "cache", "neural", "passes", "compression", "float", "keys", "policy", "ocio"),
    *("log-level", "processes"),
)
LIVE_SOURCES = ("livelink", "ifacialmocap", "facemotion3d", "vmc", "vtubestudio", "openseeface", "webcam")
FARMS = ("openjd", "deadline", "flamenco", "opencue", "shell")
EXIT_CODES = """exit status: 0 done · 1 a bug · 2 wrong command line · 3 a file or value that cannot be used · 4 no face
found · 5 the result cannot be written · 6 a model file is missing or wrong · 7 no such device · 8 some of a batch's
items failed · 130 stopped"""


GREETING = f"""Gioconda {__version__} animates a still portrait. For example:

  gioconda demo                                                    a portrait of Grace Hopper, to see that it works
  gioconda animate portrait.jpg take.csv -o out/####.exr --review look.mp4         a portrait and a recorded face
  gioconda batch plan npcs.yaml                                    many portraits × many motions: what it would make

gioconda --help names all commands, gioconda COMMAND --help their options."""


class Parser(argparse.ArgumentParser):
    """One that knows what a mistyped word was meant to be."""

    def error(self, message: str) -> NoReturn:
        """Leave with status 2 and a sentence."""
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if wrong:
            message += _meant(wrong[1], re.findall(r"[\w-]+", wrong[2]))
        super().error(message)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse, but an unknown option is named with the one that is spelled alike."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            inner = self
            for name in (str(getattr(found, each, "")) for each in ("command", "action")):
                inner = next((each[name] for each in _choices(inner) if name in each), inner)
            options = [word for action in inner._actions for word in action.option_strings]
            inner.error(f"unrecognized arguments: {' '.join(unknown)}{_meant(unknown[0].partition('=')[0], options)}")
        return found


def _meant(word: str, words: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, words, 1, 0.6)
    return f". Did you mean {close[0]}?" if close else ""


def _choices(parser: argparse.ArgumentParser) -> list[Mapping[str, Parser]]:
    """The sub-parsers of a parser, by their names."""
    return [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]


def parser(defaults: Mapping[str, Any] | None = None) -> Parser:
    """The whole command line. `defaults`: option's name without dashes → what holds where it is not given."""
    top = Parser("gioconda", description=ABOUT, epilog=EXIT_CODES, formatter_class=Formatter)
    top.add_argument("--version", action="version", version=f"gioconda {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_analyse, _track, _animate, _job, _demo, _batch, _deliver, _verify, _farm, _models, _engines, _doctor):
        add(commands)
    for add in (_live, _export, _train, _personalise, _serve, _completion):
        add(commands)
    for name, value in (defaults or {}).items():
        for command in commands.choices.values():
            _set_default(command, name, value)
    return top


def _set_default(command: Parser, name: str, value: Any) -> None:
    """Let an option of a command, if it has it, have another default. Raises: SettingsError: it cannot be that."""
    for action in command._actions:
        if f"--{name}" in action.option_strings:
            try:
                wanted = action.type(str(value)) if callable(action.type) else value
            except (ValueError, TypeError, argparse.ArgumentTypeError):
                wanted = None
            unfit = wanted is None or (action.nargs == 0 and not isinstance(value, bool))
            if unfit or (action.choices is not None and wanted not in action.choices):
                choices = f"; choose from {', '.join(map(str, action.choices))}" if action.choices else ""
                raise SettingsError(f"“{name}” cannot be {value!r}{choices}.")
            command.set_defaults(**{action.dest: wanted})


Formatter = argparse.RawDescriptionHelpFormatter
Place = argparse.ArgumentParser | argparse._ArgumentGroup
SHORT = {"output": "-o"}  # one-letter names of settings
Commands = argparse._SubParsersAction  # what argparse gives back and has no public name for


def _command(commands: Commands[Parser], name: str, about: str, example: str) -> Parser:
    """A sub-parser with what every command has."""
    command = commands.add_parser(
        name,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        formatter_class=Formatter,
        epilog=f"example:\n  {example}\n\n{EXIT_CODES}",
    )
    command.set_defaults(command=name)
    talk = command.add_argument_group("messages")
    talk.add_argument("--json", action="store_true", help="standard output carries JSON lines and nothing else")
    talk.add_argument("--quiet", action="store_true", help="say nothing but errors")
    talk.add_argument("--debug", action="store_true", help="show a bug's whole traceback")
    talk.add_argument(
        "--log-level",
        choices=LOG_LEVELS,
        default="info",
        help="error: as --quiet; warning: notes too; info: stages and progress (default); debug: as --debug",
    )
    return command


def _group(command: Parser, heading: str, *names: str) -> Place:
    """A new heading with the options of a job's settings: of those named, else of all that belong there."""
    group = command.add_argument_group(heading)
    _add(group, *(names or under(heading)))
    return group


def under(heading: str, of: type[Any] = Job) -> list[str]:
    """The settings whose options belong under a heading."""
    return [name for name, one in declared(of).items() if one.option and one.group == heading]


def _gain(place: Place, text: str) -> None:
    """`--gain`, as often as wanted."""
    place.add_argument("--gain", action="append", default=[], metavar="REGION=X", help=text)


def _add(
    place: Place, *names: str, of: type[Any] = Job, changes: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """The options of declared settings. `changes`: what argparse shall know otherwise, by the setting's name."""
    for field in fields(of):
        if field.name in names:
            one = declared(of)[field.name]
            option, *metavar = (one.option or f"--{field.name}").split(" ")
            more = {"help": _help(one.text, field.default)} | _value(str(field.type), field.default, one)
            more |= {"metavar": metavar[0]} if metavar else {}
            if option.startswith("-"):
                more |= {"dest": field.name, "required": field.default is MISSING}
            if of is not Job:  # left out where it is not given
                more["default"] = None
            if one.path:
                more["type"] = expanded
            short = [SHORT[field.name]] if field.name in SHORT else []
            place.add_argument(*short, option, **{**more, **one.argument, **(changes or {}).get(field.name, {})})


def _help(text: str, default: Any) -> str:
    shown = ",".join(default) if isinstance(default, tuple) else default
    return text.replace("%", "%%") + (f" (default: {shown})" if isinstance(shown, str) and shown else "")


def _value(annotation: str, default: Any, one: Setting) -> dict[str, Any]:
    """What argparse needs to know of a type and a default."""
    if annotation == "bool":
        return {"action": argparse.BooleanOptionalAction if default else "store_true", "default": default}
    kinds = annotation.removesuffix(" | None").split(" | ")
    shown = None if default is MISSING else ",".join(default) if isinstance(default, tuple) else default
    if kinds == ["str"] and one.choices:
        return {"choices": one.choices, "default": shown}
    convert = {("int", "str"): _number_or_word, ("int",): int, ("float",): float}.get(tuple(kinds), str)
    return {"type": convert, "default": shown}


def _path(text: str) -> Path:
    return Path(expanded(text))


def _number_or_word(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdigit() else text


def _analyse(commands: Commands[Parser]) -> None:
    about = "find the face in a portrait and its 478 landmarks"
    command = _command(commands, "analyse", about, "gioconda analyse portrait.jpg -o points.json --overlay look.png")
    _add(command, "portrait")
    command.add_argument("-o", "--output", metavar="FILE", help="write the landmarks here (JSON; --points reads it)")
    command.add_argument("--overlay", metavar="FILE", help="write the picture with the landmarks drawn on it (PNG)")
    _group(command, "portrait", "face", "points", "colorspace", "ocio", "layer")
    _group(command, "machine", "device", "models")


def _track(commands: Commands[Parser]) -> None:
    about = "turn a video of a face, a recorded voice, or another program's motion file, into a motion"
    command = _command(commands, "track", about, "gioconda track clip.mp4 -o take.npz")
    command.add_argument("clip", help="a video, a recorded voice, or a motion file of any kind")
    command.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help="the motion: .npz (compact) or .json; for other programs .csv (Live Link Face) or .arkit.json",
    )
    _add(command, "face")
    _group(command, "voice", "text", "language", "sound_drives", "voice_seed", "fps")
    _group(command, "machine", "device", "models")


def _animate(commands: Commands[Parser]) -> None:
    about = "render a portrait driven by a motion as an EXR sequence"
    command = _command(
        commands, "animate", about, "gioconda animate portrait.jpg take.npz -o out/####.exr --frames 1-100x2"
    )
    _add(command, "portrait", "motion", changes={"motion": {"nargs": "?"}})
    _group(command, "portrait")
    motion = _group(command, "motion")
    motion.add_argument(
        "--person",
        action="append",
        default=[],
        metavar="N=MOTION",
        help="instead of MOTION, for each driven person of a group: 1 is the leftmost; who has none stays as they are. "
        "--person N.SETTING=VALUE: neutral, motion_start, motion_face, curves, order, matte, rigid, identity, consent "
        "or gain of that person alone (docs/groups.md)",
    )
    _gain(motion, f"strength by region ({', '.join(GAINS)}), 1 as recorded: --gain lips=1.2,lids=0.8")
    motion.add_argument("--absolute", action="store_true", help="take on the motion's very expression, not its changes")
    _add(motion, *under("motion", RetargetSettings), of=RetargetSettings)
    _group(command, "output")
    command.add_argument(
        "--formats",
        metavar="LIST",
        help="what is made, of: exr, png, webp, atlas, mp4, webm (default: exr); without exr these go in the end",
    )
    command.add_argument("--save-job", metavar="FILE", help="write the job (JSON) instead of running it")
    _rights(command)
    _group(command, "machine")


def _live(commands: Commands[Parser]) -> None:
    about = "let a portrait follow a phone, a webcam or another tracker as it happens"
    command = _command(commands, "live", about, "gioconda live portrait.jpg --from livelink:0.0.0.0 --record take.npz")
    _add(command, "portrait")
    command.add_argument(
        "--from",
        dest="source",
        required=True,
        metavar="SOURCE[:ADDRESS]",
        help=f"{', '.join(LIVE_SOURCES)}. ADDRESS: where to listen (default: on this machine alone; "
        "0.0.0.0: also for others), HOST, HOST:PORT or :PORT; for ifacialmocap, facemotion3d and vtubestudio the "
        "phone's own, which is asked to send; for webcam the camera's name or number, or a video",
    )
    command.add_argument(
        "--size", type=_count, metavar="N", default=512, help="pixels of the longer side (default: 512)"
    )
    command.add_argument(
        "--calibrate",
        choices=("still", "key", "off"),
        default="still",
        help="when your face is taken for neutral: after a second without a motion (default), at the key C, or never: "
        "all channels at zero",
    )
    _gain(command, f"strength by region ({', '.join(GAINS)}), 1 as it is: --gain lips=1.2,lids=0.8")
    command.add_argument(
        "--allow-outside",
        action="store_true",
        help="where PORTRAIT is a saved job: it may name files outside its folder",
    )
    shown = command.add_argument_group("output")
    shown.add_argument(
        "--window",
        action=argparse.BooleanOptionalAction,
        help="show a window (default: where there can be one and neither page nor camera is asked for)",
    )
    shown.add_argument(
        "--page",
        nargs="?",
        type=int,
        const=8765,
        metavar="PORT",
        help="a page for browsers and OBS on this machine (without PORT: 8765)",
    )
    shown.add_argument("--camera", nargs="?", const="", metavar="DEVICE", help="a virtual camera (Linux, v4l2loopback)")
    shown.add_argument("--record", metavar="FILE", help="the take, .npz or .json, for animate; written in the end")
    shown.add_argument(
        "--mark", nargs="?", const="Synthetic", default="", metavar="TEXT", help="words in the picture (default: none)"
    )
    shown.add_argument(
        "--pictures",
        metavar="FOLDER",
        help="write the newest picture there as a JPEG and say so (for programs, with --json); “calibrate” and “stop” "
        "are read from the standard input",
    )
    shown.add_argument("--seconds", type=float, metavar="N", help="stop after so long (default: Ctrl-C, Q)")
    _group(command, "portrait")
    networks = "which networks correct mouth and eyes: auto leaves them out where they do not keep 25 frames a second"
    _add(command, "neural", changes={"neural": {"help": f"{networks} (default: auto)"}})
    _rights(command)
    _group(command, "machine")


def _export(commands: Commands[Parser]) -> None:
    about = "write a portrait for game engines: glTF with the 52 ARKit morph targets"
    command = _command(commands, "export", about, "gioconda export portrait.jpg -o portrait.glb --page")
    _add(command, "portrait")
    command.add_argument(
        "-o", "--output", required=True, type=expanded, metavar="FILE", help="the file, .glb (binary glTF 2.0)"
    )
    command.add_argument(
        "--texture-size",
        type=_count,
        metavar="N",
        default=2048,
        help="pixels of a texture's longer side, at most (default: 2048)",
    )
    command.add_argument(
        "--background",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="what is behind the person, on a card (default), or not",
    )
    command.add_argument(
        "--edges",
        choices=("blend", "mask"),
        default="blend",
        help="hair's edges: soft (default), or cut, for engines that sort transparent parts badly",
    )
    regions = ", ".join(name for name in GAINS if name != "pose")
    _gain(command, f"strength of the morph targets by region ({regions}): --gain lips=0.8")
    command.add_argument(
        "--page",
        action="store_true",
        help="also write FILE.html, a page that plays it in a browser and loads nothing (needs three.js)",
    )
    command.add_argument(
        "--three",
        metavar="FOLDER",
        type=expanded,
        default="node_modules/three",
        help="where npm install three has put it, for --page (default: node_modules/three)",
    )
    _group(command, "portrait")
    _rights(command)
    _group(command, "machine")


def _job(commands: Commands[Parser]) -> None:
    about = "run a saved job"
    command = _command(commands, "job", about, "gioconda job shot12.json --resume")
    command.add_argument("file", type=_path, help="what animate --save-job wrote; paths in it count from its folder")
    share = {"help": "these frames instead of the job's (one farm task's share)", "default": None}
    _add(command, "frames", "resume", "overwrite", "placeholders", changes={"frames": share})
    command.add_argument("--no-review", action="store_true", help="leave the video and the contact sheet for later")
    command.add_argument("--allow-outside", action="store_true", help="the job may name files outside its folder")
    command.add_argument("--path-map", metavar="FILE", type=_path, help=PATH_MAP_HELP)
    command.add_argument("--worker", metavar="FOLDER", type=_path, help="let the warm worker there do it (farm warm)")
    _rights(command)


def _rights(command: Parser) -> None:
    """Who may animate the portrait, whose key signs."""
    rights = _group(command, "rights")
    rights.add_argument("--policy", metavar="FILE", help="the studio's policy (default: the machine's or the user's)")


def _verify(commands: Commands[Parser]) -> None:
    about = "check finished frames against their signed manifest"
    command = _command(commands, "verify", about, "gioconda verify out --key studio.pub")
    command.add_argument("folder", type=_path, help="the folder that holds the frames")
    command.add_argument("--key", metavar="FILE", type=_path, help="the public key that must have signed")
    command.add_argument("--portrait", metavar="FILE", type=_path, help="the picture they must have been made from")
    command.add_argument("--motion", metavar="FILE", type=_path, help="the motion they must have been made from")
    command.add_argument("--path-map", metavar="FILE", type=_path, help=PATH_MAP_HELP)


def _farm(commands: Commands[Parser]) -> None:
    about = "hand jobs to a render farm"
    command = _command(commands, "farm", about, "gioconda farm export shot12.json --to openjd -o submit/shot12")
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do")
    export = actions.add_parser("export", help="write what a farm's own tools submit", formatter_class=Formatter)
    export.add_argument("file", type=_path, help="a job, or a batch")
    export.add_argument("--to", required=True, choices=FARMS, help="which farm it is for")
    export.add_argument("-o", "--output", required=True, type=_path, metavar="FOLDER", help="where to write it")
    export.add_argument("--chunk", type=int, metavar="N", help="frames in one task (default: 24)")
    export.add_argument("--program", default="gioconda", help="the command on the farm (default: %(default)s)")
    export.add_argument("--policy", metavar="FILE", help="the studio's policy (default: the machine's or the user's)")
    run = actions.add_parser("run", help="run several commands one after the other (for farm tasks)")
    run.add_argument("words", nargs=argparse.REMAINDER, help="job …, track … or verify …, with “then” between them")
    task = actions.add_parser("task", help="one task of an Open Job Description template (for farm tasks)")
    task.add_argument("stage", choices=("prepare", "render", "review"), help="which step")
    task.add_argument("plan", type=_path, help="the plan.json that farm export wrote")
    task.add_argument("--item", type=_count, metavar="N", help="of this item only, counted from 1")
    task.add_argument("--frames", default="", metavar="RANGE", help="these frames instead of the plan's")
    task.add_argument("--slots", default="", metavar="RANGE", help="these frames, counted from 1 through all items")
    task.add_argument("--only", default="", metavar="RANGE", help="none but these frames of any item")
    task.add_argument("--output", metavar="FOLDER", help="instead of the folder above all outputs")
    task.add_argument("--motions", type=_path, metavar="FOLDER", help="where the motion of videos is kept")
    task.add_argument("--path-map", metavar="FILE", type=_path, help=PATH_MAP_HELP)
    task.add_argument("--worker", metavar="FOLDER", type=_path, help="let the warm worker there do it")
    task.add_argument("--policy", metavar="FILE", help="the studio's policy (default: the machine's or the user's)")
    warm = actions.add_parser("warm", help="start or stop a worker that keeps everything loaded (for farm sessions)")
    warm.add_argument("folder", type=_path, help="where it is asked and answers; a folder of this session's own")
    warm.add_argument("--stop", action="store_true", help="stop it")


def _demo(commands: Commands[Parser]) -> None:
    about = "animate a portrait of Grace Hopper with the built-in take"
    command = _command(commands, "demo", about, "gioconda demo")
    output = {"default": "out/demo/####.exr", "required": False, "help": "default: %(default)s"}
    again = {"help": "render frames again that are there"}
    _add(command, "frames", "output", "overwrite", changes={"output": output, "overwrite": again})
    _group(command, "machine")


def _serve(commands: Commands[Parser]) -> None:
    about = "stay and answer requests for analyses and previews (for programs: the Blender add-on)"
    command = _command(commands, "serve", about, """echo '{"request": "warm", "id": 1}' | gioconda serve""")
    command.set_defaults(json=True)
    _add(command, "threads")
    command.add_argument(
        "--folder", type=_path, metavar="FOLDER", help="be asked over a local socket named in FOLDER (farm warm)"
    )


def _batch(commands: Commands[Parser]) -> None:
    about = "render many portraits × many motions on this machine"
    command = _command(commands, "batch", about, "gioconda batch plan npcs.yaml\n  gioconda batch run npcs.yaml")
    command.add_argument(
        "action",
        choices=("plan", "run", "schema"),
        help="plan: what would be rendered, how long, how much disk; run: do it, going on where it was stopped; "
        "schema: the format of batch files (with “job”: of job files)",
    )
    command.add_argument("file", nargs="?", help="a batch file (YAML or JSON)")
    command.add_argument("--processes", type=_count, metavar="N", help="at a time (default: what the machine carries)")
    command.add_argument("--keep-going", action="store_true", help="render the others when an item cannot be rendered")
    command.add_argument("--overwrite", action="store_true", help="render everything anew")
    command.add_argument("--allow-outside", action="store_true", help="the batch may name files outside its folder")
    command.add_argument("--no-calibration", action="store_true", help="plan: do not measure time and disk")
    command.add_argument(
        "--timeout",
        type=float,
        default=900.0,
        metavar="SECONDS",
        help="a process that says nothing for so long is ended and its item tried again (default: %(default)g)",
    )
    command.add_argument("--policy", metavar="FILE", help="the studio's policy (default: the machine's or the user's)")


def _completion(commands: Commands[Parser]) -> None:
    about = "print what completes commands and options with the Tab key in a shell (pip install shtab)"
    command = _command(commands, "completion", about, 'eval "$(gioconda completion bash)"    # in ~/.bashrc')
    command.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="which shell")


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return count


def _deliver(commands: Commands[Parser]) -> None:
    about = "make PNG, WebP, a flipbook atlas or videos of finished EXR frames"
    command = _command(
        commands, "deliver", about, "gioconda deliver out/####.exr --formats webp,atlas,webm --size 256 --alpha matte"
    )
    command.add_argument("output", metavar="PATTERN", help="the frames: out/####.exr; what is made lies beside them")
    command.add_argument("--formats", required=True, metavar="LIST", help="of: png, webp, atlas, mp4, webm")
    command.add_argument("--path-map", metavar="FILE", type=_path, help=PATH_MAP_HELP)
    command.add_argument("--frames", default="", metavar="RANGE", help="which frames (default: all that are there)")
    command.add_argument("--fps", type=float, metavar="RATE", help="frames per second (default: as the frames say)")
    command.add_argument("--size", type=_count, metavar="N", help="pixels of the longer side (default: as rendered)")
    command.add_argument(
        "--alpha",
        choices=("picture", "matte", "none"),
        default="picture",
        help="as rendered (default); the person cut out, which needs the pass Matte; or none",
    )
    command.add_argument("--columns", type=_count, metavar="N", help="frames side by side in an atlas")
    command.add_argument("--keys", metavar="FOLDER", help="the keys that signed the frames (default: the user's)")
    command.add_argument("--quality", type=int, default=90, metavar="N", help="of webp, mp4, webm: 1 to 100")


def _models(commands: Commands[Parser]) -> None:
    about = "check or list the ONNX nets, which come with Gioconda"
    command = _command(commands, "models", about, "gioconda models")
    command.add_argument(
        "action",
        nargs="?",
        choices=("verify", "list", "build"),
        default="verify",
        help="verify that all are there and whole (default; build, of version 0.1, does the same); list",
    )
    _add(command, "models")
    command.add_argument("--wheel", metavar="FILE", help="of version 0.1, which built nets from it: not used")


def _engines(commands: Commands[Parser]) -> None:
    about = "other people's engines for animate --engine: which there are, pin their files, check that they work"
    command = _command(commands, "engines", about, "gioconda engines pin liveportrait --licence MIT --source https://…")
    command.add_argument(
        "action",
        nargs="?",
        choices=("list", "pin", "check"),
        default="list",
        help="list what can be driven, and from which files (default); pin: write engine.yaml for the files in a "
        "folder, whose hashes count from then on; check: hashes, networks, how long a frame takes",
    )
    command.add_argument("folder", nargs="?", metavar="FOLDER", help="where the engine's files are")
    command.add_argument("--licence", metavar="TEXT", help="pin: on which terms you have the files; frames say so")
    command.add_argument("--source", metavar="TEXT", help="pin: where they are from")
    command.add_argument("--name", metavar="NAME", help="pin: which engine it is (default: told by the files' names)")
    _add(command, "device")


def _doctor(commands: Commands[Parser]) -> None:
    about = "say what hardware, libraries, devices and models were found"
    command = _command(commands, "doctor", about, "gioconda doctor")
    _add(command, "models", "cache")


def _train(commands: Commands[Parser]) -> None:
    about = "teach the networks that correct frames (needs PyTorch: gioconda[train])"
    command = _command(commands, "train", about, "gioconda train fast pairs -o run --part mouth --minutes 60")
    command.add_argument(
        "action",
        choices=("pairs", "rendered", "fast", "full", "paper", "export"),
        help="pairs: make training pairs of clips and stills with the engine; rendered: make pairs of mouths and eyes "
        "from heads dressed with stills (--head); fast, full: train that model on them, "
        "going on where it was stopped; paper: train the paper's networks, to compare with; "
        "export: make ONNX files of what was trained and prove them",
    )
    command.add_argument("input", help="the folder of clips and stills, of pairs, of a training's results")
    command.add_argument("-o", "--output", required=True, metavar="FOLDER", help="where the result goes")
    command.add_argument(
        "--only", metavar="NAME", help="pairs, rendered: only files whose names begin so: clips/, congress/"
    )
    command.add_argument(
        "--quality",
        choices=("fast", "full"),
        default="fast",
        help="pairs, rendered: which model's sizes (default: fast)",
    )
    command.add_argument(
        "--workers", type=_count, metavar="N", default=1, help="pairs, rendered: processes that make them (default: 1)"
    )
    command.add_argument("--head", metavar="FILE", help="rendered: ICT-FaceKit's morphable head, packed (.npz)")
    command.add_argument("--most", type=_count, metavar="N", help="rendered: so many stills (default: all that serve)")
    command.add_argument("--part", choices=("head", "mouth", "eyes"), help="fast, full: only this part (default: all)")
    command.add_argument(
        "--condition",
        choices=("engine", "landmarks"),
        default="engine",
        help="paper: what the generator sees: the engine's frame (default), or a drawing of landmarks, as in the paper",
    )
    command.add_argument(
        "--width",
        type=_count,
        metavar="N",
        default=1,
        help="paper: divide the networks' channels by this: 8 for networks that learn on a processor (default: 1)",
    )
    command.add_argument("--config", metavar="FILE", help="fast, full, paper: training settings (YAML)")
    command.add_argument("--steps", type=_count, metavar="N", help="steps in all")
    command.add_argument("--minutes", type=float, metavar="N", help="stop after so long, to go on another time")
    command.add_argument("--threads", type=_count, metavar="N", help="processor threads to use (default: all)")
    _add(command, "models")


def _personalise(commands: Commands[Parser]) -> None:
    about = "learn a person from pictures, for animate --neural (needs PyTorch: gioconda[train])"
    command = _command(commands, "personalise", about, "gioconda personalise me1.jpg me2.jpg -o me.identity.npz")
    command.add_argument(
        "portraits",
        nargs="+",
        metavar="PORTRAIT",
        help="pictures of one person, or a video (eight of its frames): the one to be animated and three to seven "
        "others with other expressions; one alone shows the networks nothing new",
    )
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="for animate --identity")
    command.add_argument("--threads", type=_count, metavar="N", help="processor threads to use (default: all)")
    _add(command, "models", "cache")
