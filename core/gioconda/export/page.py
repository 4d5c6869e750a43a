"""A page that plays a portrait's file in a browser, in one file: nothing is loaded, from disk or from anywhere.

three.js reads and draws it. It is the user's, as `npm install three` brings it; its modules are written into the page.
"""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path

from ..errors import InputError

_MODULES = {
    "three": "build/three.module.js",
    "three/core": "build/three.core.js",
    "three/gltf": "examples/jsm/loaders/GLTFLoader.js",
    "three/geometry": "examples/jsm/utils/BufferGeometryUtils.js",
    "three/skeleton": "examples/jsm/utils/SkeletonUtils.js",
}
# What those modules call each other.
_CALLED = {"./three.core.js": "three/core", "../utils/BufferGeometryUtils.js": "three/geometry"}
_CALLED["../utils/SkeletonUtils.js"] = "three/skeleton"
_IMPORT = re.compile(r"""(\bfrom\s*|\bimport\s*)(["'])(\.{1,2}/[^"']+)\2""")


def page_of(glb: bytes, title: str, three: Path) -> str:
    """The page. `three`: three.js' folder, with build and examples. Raises: InputError: it is not there."""
    imports = {}
    for name, path in _MODULES.items():
        file = three / path
        if not file.is_file() and name in ("three/core", "three/skeleton"):
            continue  # releases differ in how they are cut
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"There is no three.js in {three} ({path} cannot be read): run “npm install three” and name its folder "
                "with --three, or leave --page out."
            ) from error
        text = _IMPORT.sub(lambda found: f"{found[1]}{found[2]}{_CALLED.get(found[3], found[3])}{found[2]}", text)
        imports[name] = "data:text/javascript;base64," + base64.b64encode(text.encode()).decode()
    parts = {
        "TITLE": html.escape(title),
        "IMPORTS": json.dumps({"imports": imports}),
        "GLB": base64.b64encode(glb).decode(),
    }
    return re.sub(r"@(TITLE|IMPORTS|GLB)@", lambda found: parts[found[1]], _PAGE)


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline';
    img-src blob: data:; connect-src blob: data:">
<title>@TITLE@</title>
<style>
  html, body { margin: 0; height: 100%; background: #202020; color: #ddd; font: 13px/1.5 system-ui, sans-serif }
  body { display: flex }
  canvas { flex: 1; min-width: 0; height: 100%; display: block; touch-action: none }
  aside { width: 250px; overflow: auto; padding: 8px 12px; box-sizing: border-box }
  label { display: flex; justify-content: space-between; gap: 8px }
  input[type=range] { width: 100px }
  body.bare aside { display: none }
  p { margin: 4px 0 }
</style>
<canvas></canvas>
<aside><p>Synthetic media. Drag turns the head.</p><p><button>Play</button></p></aside>
<script type="importmap">@IMPORTS@</script>
<script type="application/octet-stream" id="glb">@GLB@</script>
<script type="module">
import * as THREE from "three";
import { GLTFLoader } from "three/gltf";

const canvas = document.querySelector("canvas"), aside = document.querySelector("aside");
const renderer = new THREE.WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true });
const text = atob(document.getElementById("glb").textContent);
const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const gltf = await new GLTFLoader().parseAsync(bytes.buffer, "");
const scene = gltf.scene, camera = gltf.cameras[0], head = scene.getObjectByName("Head");
const halves = [camera.right, camera.top];
const meshes = [];
scene.traverse((one) => {
  one.frustumCulled = false;
  if (one.morphTargetDictionary) meshes.push(one);
});
const names = [...new Set(meshes.flatMap((one) => Object.keys(one.morphTargetDictionary)))].sort();

function draw() {
  const w = canvas.clientWidth, h = canvas.clientHeight, ratio = w / h, whole = halves[0] / halves[1];
  renderer.setSize(w, h, false);
  camera.right = halves[0] * Math.max(1, ratio / whole);
  camera.top = halves[1] * Math.max(1, whole / ratio);
  camera.left = -camera.right;
  camera.bottom = -camera.top;
  camera.updateProjectionMatrix();
  renderer.render(scene, camera);
}
function set(name, value) {
  for (const one of meshes) {
    const index = one.morphTargetDictionary[name];
    if (index !== undefined) one.morphTargetInfluences[index] = value;
  }
}
function turn(yaw, pitch) {
  head.rotation.set(pitch, yaw, 0);
}
const sliders = {};
for (const name of names) {
  const label = document.createElement("label"), slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: 0, max: 1, step: 0.01, value: 0 });
  slider.oninput = () => { set(name, +slider.value); draw(); };
  label.append(name, slider);
  aside.append(label);
  sliders[name] = slider;
}
let from = null, angles = [0, 0];
canvas.onpointerdown = (event) => { from = [event.clientX, event.clientY, ...angles]; };
window.onpointerup = () => { from = null; };
window.onpointermove = (event) => {
  if (!from) return;
  const limit = (value, most) => Math.max(-most, Math.min(most, value));
  const across = (event.clientX - from[0]) / 300, down = (event.clientY - from[1]) / 400;
  angles = [limit(from[2] + across, 0.6), limit(from[3] + down, 0.35)];
  turn(...angles);
  draw();
};
let playing = false;
function play(now) {
  if (!playing) return;
  const t = now / 1000, bump = (x) => Math.max(0, Math.sin(x));
  const pose = {
    jawOpen: 0.45 * bump(7.1 * t) * bump(1.3 * t), mouthFunnel: 0.4 * bump(4.3 * t),
    mouthSmileLeft: 0.5 * bump(0.7 * t), mouthSmileRight: 0.5 * bump(0.7 * t), browInnerUp: 0.5 * bump(0.9 * t + 1),
  };
  pose.eyeBlinkLeft = pose.eyeBlinkRight = (t % 3.1) < 0.15 ? 1 : 0;
  pose.eyeLookOutLeft = pose.eyeLookInRight = 0.5 * bump(0.5 * t);
  for (const [name, value] of Object.entries(pose)) {
    set(name, value);
    if (sliders[name]) sliders[name].value = value;
  }
  turn(0.2 * Math.sin(0.6 * t), 0.06 * Math.sin(0.8 * t));
  draw();
  requestAnimationFrame(play);
}
document.querySelector("button").onclick = (event) => {
  playing = !playing;
  event.target.textContent = playing ? "Stop" : "Play";
  requestAnimationFrame(play);
};
// page.html#jawOpen=0.7&yaw=20&bare shows that: yaw and pitch in degrees, bare leaves the sliders out
const asked = new URLSearchParams(location.hash.slice(1));
document.body.classList.toggle("bare", asked.has("bare"));
for (const [name, value] of asked) if (sliders[name]) { set(name, +value); sliders[name].value = value; }
turn((asked.get("yaw") || 0) * Math.PI / 180, -(asked.get("pitch") || 0) * Math.PI / 180);
window.onresize = draw;
draw();
document.title += " (ready)";
</script>
</html>
"""
