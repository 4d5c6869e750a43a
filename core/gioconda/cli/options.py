"""The command line's words: every command, every option, what it means. Standard library only; runs nothing.

The chosen command's name is in `command`; `cli.py` knows what to do for it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import __version__
from ..job.consent import RIGHTS
from ..job.job import DEVICES, NEURAL, REST, TAKE
from ..job.passes import DEFAULT_PASSES, PASSES

ABOUT = """Animate a still portrait from a face motion: native resolution, scene-linear EXR.

  gioconda animate portrait.jpg take.csv -o out/####.exr --review out/look.mp4
"""
REGIONS = ("pose", "jaw", "lips", "brows", "lids", "gaze")
SMOOTHINGS = ("auto", "savgol", "one_euro", "none")
MODELS_HELP = "where the ONNX nets are (default: the project's own folder)"
RESUME_HELP = "keep frames that are whole and would come out the same, render the others"
PLACEHOLDERS_HELP = "first put the portrait as it is wherever there is no frame yet"
CACHE_HELP = "where prepared portraits are kept (default: the user's cache)"
PATH_MAP_HELP = "where the farm's paths are on this machine (pathmapping-1.0)"
FARMS = ("openjd", "deadline", "flamenco", "opencue", "shell")
EXIT_CODES = """exit status: 0 done · 1 a bug · 2 wrong command line · 3 a file or value that cannot be used · 4 no face
found · 5 the result cannot be written · 6 a model file is missing or wrong · 7 no such device · 8 some of a batch's
items failed · 130 stopped"""


def parser() -> Parser:
    """The whole command line."""
    top = argparse.ArgumentParser("gioconda", description=ABOUT, epilog=EXIT_CODES, formatter_class=Formatter)
    top.add_argument("--version", action="version", version=f"gioconda {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _analyse(commands)
    _track(commands)
    _animate(commands)
    _job(commands)
    _demo(commands)
    _batch(commands)
    _deliver(commands)
    _verify(commands)
    _farm(commands)
    _models(commands)
    _engines(commands)
    _doctor(commands)
    _train(commands)
    _personalise(commands)
    _serve(commands)
    return top


Parser = argparse.ArgumentParser
Formatter = argparse.RawDescriptionHelpFormatter
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
    return command


def _machine(command: Parser, *, cache: bool = True) -> None:
    """Where the nets are and what they run on."""
    machine = command.add_argument_group("machine")
    machine.add_argument("--device", choices=DEVICES, default="auto", help="what the nets run on (default: auto)")
    machine.add_argument("--models", metavar="FOLDER", help=MODELS_HELP)
    if cache:
        machine.add_argument("--threads", type=int, metavar="N", help="processor threads to use (default: all)")
        machine.add_argument("--cache", metavar="FOLDER", help=CACHE_HELP)


def _face(command: Parser) -> None:
    """Which face of the picture."""
    face = command.add_argument_group("portrait")
    face.add_argument("--face", type=_face_choice, metavar="N|largest", help="which face: 1 is the leftmost")
    face.add_argument("--points", metavar="FILE", help="hand-placed landmarks (JSON: a few named points are enough)")
    face.add_argument("--colorspace", default="auto", metavar="NAME", help="the picture's colour space (default: auto)")
    face.add_argument("--ocio", metavar="CONFIG", help="an OpenColorIO configuration (default: $OCIO, else built in)")


def _face_choice(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdigit() else text


def _analyse(commands: Commands[Parser]) -> None:
    about = "find the face in a portrait and its 478 landmarks"
    command = _command(commands, "analyse", about, "gioconda analyse portrait.jpg -o points.json --overlay look.png")
    command.add_argument("portrait", help="a still picture: JPEG, PNG, TIFF, EXR …")
    command.add_argument("-o", "--output", metavar="FILE", help="write the landmarks here (JSON; --points reads it)")
    command.add_argument("--overlay", metavar="FILE", help="write the picture with the landmarks drawn on it (PNG)")
    _face(command)
    _machine(command, cache=False)


def _track(commands: Commands[Parser]) -> None:
    about = "turn a video of a face into a motion"
    command = _command(commands, "track", about, "gioconda track clip.mp4 -o take.npz")
    command.add_argument("clip", help="a video")
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="the motion: .npz (compact) or .json")
    command.add_argument("--face", type=_face_choice, metavar="N|largest", help="which face: 1 is the leftmost")
    _machine(command, cache=False)


def _animate(commands: Commands[Parser]) -> None:
    about = "render a portrait driven by a motion as an EXR sequence"
    command = _command(
        commands, "animate", about, "gioconda animate portrait.jpg take.npz -o out/####.exr --frames 1-100x2"
    )
    command.add_argument("portrait", help="a still picture: JPEG, PNG, TIFF, EXR …")
    command.add_argument(
        "motion",
        help=f".npz, .json, .csv or .bvh motion, a video, “{TAKE}” for the built-in take, “{REST}” for no motion",
    )
    _face(command)
    command.add_argument("--matte", metavar="FILE", help="the person's matte, instead of ours")
    command.add_argument("--clean-plate", dest="plate", metavar="FILE", help="the background without the person")
    _motion_options(command)
    _output_options(command, required=True)
    command.add_argument("--save-job", metavar="FILE", help="write the job (JSON) instead of running it")
    _rights(command)
    _machine(command)


def _motion_options(command: Parser) -> None:
    motion = command.add_argument_group("motion")
    motion.add_argument("--frames", default="", metavar="RANGE", help="which frames: 1-100x2,120 (default: all)")
    motion.add_argument("--fps", type=float, metavar="RATE", help="frames per second (default: the motion's own)")
    motion.add_argument(
        "--gain",
        action="append",
        default=[],
        metavar="REGION=X",
        help=f"strength by region ({', '.join(REGIONS)}), 1 as recorded: --gain lips=1.2,lids=0.8",
    )
    motion.add_argument(
        "--neutral",
        type=_neutral,
        metavar="FRAME",
        help="the motion's frame at rest: a frame number, “auto” (default: the calmest), “rest” (all channels zero)",
    )
    motion.add_argument("--absolute", action="store_true", help="take on the motion's very expression, not its changes")
    motion.add_argument(
        "--neutralise",
        type=float,
        nargs="?",
        const=1.0,
        metavar="X",
        help="first close the portrait's smile and open its half-shut eyes: 0 not, 1 fully (without X: 1)",
    )
    motion.add_argument(
        "--lock-scale",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="the head keeps its size (default), or follows the motion's",
    )
    motion.add_argument(
        "--adapt",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="fit the motion to the portrait's proportions (default), or not",
    )
    motion.add_argument(
        "--smoothing",
        choices=SMOOTHINGS,
        help="savgol (for finished takes), one_euro (as live), none; auto: savgol for landmarks, none for channels",
    )
    motion.add_argument(
        "--dead-band",
        type=float,
        metavar="X",
        help="hold movements smaller than a tracker's noise: 0 off, 1 (default), 2 twice as wide",
    )
    motion.add_argument(
        "--lid-floor",
        type=float,
        metavar="X",
        help="how open a shut eye looks to the tracker, gap by width (default: 0.045; 0 trusts the tracker)",
    )


def _neutral(text: str) -> int | str:
    return text if text in ("auto", "rest") else int(text)


def _output_options(command: Parser, *, required: bool) -> None:
    output = command.add_argument_group("output")
    output.add_argument("-o", "--output", required=required, metavar="PATTERN", help="out/####.exr, out/%%04d.exr")
    output.add_argument(
        "--passes",
        default=",".join(DEFAULT_PASSES),
        metavar="LIST",
        help=f"“all”, or of: {', '.join(PASSES)} (default: %(default)s)",
    )
    output.add_argument("--float", dest="full_float", action="store_true", help="32-bit float instead of 16-bit half")
    output.add_argument(
        "--compression",
        default="zip",
        metavar="NAME",
        help="of the EXR: zip, zips, piz, rle, none; a level as in zip:2 (default: %(default)s)",
    )
    output.add_argument("--preview", dest="draft", action="store_true", help="fast: no anti-aliased silhouettes")
    output.add_argument(
        "--neural",
        choices=NEURAL,
        default="auto",
        help="networks that correct mouth, eyes and edges: full (needs a graphics card), fast, off; "
        "auto: the best this machine serves well (default)",
    )
    output.add_argument("--identity", metavar="FILE", help="what personalise knows of the person, for --neural")
    output.add_argument("--engine", metavar="FOLDER", help="somebody else's engine paints frames: see engines")
    output.add_argument("--review", metavar="FILE", help="also make a video for looking at (.mp4)")
    output.add_argument("--contact-sheet", dest="sheet", metavar="FILE", help="also make a contact sheet (.png)")
    output.add_argument("--png", action="store_true", help="also write every frame as an 8-bit PNG beside its EXR")
    output.add_argument("--resume", action="store_true", help=RESUME_HELP)
    output.add_argument("--overwrite", action="store_true", help="replace frames that are there")
    output.add_argument("--placeholders", action="store_true", help=PLACEHOLDERS_HELP)


def _job(commands: Commands[Parser]) -> None:
    about = "run a saved job"
    command = _command(commands, "job", about, "gioconda job shot12.json --resume")
    command.add_argument("file", type=Path, help="what animate --save-job wrote; paths in it count from its folder")
    command.add_argument("--frames", metavar="RANGE", help="these frames instead of the job's (one farm task's share)")
    command.add_argument("--resume", action="store_true", help=RESUME_HELP)
    command.add_argument("--overwrite", action="store_true", help="replace frames that are there")
    command.add_argument("--placeholders", action="store_true", help=PLACEHOLDERS_HELP)
    command.add_argument("--no-review", action="store_true", help="leave the video and the contact sheet for later")
    command.add_argument("--allow-outside", action="store_true", help="the job may name files outside its folder")
    command.add_argument("--path-map", metavar="FILE", type=Path, help=PATH_MAP_HELP)
    command.add_argument("--worker", metavar="FOLDER", type=Path, help="let the warm worker there do it (farm warm)")
    _rights(command)


def _rights(command: Parser) -> None:
    """Who may animate the portrait, whose key signs."""
    rights = command.add_argument_group("rights")
    rights.add_argument(
        "--consent",
        metavar="RIGHT:WHO[:TEXT]",
        help=f"who states which right to animate the portrait; RIGHT is one of {', '.join(RIGHTS)}",
    )
    rights.add_argument("--policy", metavar="FILE", help="the studio's policy (default: the machine's or the user's)")
    rights.add_argument("--keys", metavar="FOLDER", help="the keys that sign finished frames (default: the user's)")


def _verify(commands: Commands[Parser]) -> None:
    about = "check finished frames against their signed manifest"
    command = _command(commands, "verify", about, "gioconda verify out --key studio.pub")
    command.add_argument("folder", type=Path, help="the folder that holds the frames")
    command.add_argument("--key", metavar="FILE", type=Path, help="the public key that must have signed")
    command.add_argument("--portrait", metavar="FILE", type=Path, help="the picture they must have been made from")
    command.add_argument("--motion", metavar="FILE", type=Path, help="the motion they must have been made from")
    command.add_argument("--path-map", metavar="FILE", type=Path, help=PATH_MAP_HELP)


def _farm(commands: Commands[Parser]) -> None:
    about = "hand jobs to a render farm"
    command = _command(commands, "farm", about, "gioconda farm export shot12.json --to openjd -o submit/shot12")
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do")
    export = actions.add_parser("export", help="write what a farm's own tools submit", formatter_class=Formatter)
    export.add_argument("file", type=Path, help="a job, or a batch")
    export.add_argument("--to", required=True, choices=FARMS, help="which farm it is for")
    export.add_argument("-o", "--output", required=True, type=Path, metavar="FOLDER", help="where to write it")
    export.add_argument("--chunk", type=int, metavar="N", help="frames in one task (default: 24)")
    export.add_argument("--program", default="gioconda", help="the command on the farm (default: %(default)s)")
    export.add_argument("--policy", metavar="FILE", help="the studio's policy (default: the machine's or the user's)")
    run = actions.add_parser("run", help="run several commands one after the other (for farm tasks)")
    run.add_argument("words", nargs=argparse.REMAINDER, help="job …, track … or verify …, with “then” between them")
    warm = actions.add_parser("warm", help="start or stop a worker that keeps everything loaded (for farm sessions)")
    warm.add_argument("folder", type=Path, help="where it is asked and answers; a folder of this session's own")
    warm.add_argument("--stop", action="store_true", help="stop it")
    warm.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)


def _demo(commands: Commands[Parser]) -> None:
    about = "animate a portrait of Grace Hopper with the built-in take"
    command = _command(commands, "demo", about, "gioconda demo")
    command.add_argument("--frames", default="", metavar="RANGE", help="frames of the take to render (default: all)")
    command.add_argument("-o", "--output", default="out/demo/####.exr", metavar="PATTERN", help="default: %(default)s")
    command.add_argument("--overwrite", action="store_true", help="render frames again that are there")
    _machine(command)


def _serve(commands: Commands[Parser]) -> None:
    about = "stay and answer requests for analyses and previews (for programs: the Blender add-on)"
    command = _command(commands, "serve", about, """echo '{"request": "warm", "id": 1}' | gioconda serve""")
    command.set_defaults(json=True)
    command.add_argument("--threads", type=int, metavar="N", help="processor threads to use (default: all)")


def _batch(commands: Commands[Parser]) -> None:
    about = "render many portraits × many motions on this machine"
    command = _command(commands, "batch", about, "gioconda batch plan npcs.yaml\n  gioconda batch run npcs.yaml")
    command.add_argument(
        "action",
        choices=("plan", "run", "schema", "worker"),
        help="plan: what would be rendered, how long, how much disk; run: do it, going on where it was stopped; "
        "schema: the format of batch files (with “job”: of job files); worker: take items from standard input",
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
    command.add_argument("--path-map", metavar="FILE", type=Path, help=PATH_MAP_HELP)
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
    command.add_argument("--models", metavar="FOLDER", help=MODELS_HELP)
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
    command.add_argument("--device", choices=DEVICES, default="auto", help="what the nets run on (default: auto)")


def _doctor(commands: Commands[Parser]) -> None:
    about = "say what hardware, libraries, devices and models were found"
    command = _command(commands, "doctor", about, "gioconda doctor")
    command.add_argument("--models", metavar="FOLDER", help=MODELS_HELP)
    command.add_argument("--cache", metavar="FOLDER", help=CACHE_HELP)


def _train(commands: Commands[Parser]) -> None:
    about = "teach the networks that correct frames (needs PyTorch: gioconda[train])"
    command = _command(commands, "train", about, "gioconda train fast pairs -o run --part mouth --minutes 60")
    command.add_argument(
        "action",
        choices=("pairs", "rendered", "fast", "full", "paper", "completion", "export"),
        help="pairs: make training pairs of clips and stills with the engine; rendered: make pairs of mouths and eyes "
        "from heads dressed with stills (--head); fast, full: train that model on them, "
        "going on where it was stopped; paper: train the paper's networks, to compare with; "
        "completion: teach what the person hides, from clips and stills, and make its ONNX file; "
        "export: make ONNX files of what was trained and prove them",
    )
    command.add_argument("input", help="the folder of clips and stills, of pairs, of a training's results")
    command.add_argument("-o", "--output", required=True, metavar="FOLDER", help="where the result goes")
    command.add_argument(
        "--only", metavar="NAME", help="pairs, rendered, completion: only files whose names begin so: clips/, congress/"
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
    command.add_argument("--config", metavar="FILE", help="fast, full, paper, completion: training settings (YAML)")
    command.add_argument("--steps", type=_count, metavar="N", help="steps in all")
    command.add_argument("--minutes", type=float, metavar="N", help="stop after so long, to go on another time")
    command.add_argument("--threads", type=_count, metavar="N", help="processor threads to use (default: all)")
    command.add_argument("--models", metavar="FOLDER", help=MODELS_HELP)


def _personalise(commands: Commands[Parser]) -> None:
    about = "learn a person from pictures, for animate --neural (needs PyTorch: gioconda[train])"
    command = _command(commands, "personalise", about, "gioconda personalise me1.jpg me2.jpg -o me.identity.npz")
    command.add_argument(
        "portraits",
        nargs="+",
        metavar="PORTRAIT",
        help="pictures of one person: the one to be animated and three to seven others with other expressions; one "
        "alone shows the networks nothing new",
    )
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="for animate --identity")
    command.add_argument("--threads", type=_count, metavar="N", help="processor threads to use (default: all)")
    command.add_argument("--models", metavar="FOLDER", help=MODELS_HELP)
    command.add_argument("--cache", metavar="FOLDER", help=CACHE_HELP)
