"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gioconda.errors import OutputError
from gioconda.files import unwritable, whole_file


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "a.bin"
    with whole_file(target) as part:
        part.write_bytes(b"half")
        assert not target.exists()
    assert target.read_bytes() == b"half"
    assert list(target.parent.iterdir()) == [target]


def test_an_exception_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError), whole_file(target) as part:
        part.write_bytes(b"new")
        raise RuntimeError
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    target = tmp_path / "a [1].bin"
    script = (
        "import os, sys; from pathlib import Path; from gioconda.files import whole_file\n"
        f"with whole_file({str(target)!r}) as part: part.write_bytes(b'half'); os._exit(9)"
    )
    core = Path(__file__).parents[2] / "core"
    subprocess.run([sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": str(core)}, timeout=60, check=False)
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    (left,) = tmp_path.iterdir()
    alive = left.with_name(left.name.replace(left.name.split("-")[-1], "1.part"))
    alive.write_bytes(b"a living process is writing")
    elsewhere = left.with_name(f".{target.name}.othernode-99999999.part")
    elsewhere.write_bytes(b"another farm node is writing")
    with whole_file(target) as part:
        part.write_bytes(b"whole")
    expected = {target, elsewhere, alive} if os.name == "posix" else {target, elsewhere}
    assert set(tmp_path.iterdir()) == expected


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_called_full(code: int) -> None:
    assert "the disk is full; free some space" in str(unwritable(Path("a.exr"), OSError(code, os.strerror(code))))


def test_no_permission_says_choose_another_folder(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        error = unwritable(tmp_path / "a", PermissionError(errno.EACCES, "Permission denied"))
        assert "Permission denied; choose a folder you may write to." in str(error)
        return
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="choose a folder you may write to"), whole_file(tmp_path / "a"):
        pass
