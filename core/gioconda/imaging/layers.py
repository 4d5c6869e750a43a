"""Which part and layer of a picture is the picture: an EXR may hold dozens, depth and passes among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import PictureError

MAX_PARTS = 100
_LETTERS = {"r": 0, "red": 0, "g": 1, "green": 1, "b": 2, "blue": 2, "a": 3, "alpha": 3}
_BEAUTY = ("rgba", "rgb", "combined", "beauty", "image", "composite", "colour", "color", "main", "master", "final")
_PASSES = (  # how the names of renderers' passes begin
    *("diff", "gloss", "spec", "trans", "vol", "emi", "env", "shadow", "ao", "occlusion", "normal", "position"),
    *("vector", "motion", "uv", "depth", "crypto", "mist", "albedo", "noisy", "denois", "index", "reflect", "refract"),
    *("sss", "subsurface", "indirect", "direct", "light", "matte", "mask", "id", "z"),
)


@dataclass(frozen=True)
class Layer:
    """Channels that make a picture."""

    name: str  # as the file calls it: "", "Image", "rgba", "part.layer"
    part: int  # of a file with several
    spec: Any  # the part's
    colour: tuple[int, ...]  # indices of R, G and B, or of one grey channel
    alpha: int | None

    @property
    def rank(self) -> tuple[int, int]:
        """How likely it is the picture itself: the smaller, the likelier; of two alike the first one."""
        low = self.name.lower()
        words = low.replace("_", ".").replace(" ", ".").replace("/", ".").split(".")
        if not low or any(word in _BEAUTY for word in words) or any(word in low for word in ("beauty", "combined")):
            return 0, self.part
        return 2 if any(word.startswith(_PASSES) for word in words) else 1, self.part


def choose_layer(path: Path, source: Any, wanted: str | None) -> tuple[Layer, tuple[str, ...]]:
    """The layer that is `wanted`, else the likeliest with colours; and a note where there were several.

    Raises: PictureError: there is none, or none of that name.
    """
    specs = list(_parts(source))
    flat = [(part, spec) for part, spec in enumerate(specs) if not spec.deep]
    layers = [layer for part, spec in flat for layer in _layers(part, spec, len(specs) > 1)]
    if wanted is not None:
        return _named(path, layers, wanted), ()
    coloured = [layer for layer in layers if len(layer.colour) == 3]
    if not layers or (not coloured and _has_layers(specs)):
        if specs[0].deep:
            raise PictureError(f"{path} holds deep pixels; flatten it first.")
        names = [name for spec in specs for name in spec.channelnames]
        shown = ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
        raise PictureError(f"{path} has no colour, its channels are {shown}; give one with R, G and B.")
    candidates = coloured or layers
    chosen = min(candidates, key=lambda layer: layer.rank)
    others = [layer.name for layer in candidates if layer is not chosen]
    if not others:
        return chosen, (
            (f"Of its {len(specs)} parts the picture's “{chosen.name}” is taken.",) if len(specs) > 1 else ()
        )
    shown = ", ".join(name or "RGB" for name in others[:8]) + (" …" if len(others) > 8 else "")
    return chosen, (f"The picture's layer “{chosen.name or 'RGB'}” is taken; it also has {shown} (--layer NAME).",)


def _named(path: Path, layers: list[Layer], wanted: str) -> Layer:
    low = wanted.strip().lower()
    found = [layer for layer in layers if layer.name.lower() == low]
    found = found or [layer for layer in layers if low in layer.name.lower().split(".")]
    if not found:
        names = ", ".join(layer.name or "RGB" for layer in layers) or "none"
        raise PictureError(f"{path} has no layer “{wanted}”; its layers are: {names}.")
    return min(found, key=lambda layer: layer.rank)


def _parts(source: Any) -> Iterator[Any]:
    """Each part's header; the source stands at the first one afterwards."""
    for part in range(MAX_PARTS):
        if not source.seek_subimage(part, 0):
            break
        yield source.spec()
    source.seek_subimage(0, 0)
    source.geterror()  # that there are no more


def _has_layers(specs: list[Any]) -> bool:
    """Whether channels have names of their own, as passes have."""
    return any(len(spec.channelnames) > 1 and any(len(name) > 1 for name in spec.channelnames) for spec in specs)


def _layers(part: int, spec: Any, several: bool) -> Iterator[Layer]:
    """The pictures among a part's channels."""
    names = [name.lower() for name in spec.channelnames]
    own = str(spec.get_string_attribute("oiio:subimagename")) if several else ""
    groups: dict[str, dict[int, int]] = {}
    for index, name in enumerate(names):
        prefix, _, letter = name.rpartition(".")
        if letter in _LETTERS:
            groups.setdefault(prefix, {}).setdefault(_LETTERS[letter], index)
    found = False
    for prefix, letters in groups.items():
        if {0, 1, 2} <= set(letters):
            written = spec.channelnames[letters[0]].rpartition(".")[0] if prefix else ""
            label = ".".join(dict.fromkeys(word for word in (own, written) if word))
            yield Layer(label, part, spec, (letters[0], letters[1], letters[2]), letters.get(3))
            found = True
    if found:
        return
    if "y" in names:
        yield Layer(own, part, spec, (names.index("y"),), names.index("a") if "a" in names else None)
    elif spec.nchannels >= 3 and all(len(name) == 1 for name in names):
        yield Layer(own, part, spec, (0, 1, 2), 3 if spec.nchannels == 4 else None)
    elif spec.nchannels < 3:
        yield Layer(own, part, spec, (0,), 1 if spec.nchannels == 2 else None)
