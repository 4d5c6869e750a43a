"""Nothing is sent, and no library leaves traces of its own with the user: seen from outside, in running processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOPPER = ROOT / "core/gioconda/cli/grace_hopper.jpg"
SWITCH = "ORT_DISABLE_TELEMETRY"
LINGER = 12  # seconds that ONNX Runtime 1.32 takes until it looks its vendor up, measured: 5 to 8
RUN = "import sys, time; from gioconda.cli.main import main; code = main(); time.sleep({linger}); sys.exit(code)"
STRACE = ["strace", "-f", "-qq", "-e", "trace=%network"]


def an_empty_home(folder: Path) -> dict[str, str]:
    """The environment of a user who has nothing yet, and whom nobody has protected."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("GIOCONDA_", "XDG_"))}
    ours.pop(SWITCH, None)
    return {**ours, "HOME": str(folder), "USERPROFILE": str(folder), "PYTHONPATH": str(ROOT / "core")}


def a_job(folder: Path) -> list[str]:
    """A rendering with a video, pictures, a manifest: everything that the libraries are asked for."""
    words = ["animate", str(HOPPER), "take", "-o", str(folder / "####.exr"), "--frames", "1-2", "--preview"]
    return [*words, "--png", "--review", str(folder / "a.mp4"), "--consent", "public_domain:tests", "--quiet"]


def left_by_others(home: Path) -> list[str]:
    """The files in a home that are not below a folder of ours."""
    files = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
    return [str(path) for path in files if "gioconda" not in path.parts]


@pytest.mark.parametrize("module", ["gioconda.models.runtime", "gioconda.gpu.device", "tests.gpu.placement"])
def test_whatever_imports_onnx_runtime_has_switched_its_telemetry_off_before(module: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    code = (
        "import os, sys, importlib.abc\n"
        "class Watch(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == 'onnxruntime': print('SWITCH', os.environ.get('{SWITCH}'))\n"
        f"sys.meta_path.insert(0, Watch())\nimport {module}\n"
    )
    environment = an_empty_home(tmp_path) | {"PYTHONPATH": os.pathsep.join((str(ROOT / "core"), str(ROOT)))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)
    assert done.stdout.split() == ["SWITCH", "1"], done.stderr[-2000:]


@pytest.mark.slow
def test_a_job_and_a_batch_leave_no_vendors_folder_in_an_empty_home(tmp_path: Path, models_folder: Path) -> None:
    (tmp_path / "home").mkdir()
    environment = an_empty_home(tmp_path / "home")
    (tmp_path / "b.yaml").write_text(
        f"portraits: {HOPPER}\nmotions: [take]\noutput: b/{{portrait}}/{{motion}}/####.exr\n"
        "settings: {frames: 1, draft: true, consent: {right: public_domain, who: tests}}\n"
    )
    batch = ["batch", "run", str(tmp_path / "b.yaml"), "--allow-outside", "--quiet"]
    for words in (a_job(tmp_path / "out"), batch, ["doctor"]):
        command = [sys.executable, "-c", RUN.format(linger=1), *words]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=250)
        assert done.returncode == 0, done.stderr[-2000:]
    assert left_by_others(tmp_path / "home") == []
    assert (tmp_path / "home").exists() and list((tmp_path / "home").rglob("signing_key.pem")) != []


@pytest.mark.slow
def test_no_process_of_a_rendering_looks_anybody_up(tmp_path: Path, models_folder: Path) -> None:
    """strace sees what libraries ask the system for, in every thread and child: sockets of the internet's families."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    (tmp_path / "home").mkdir()
    environment = an_empty_home(tmp_path / "home")

    def calls(name: str, command: list[str]) -> list[str]:
        log = tmp_path / name
        done = subprocess.run(
            [*STRACE, "-o", str(log), *command], capture_output=True, text=True, env=environment, timeout=280
        )
        if "ptrace" in done.stderr:
            pytest.skip("strace is not allowed here")
        assert done.returncode == 0, done.stderr[-2000:]
        return [line for line in log.read_text(errors="replace").splitlines() if "AF_INET" in line]

    look_up = "import socket, contextlib\nwith contextlib.suppress(OSError): socket.getaddrinfo('example.invalid', 80)"
    assert calls("control", [sys.executable, "-c", look_up]) != []
    assert calls("job", [sys.executable, "-c", RUN.format(linger=LINGER), *a_job(tmp_path / "out")]) == []
