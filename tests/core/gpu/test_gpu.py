"""The graph of whole frames on ONNX Runtime's CPU provider against the engine's own kernels: the same pixels.

`make gpu` does the same on a graphics card. TOLERANCE is for what networks corrected, relative to a pixel's value plus
a fiftieth of white: the kernels look colours up in tables, the graph works them out. Without networks nothing differs.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from gioconda.engine import Portrait, PosedPortrait, pose_portrait, prepare, render_rows
from gioconda.engine.pixel_lists import _merge_duplicates
from gioconda.gpu import inputs
from gioconda.gpu.device import DeviceGraph
from gioconda.gpu.frame_graph import frame_graph, read_network
from gioconda.gpu.graph import FLOAT, INT32, Graph
from gioconda.gpu.renderer import Renderer
from gioconda.gpu.sampling import padded
from gioconda.gpu.stored_graphs import stored_graph
from gioconda.imaging.color import Display
from gioconda.imaging.exr import read_exr
from gioconda.job.job import TAKE, Job
from gioconda.motion.demo_motion import make_demo_motion
from gioconda.neural.corrector import CorrectionNets, Corrector, corrected_frame
from gioconda.pose import Pose, rotation_matrix
from gioconda.render import sequence
from gioconda.render.frame_files import check_output
from gioconda.render.open_portrait import Opened
from gioconda.worker.messages import Message

Float32 = npt.NDArray[np.float32]
TOLERANCE = 2e-3
MODELS = Path(__file__).resolve().parents[3] / "onnx_models"
PASSES = (
    "Combined",
    "Matte",
    "UV",
    "Vector",
    "Depth",
    "Disocclusion",
    "Confidence",
    "Hair",
    "Mouth",
    "Plate",
    "Foreground",
)
TURNED = Pose(rotation=rotation_matrix(yaw=-24.0, pitch=4.0))


def quiet(message: Message) -> None:
    """For those who report."""


@pytest.fixture(scope="session")
def odd(small) -> Portrait:  # type: ignore[no-untyped-def]
    """A part of the sitter whose sides are multiples of nothing, with values far above white and below black."""
    part = small.cropped(7, 11, 250, 284)
    light = part.source.copy()
    x, y = (int(k) for k in part.landmarks[151, :2])
    light[y - 3 : y + 3, x - 3 : x + 3, :3] = (40.0, 6.0, -0.02)
    light[:20, :20, :3] *= 30
    return prepare(light, part.landmarks, part.matte)


@pytest.fixture(scope="session")
def cutout(small) -> Portrait:  # type: ignore[no-untyped-def]
    """The sitter without a background."""
    part = small.cropped(3, 0, 250, 297)
    return prepare(part.source * part.matte[..., None], part.landmarks, part.matte, cutout=True)


@pytest.fixture(scope="session")
def drives(pose_of: Callable[..., Pose]) -> Callable[[Portrait], list[PosedPortrait]]:
    """A function: a portrait → it talking, turned and blinking, turned far to the other side."""

    def posed(portrait: Portrait) -> list[PosedPortrait]:
        talking = pose_of(portrait, jawOpen=0.7, mouthSmileLeft=0.5)
        blinking = pose_of(portrait, eyeBlinkLeft=0.6, eyeLookOutRight=0.7, eyeLookInLeft=0.7, jawOpen=0.2)
        blinking = dataclasses.replace(blinking, rotation=rotation_matrix(yaw=14.0, pitch=-3.0, roll=5.0))
        return [
            pose_portrait(portrait, pose, previous=Pose(), following=TURNED) for pose in (talking, blinking, TURNED)
        ]

    return posed


def later(posed: list[PosedPortrait]) -> list[Callable[[], PosedPortrait]]:
    """As the renderer wants them."""
    return [lambda one=one: one for one in posed]  # type: ignore[misc]


def rendered(renderer: Renderer, posed: list[PosedPortrait], passes: tuple[str, ...]) -> list[dict[str, Float32]]:
    """By the graph; a frame it leaves to the processor is a failure."""
    made = list(renderer.stream(later(posed), passes, quiet))
    assert len(made) == len(posed)
    return [dict(one or {}) for one in made]


def whole(posed: PosedPortrait, passes: tuple[str, ...]) -> dict[str, Float32]:
    """By the engine's kernels."""
    return render_rows(posed, 0, posed.portrait.height, passes=passes).passes


def far(made: Float32, wanted: Float32) -> float:
    """The largest difference, relative to the value wanted plus a fiftieth of white."""
    return float((np.abs(made.astype(np.float64) - wanted) / (np.abs(wanted) + 0.02)).max())


def close(made: Float32, wanted: Float32) -> bool:
    """Whether a pass agrees, but for one pixel in ten thousand: where it jumps, a rounding takes the other side."""
    apart = np.abs(made - wanted) > 1e-3 * (1 + np.abs(wanted))
    return bool(apart.any(axis=2).mean() < 1e-4)


@pytest.mark.parametrize("which", ["odd", "cutout"])
@pytest.mark.parametrize("batch", [1, 3])
def test_every_pass_is_the_engines_own_to_the_last_bit(
    which: str, batch: int, drives: Callable[[Portrait], list[PosedPortrait]], request: pytest.FixtureRequest
) -> None:
    portrait = request.getfixturevalue(which)
    posed = drives(portrait)
    renderer = Renderer(portrait, "cpu", batch=batch, threads=1)
    for made, one in zip(rendered(renderer, posed, PASSES), posed, strict=True):
        wanted = whole(one, PASSES)
        assert list(made) == list(PASSES)
        assert {name for name in PASSES if not np.array_equal(made[name], wanted[name])} == set()
    if which == "odd":
        assert made["Combined"].max() > 30
        assert made["Combined"].min() < -0.005


def test_half_precision_is_the_same_rounded_and_held_within_its_range(
    odd: Portrait, drives: Callable[[Portrait], list[PosedPortrait]]
) -> None:
    bright = dataclasses.replace(odd, source=odd.source * np.float32(3000))
    bright = dataclasses.replace(bright, layers=dataclasses.replace(odd.layers, plate=odd.layers.plate * 3000))
    posed = [dataclasses.replace(one, portrait=bright) for one in drives(odd)[:1]]
    [made] = rendered(Renderer(bright, "cpu", half=True, threads=1), posed, ("Combined", "Matte"))
    wanted = whole(posed[0], ("Combined", "Matte"))
    assert made["Combined"].dtype == made["Matte"].dtype == np.float16
    assert np.array_equal(made["Combined"], np.clip(wanted["Combined"], -65504, 65504).astype(np.float16))
    assert wanted["Combined"].max() > 65504


def test_hard_edges_of_drafts_too(odd: Portrait, drives: Callable[[Portrait], list[PosedPortrait]]) -> None:
    posed = drives(odd)[2]
    [made] = rendered(Renderer(odd, "cpu", smooth_edges=False, threads=1), [posed], ("Combined",))
    wanted = render_rows(posed, 0, odd.height, passes=("Combined",), smooth_edges=False).passes["Combined"]
    assert np.array_equal(made["Combined"], wanted)
    assert not np.array_equal(wanted, whole(posed, ("Combined",))["Combined"])


def test_the_identity_pose_and_a_person_outside_the_picture_are_left_to_the_processor(odd: Portrait) -> None:
    away = Pose(translation=np.array([40.0, 0.0, 0.0]))
    frames = [pose_portrait(odd, pose) for pose in (Pose(), TURNED, away)]
    made = list(Renderer(odd, "cpu", threads=1).stream(later(frames), ("Combined",), quiet))
    drawn = [inputs.can_be_drawn(inputs.list_frame(frame)) for frame in frames]
    assert [one is not None for one in made] == drawn
    assert drawn[:2] == [False, True]


@pytest.fixture(scope="session")
def nets() -> CorrectionNets:
    """The networks that ship."""
    return CorrectionNets.from_files(MODELS / "neural_fast_person.onnx", MODELS / "neural_fast.onnx", "cpu", threads=1)


def test_networks_in_the_graph_correct_as_they_do_beside_the_kernels(
    odd: Portrait, nets: CorrectionNets, drives: Callable[[Portrait], list[PosedPortrait]]
) -> None:
    corrector = Corrector(nets, odd)
    network = read_network(MODELS / "neural_fast.onnx")
    renderer = Renderer(odd, "cpu", corrector=corrector, network=network, batch=3, threads=1)
    posed = drives(odd)
    changed = 0.0
    for made, one in zip(rendered(renderer, posed, PASSES), posed, strict=True):
        wanted, alone = corrected_frame(corrector, one, PASSES), whole(one, PASSES)
        assert far(made["Combined"], wanted["Combined"]) < TOLERANCE
        assert float(np.abs(made["Matte"] - wanted["Matte"]).max()) < TOLERANCE
        assert all(close(made[name], wanted[name]) for name in PASSES[2:])
        untouched = (wanted["Combined"] == alone["Combined"]).all(axis=2)
        assert np.array_equal(made["Combined"][untouched], alone["Combined"][untouched])
        changed = max(changed, far(wanted["Combined"], alone["Combined"]))
    assert changed > 20 * TOLERANCE


def loud(path: Path) -> onnx.ModelProto:
    """The shipped network with its answers made large everywhere: flow, tone and paint of head, mouth and eyes."""
    model = onnx.load(str(path))
    for output in list(model.graph.output):
        name = output.name
        size = {"flow": 0.004, "tone": 0.3, "paint": 0.1}[name.split("_")[1]]
        for node in model.graph.node:
            node.output[:] = [f"{name}_quiet" if one == name else one for one in node.output]
            node.input[:] = [f"{name}_quiet" if one == name else one for one in node.input]
        added = onnx.helper.make_tensor(f"{name}_more", onnx.TensorProto.FLOAT, [1], [size])
        model.graph.initializer.append(added)
        model.graph.node.append(onnx.helper.make_node("Add", [f"{name}_quiet", f"{name}_more"], [name]))
    return model


def test_large_corrections_of_every_part_agree_as_well(
    odd: Portrait, drives: Callable[[Portrait], list[PosedPortrait]], tmp_path: Path
) -> None:
    path = tmp_path / "loud.onnx"
    network = loud(MODELS / "neural_fast.onnx")
    onnx.save(network, str(path))
    nets = CorrectionNets.from_files(MODELS / "neural_fast_person.onnx", path, "cpu", threads=1)
    corrector = Corrector(nets, odd)
    [one] = drives(odd)[1:2]
    [made] = rendered(Renderer(odd, "cpu", corrector=corrector, network=network, threads=1), [one], PASSES)
    wanted, alone = corrected_frame(corrector, one, PASSES), whole(one, PASSES)
    assert far(wanted["Combined"], alone["Combined"]) > 0.1
    assert np.abs(wanted["Matte"] - alone["Matte"]).max() > 0.05
    assert far(made["Combined"], wanted["Combined"]) < TOLERANCE
    assert float(np.abs(made["Matte"] - wanted["Matte"]).max()) < TOLERANCE
    assert not np.array_equal(wanted["UV"], alone["UV"])
    assert all(close(made[name], wanted[name]) for name in PASSES[2:])


def test_too_little_memory_makes_smaller_batches_and_then_it_is_the_processors(odd: Portrait, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    frames, said = [pose_portrait(odd, TURNED)] * 5, []
    renderer = Renderer(odd, "cpu", batch=4, threads=1)
    run, most = renderer.graph.run, 1

    def narrow(feeds, outputs):  # type: ignore[no-untyped-def]
        # a card on which only `most` frames have room: the real graph, refused a run that is too large
        return run({**feeds, "behind": feeds["behind" if feeds["frames"][0] <= most else "width"]}, outputs)

    monkeypatch.setattr(renderer.graph, "run", narrow)
    made = list(renderer.stream(later(frames), ("Combined",), said.append))
    assert len(made) == 5
    assert all(one is not None for one in made)
    assert renderer.batch == 1
    assert said == []
    most = 0
    assert list(renderer.stream(later(frames), ("Combined",), said.append)) == []
    assert "processor renders from here on" in said[0].text


def test_a_job_on_a_card_writes_the_processors_pixels_and_each_frame_says_what_drew_it(
    odd: Portrait, tmp_path: Path
) -> None:
    motion = make_demo_motion(24.0)
    written = {}
    for name, renderer in (("cpu", None), ("graph", Renderer(odd, "cpu", half=True, batch=2, threads=1))):
        job = Job("portrait.png", TAKE, str(tmp_path / name / "####.exr"), neural="off", frames="1")
        performance = sequence.performance_of(job, motion, odd.landmarks)
        still = next(i for i in range(len(performance)) if performance[i].is_identity)
        moved = [i for i in range(30, len(performance)) if not performance[i].is_identity][:3]
        numbers = [int(performance.frames[i]) for i in sorted([still, *moved])]
        opened = Opened(odd, None, Display(gain=1.0), 1.0, "0" * 64)  # type: ignore[arg-type]
        actors = [sequence.Actor(job, odd, performance)]
        files = sequence.frame_files(job, opened, actors)
        check_output(job, numbers)
        assert sequence.write_frames(job, files, actors, numbers, quiet, renderer=renderer) == 0
        again = dataclasses.replace(job, resume=True)
        kept = sequence.frame_files(again, opened, actors)
        assert sequence.write_frames(again, kept, actors, numbers, quiet, renderer=None) == 4
        written[name] = [read_exr(files.path(number)) for number in numbers]
        drawn = [header["gioconda:renderer"] for _, header in written[name]]
        graph = "cpu" if renderer is None else "graph/cpu"
        assert drawn == ["cpu" if i == still else graph for i in sorted([still, *moved])]
    for (one, _), (other, _) in zip(written["cpu"], written["graph"], strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_what_stands_still_is_copied_and_highlights_leave_no_ring() -> None:
    g = Graph()
    sides = [g.constant([side], INT32) for side in (12, 10)]
    x, y = (g.input(name, FLOAT, ("n", 1)) for name in ("x", "y"))
    g.output("sample", padded(g, g.input("texture", FLOAT, (120, 4)), (sides[0], sides[1]), x, y, pad=2), ("n", 4))
    texture = np.zeros((10, 12, 4), np.float32)
    texture[5, 6] = 1000
    places = np.array([[4.5, 3.5], [4.5 + 4e-5, 3.5], [3.0, 3.2], [-9.0, 99.0]], np.float32)
    feeds = {"texture": texture.reshape(-1, 4), "x": places[:, :1], "y": places[:, 1:]}
    [made] = DeviceGraph(g.model(), "cpu", threads=1).run(feeds, ["sample"])
    assert (made[:2] == 1000).all()
    assert (made >= 0).all()


def test_the_graph_is_of_standard_operators_alone() -> None:
    model = onnx.load_from_string(frame_graph(read_network(MODELS / "neural_fast.onnx")))
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    assert all(len(value.type.tensor_type.shape.dim) <= 4 for value in model.graph.input)


def test_patches_that_overlap_are_laid_one_over_the_other() -> None:
    pixel = np.array([5, 7, 5], np.int32)
    colour = np.array([[1, 0, 0, 1], [0, 0, 1, 1], [0, 1, 0, 1]], np.float32)
    coverage = np.array([[0.5], [1.0], [0.25]], np.float32)
    single, mixed, total = _merge_duplicates(pixel, colour, coverage)
    assert single.tolist() == [5, 7]
    under = np.array([0.2, 0.2, 0.2, 1], np.float32)
    wanted = under + 0.5 * (colour[0] - under)
    wanted = wanted + 0.25 * (colour[2] - wanted)
    assert np.allclose(under + total[0] * (mixed[0] - under), wanted)


@pytest.mark.parametrize("half", [False, True])
def test_the_graphs_in_the_package_are_what_would_be_written_anew(half: bool) -> None:
    fresh = onnx.load_from_string(frame_graph(None, half=half))
    assert onnx.load_from_string(stored_graph(half)) == fresh, "run python -m gioconda.gpu.stored_graphs"


def test_frames_without_networks_want_no_onnx(tmp_path: Path) -> None:
    code = "import sys; sys.modules['onnx'] = None\nimport gioconda.gpu.renderer, gioconda.gpu.trial\n"
    code += "from gioconda.gpu.device import DeviceGraph\nfrom gioconda.gpu.stored_graphs import stored_graph\n"
    code += "print(DeviceGraph(stored_graph(True), 'cpu').device)"
    core = Path(__file__).resolve().parents[3] / "core"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=core)
    assert done.stdout.strip() == "cpu", done.stderr
