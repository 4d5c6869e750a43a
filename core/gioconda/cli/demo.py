"""The demonstration: a public-domain portrait, the built-in motion, every kind of result. `make demo` runs it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from ..files import whole_file
from ..job.job import TAKE, Job

PORTRAIT = "grace_hopper.jpg"
CREDIT = "Rear Admiral Grace M. Hopper, 1984, by James S. Davis, US Navy"  # as in matplotlib's sample data


def demo_job(output: str) -> Job:
    """The demonstration's job; video, contact sheet and portrait lie beside the frames. Raises: OutputError."""
    folder = Path(output).parent
    content = resources.files(__package__).joinpath(PORTRAIT).read_bytes()
    portrait = folder / PORTRAIT
    if not portrait.is_file() or portrait.read_bytes() != content:
        with whole_file(portrait) as part:
            part.write_bytes(content)
    return Job(
        portrait=str(portrait),
        motion=TAKE,
        output=output,
        passes=("Combined", "Matte", "Depth", "Vector", "UV"),
        review=str(folder / "preview.mp4"),
        sheet=str(folder / "contact_sheet.png"),
        consent={"right": "public_domain", "who": "Gioconda's demonstration", "text": CREDIT},
    )
