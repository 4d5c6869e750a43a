"""The exported file: what is in it, in the words of the format, read with none of the writer's code."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.cli.main import main
from gioconda.engine import Portrait, pose_portrait
from gioconda.errors import InputError, OutputError, SettingsError
from gioconda.export.command import ExportSettings, asset_of, check, export_job
from gioconda.export.page import page_of
from gioconda.export.relief import Relief, channel_poses, relief_of
from gioconda.export.scene import to_glb
from gioconda.imaging.color import choose_display
from gioconda.imaging.exr import COMPOSITE_SYNTHETIC, STATEMENT
from gioconda.landmarks import ARKIT

from tests.sitters import HOPPER, Sitter

CONSENT = {"right": "public_domain", "who": "a test", "text": "none"}
MODULES = os.environ.get("GIOCONDA_NODE_MODULES", "")
NPM = "npm install gltf-validator three, and name their node_modules in GIOCONDA_NODE_MODULES"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
BLENDERS = [Path(one) for one in os.environ.get("GIOCONDA_BPY", "").split(":") if one]


class Glb:
    """A binary glTF as its specification lays it out."""

    def __init__(self, data: bytes) -> None:
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON" and size % 4 == 0
        self.json: dict[str, Any] = json.loads(data[20 : 20 + size])
        binary, kind = struct.unpack_from("<I4s", data, 20 + size)
        assert kind == b"BIN\0" and binary == self.json["buffers"][0]["byteLength"]
        self.binary = data[28 + size :]
        assert len(self.binary) == binary

    def bytes_of(self, view: int) -> bytes:
        one = self.json["bufferViews"][view]
        return self.binary[one["byteOffset"] : one["byteOffset"] + one["byteLength"]]

    def accessor(self, index: int) -> np.ndarray[Any, Any]:
        one = self.json["accessors"][index]
        dtype = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}[one["componentType"]]
        wide = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}[one["type"]]
        values = np.frombuffer(self.bytes_of(one["bufferView"]), dtype)
        return values[: one["count"] * wide].reshape(one["count"], wide)

    def node(self, name: str) -> dict[str, Any]:
        return next(one for one in self.json["nodes"] if one["name"] == name)

    def primitive(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.json["meshes"][self.node(name)["mesh"]]["primitives"][0]
        return found

    def positions(self, name: str) -> np.ndarray[Any, Any]:
        return self.accessor(self.primitive(name)["attributes"]["POSITION"])

    def targets(self, name: str) -> dict[str, np.ndarray[Any, Any]]:
        mesh = self.json["meshes"][self.node(name)["mesh"]]
        every = [self.accessor(one["POSITION"]) for one in mesh["primitives"][0].get("targets", [])]
        return dict(zip(mesh.get("extras", {}).get("targetNames", []), every, strict=True))


@pytest.fixture(scope="module")
def relief(portrait: Portrait, sitter: Sitter) -> Relief:
    return relief_of(portrait, choose_display(sitter.source), texture_size=512)


@pytest.fixture(scope="module")
def data(relief: Relief) -> bytes:
    return to_glb(relief, asset_of(export_job("x.jpg", consent=CONSENT), "ab" * 32))


@pytest.fixture(scope="module")
def glb(data: bytes) -> Glb:
    return Glb(data)


def test_all_52_channels_are_there_by_their_names(glb: Glb) -> None:
    assert tuple(glb.targets("Face")) == ARKIT and len(ARKIT) == 52
    mesh = glb.json["meshes"][glb.node("Face")["mesh"]]
    assert mesh["weights"] == [0] * 52
    assert all(len(one["targets"]) == 52 for one in mesh["primitives"])


def test_a_target_is_where_the_engine_puts_the_skin(glb: Glb, portrait: Portrait, relief: Relief) -> None:
    poses = channel_poses(portrait)
    for name in ("jawOpen", "mouthSmileLeft", "browInnerUp", "eyeBlinkRight"):
        moved = (
            pose_portrait(portrait, poses[name]).position[: lm.FACE_POINTS] - portrait.mesh.bind_pose[: lm.FACE_POINTS]
        )
        shift = glb.targets("Face")[name][: lm.FACE_POINTS]
        assert np.abs(shift - moved * [1, -1, -1] * relief.unit).max() < 2e-5  # metres
        assert np.abs(shift).max() > 0.002


def test_it_is_in_metres_with_y_up_and_the_face_forwards(glb: Glb) -> None:
    points = glb.positions("Face")
    apart = np.linalg.norm(points[lm.EYE_OUTER_LEFT] - points[lm.EYE_OUTER_RIGHT])
    assert 0.075 < apart < 0.105
    assert points[lm.FOREHEAD, 1] > points[lm.CHIN, 1]
    assert points[lm.NOSE_TIP, 2] > points[[lm.EAR_LEFT, lm.EAR_RIGHT], 2].max() + 0.03
    assert points[lm.EYE_OUTER_LEFT, 0] > points[lm.EYE_OUTER_RIGHT, 0]  # the person's left is the viewer's right
    shift = glb.targets("Face")["jawOpen"][lm.CHIN]
    assert -0.06 < shift[1] < -0.01


def test_mouth_close_shuts_an_open_jaw(glb: Glb) -> None:
    points, targets = glb.positions("Face"), glb.targets("Face")
    upper, lower = 13, 14
    wide = (points + targets["jawOpen"])[[upper, lower], 1]
    shut = (points + targets["jawOpen"] + targets["mouthClose"])[[upper, lower], 1]
    assert wide[0] - wide[1] > 0.01 and abs(shut[0] - shut[1]) < 0.25 * (wide[0] - wide[1])


def test_lower_teeth_follow_the_jaw_and_upper_ones_the_skull(glb: Glb) -> None:
    assert not glb.targets("UpperTeeth")
    shift = glb.targets("LowerTeeth")["jawOpen"]
    assert shift[:, 1].min() < -0.008
    assert "eyeBlinkLeft" not in glb.targets("LowerTeeth")


@pytest.mark.parametrize("name", ["UpperTeeth", "LowerTeeth", "EyeLeft", "EyeRight", "IrisLeft", "IrisRight"])
def test_what_is_seen_through_holes_lies_behind_the_skin(name: str, relief: Relief, portrait: Portrait) -> None:
    from gioconda.engine.kernels import FAR, nearest

    rest = nearest(portrait.mesh.bind_pose, portrait.mesh.triangles, portrait.width, portrait.height).depth
    points = relief.surfaces[name].position
    x, y = (points[:, k].astype(int) for k in range(2))
    depth = rest[np.clip(y, 0, portrait.height - 1), np.clip(x, 0, portrait.width - 1)]
    assert (depth < FAR / 2).any()
    assert (points[:, 2] > depth)[depth < FAR / 2].all()


def test_an_iris_looks_where_it_is_told(glb: Glb) -> None:
    left = glb.targets("IrisLeft")
    assert {name[:7] for name in left} == {"eyeLook"}
    assert left["eyeLookOutLeft"][:, 0].mean() > 0.002 > -0.002 > left["eyeLookInLeft"][:, 0].mean()
    assert left["eyeLookUpLeft"][:, 1].mean() > 0 > left["eyeLookDownLeft"][:, 1].mean()


def test_the_head_is_a_joint_and_the_body_stays(glb: Glb, portrait: Portrait) -> None:
    skin = glb.json["skins"][glb.node("Face")["skin"]]
    assert [glb.json["nodes"][k]["name"] for k in skin["joints"]] == ["Body", "Head"]
    bind = glb.accessor(skin["inverseBindMatrices"])[1].reshape(4, 4).T
    assert np.allclose(bind[:3, 3], -np.array(glb.node("Head")["translation"]), atol=1e-6)
    attributes = glb.primitive("Face")["attributes"]
    joints, weights = glb.accessor(attributes["JOINTS_0"]), glb.accessor(attributes["WEIGHTS_0"])
    assert np.allclose(weights.sum(1), 1, atol=1e-6)
    of_head = np.where(joints == 1, weights, 0).sum(1)
    assert (of_head[: lm.COUNT] == 1).all() and of_head.min() < 0.05
    hanging = {glb.json["nodes"][k]["name"] for k in glb.node("Head")["children"]}
    assert {"UpperTeeth", "LowerTeeth", "MouthCavity", "MouthBack", "EyeLeft", "IrisRight"} <= hanging


def test_the_textures_are_the_portrait(glb: Glb, sitter: Sitter) -> None:
    images = {one["name"]: glb.bytes_of(one["bufferView"]) for one in glb.json["images"]}
    assert all(png.startswith(b"\x89PNG") for png in images.values())
    width, height = struct.unpack(">II", images["Plate"][16:24])
    assert max(width, height) == 512 and abs(width / height - sitter.source.shape[1] / sitter.source.shape[0]) < 0.01
    assert set(images) >= {"Person", "EyeLeft", "EyeRight", "IrisLeft", "IrisRight", "Plate"}


def test_the_file_says_what_it_is_and_on_whose_word(glb: Glb) -> None:
    asset = glb.json["asset"]
    assert asset["version"] == "2.0" and STATEMENT in asset["copyright"] and "a test" in asset["copyright"]
    assert asset["extras"]["digital_source_type"] == COMPOSITE_SYNTHETIC
    assert asset["extras"]["consent"] == CONSENT and asset["extras"]["source"] == "ab" * 32
    assert glb.node("Portrait")["extras"] == asset["extras"]  # engines keep nodes' extras, not the asset's


def test_without_background_and_with_hard_edges(portrait: Portrait, sitter: Sitter) -> None:
    relief = relief_of(portrait, choose_display(sitter.source), texture_size=128, plate=False)
    found = Glb(to_glb(relief, {}, blend=False))
    assert not [one for one in found.json["nodes"] if one["name"] == "Plate"]
    modes = {one["name"]: one["alphaMode"] for one in found.json["materials"]}
    assert modes["Person"] == "MASK" and modes["Face"] == "OPAQUE"


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"output": "portrait.fbx"}, SettingsError, "NAME.glb"),
        ({"texture_size": 20000}, SettingsError, "--texture-size 20000"),
        ({"page": True, "three": "nowhere"}, InputError, "npm install three"),
    ],
)
def test_bad_wishes_end_in_a_sentence(changes: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        check(ExportSettings(**{"output": "x.glb", **changes}))


def test_a_folder_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "x.glb").mkdir()
    with pytest.raises(OutputError, match="folder of that name"):
        check(ExportSettings(str(tmp_path / "x.glb")))


def test_nobody_s_portrait_is_exported_without_a_statement(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "policy.yaml").write_text("gioconda_policy: 1\n")
    words = ["--policy", str(tmp_path / "policy.yaml"), "--quiet"]
    assert main(["export", str(HOPPER), "-o", str(tmp_path / "x.glb"), *words]) == 3
    assert "consent" in capfd.readouterr().err and not (tmp_path / "x.glb").exists()


@pytest.mark.slow
def test_from_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "x.glb"
    words = ["export", str(HOPPER), "-o", str(out), "--consent", "public_domain: a test", "--texture-size", "256"]
    assert main([*words, "--quiet"]) == 0
    asset = Glb(out.read_bytes()).json["asset"]
    assert asset["extras"]["consent"]["who"] == "a test"


def test_a_page_holds_everything_it_runs(tmp_path: Path) -> None:
    for path, text in {
        "build/three.module.js": "import { a } from './three.core.js';",
        "build/three.core.js": "export const a = 1;",
        "examples/jsm/loaders/GLTFLoader.js": "import { b } from '../utils/BufferGeometryUtils.js';",
        "examples/jsm/utils/BufferGeometryUtils.js": "import { a } from 'three'; export const b = a;",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    page = page_of(b"glb", "<name>", tmp_path)
    assert "&lt;name&gt;" in page and "http" not in page.replace("http-equiv", "")
    from base64 import b64decode

    imports = json.loads(page.split('<script type="importmap">')[1].split("</script>")[0])["imports"]
    texts = {name: b64decode(value.partition(",")[2]).decode() for name, value in imports.items()}
    assert texts["three"] == "import { a } from 'three/core';"
    assert "'three/geometry'" in texts["three/gltf"]


@pytest.mark.skipif(not (MODULES and shutil.which("node")), reason=NPM)
def test_khronos_validator_finds_nothing_wrong(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.glb").write_bytes(data)
    script = (
        f"const v = require({json.dumps(str(Path(MODULES) / 'gltf-validator'))}), fs = require('fs');"
        "v.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))"
        ".then((r) => console.log(JSON.stringify(r.issues)));"
    )
    ran = subprocess.run(["node", "-e", script, str(tmp_path / "x.glb")], capture_output=True, text=True, check=True)
    issues = json.loads(ran.stdout)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


@pytest.mark.slow
@pytest.mark.skipif(not (MODULES and CHROMIUM), reason=f"needs Chromium; {NPM}")
def test_the_mouth_opens_in_a_browser(data: bytes, relief: Relief, tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    page.write_text(page_of(data, "x", Path(MODULES) / "three"), encoding="utf-8")
    still, wide = (_screenshot(page, words, tmp_path) for words in ("bare", "bare&jawOpen=0.7"))
    assert still.std() > 20  # something is shown
    width, height = relief.size
    scale = min(still.shape[1] / width, still.shape[0] / height)
    points = relief.surfaces["Face"].position[:, :2] - np.array([width, height]) / 2
    points = points * scale + np.array(still.shape[1::-1]) / 2
    change = np.abs(still.astype(float) - wide).mean(2)

    def mean_of(which: tuple[int, ...]) -> float:
        low, high = points[list(which)].min(0).astype(int), points[list(which)].max(0).astype(int) + 1
        return float(change[low[1] : high[1], low[0] : high[0]].mean())

    chin = points[lm.CHIN, 1]
    assert mean_of((*lm.LIPS_OUTER, 152)) > 15
    assert mean_of(lm.EYE_LEFT) < 2 and change[: int(0.2 * chin)].mean() < 1


def _screenshot(page: Path, words: str, folder: Path) -> np.ndarray[Any, Any]:
    from gioconda.imaging.image import read_picture

    out = folder / f"{len(words)}.png"
    assert CHROMIUM
    subprocess.run(
        [
            *(CHROMIUM, "--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
            *("--hide-scrollbars", f"--user-data-dir={folder / 'browser'}", "--window-size=500,600"),
            *("--virtual-time-budget=60000", f"--screenshot={out}", f"{page.as_uri()}#{words}"),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    )
    return read_picture(out, colorspace="linear").pixels[..., :3] * 255


@pytest.mark.slow
@pytest.mark.skipif(not BLENDERS, reason="name environments with bpy in GIOCONDA_BPY")
@pytest.mark.parametrize("blender", BLENDERS, ids=lambda path: path.name)
def test_blender_opens_it_and_its_shape_keys_move(blender: Path, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.glb").write_bytes(data)
    script = tmp_path / "look.py"
    script.write_text(_IN_BLENDER)
    python = next((blender / "bin").glob("python*"), blender / "Scripts" / "python.exe")
    ran = subprocess.run(
        [str(python), str(script), str(tmp_path / "x.glb")], capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout.strip().splitlines()[-1])
    assert set(found["keys"]) == set(ARKIT)
    assert 0.01 < found["jaw"] < 0.06 and found["turned"] > 0.01 and found["still"] < 1e-5


_IN_BLENDER = """
import json, sys
import bpy, numpy as np
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.gltf(filepath=sys.argv[-1])
face = next(one for one in bpy.data.objects if one.type == "MESH" and one.name.startswith("Face"))
rig = next(one for one in bpy.data.objects if one.type == "ARMATURE")
def points():
    bpy.context.view_layer.update()
    mesh = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
    flat = np.empty(3 * len(mesh.vertices)); mesh.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3).copy()
rest, keys = points(), face.data.shape_keys.key_blocks
keys["jawOpen"].value = 1
jaw = float(np.abs(points() - rest).max())
keys["jawOpen"].value = 0
head = rig.pose.bones["Head"]
head.rotation_mode = "XYZ"
head.rotation_euler = (0.0, 0.3, 0.0)
moved = np.linalg.norm(points() - rest, axis=1)
print(json.dumps({"keys": [k.name for k in keys if k.name != "Basis"], "jaw": jaw, "turned": float(moved.max()),
                  "still": float(moved.min())}))
"""
