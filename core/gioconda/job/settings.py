"""A setting's declaration, once, at its field in a dataclass. Standard library only.

    draft: bool = setting("no anti-aliased silhouettes", "--preview", default=False, changes="pixels")

Derived from it: options of the command line, JSON Schemas, checks, fingerprints, farm assets, path mapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal

# What another value of a setting changes: the frames' pixels; the prepared portrait, and with it the pixels; the poses
# alone, so that a frame whose pose stays the same is the same; or nothing that is seen in a frame.
Changes = Literal["pixels", "portrait", "pose", "nothing"]
# What a path is: a file or a folder that is read and travels with the job to a farm, something that is written, or a
# folder of this machine, which stays here.
PathKind = Literal["file", "folder", "output", "local"]


@dataclass(frozen=True)
class Setting:
    """What is declared of a field, beside its type and default.

    Attributes:
        text: for option help, schema and tooltip; no capital, no full stop.
        option: "--name VALUE" on the command line, "name" for a positional one; None: it has none.
        choices: all that a text, or each item of a list, may be; beside numbers where the type has those too.
        also: values of a path that name no file, such as built-in motions.
        group: the heading of its option.
        argument: more that argparse needs to know.
        schema: more of its JSON Schema: limits, pattern, examples.
        in_batch: may stand among a batch's settings.
    """

    text: str
    option: str | None
    changes: Changes
    path: PathKind | None
    choices: tuple[str, ...]
    also: tuple[str, ...]
    group: str
    argument: Mapping[str, Any]
    schema: Mapping[str, Any]
    in_batch: bool


def setting(
    text: str,
    option: str | None = None,
    *,
    needed: bool = False,
    default: Any = None,
    default_factory: Any = MISSING,
    changes: Changes = "nothing",
    path: PathKind | None = None,
    choices: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
    group: str = "",
    argument: Mapping[str, Any] | None = None,
    in_batch: bool = True,
    **schema: Any,
) -> Any:
    """A dataclass field with its declaration, see `Setting`. Its default is None unless given, or it is `needed`."""
    if needed or default_factory is not MISSING:
        default = MISSING
    declared = Setting(text, option, changes, path, choices, also, group, argument or {}, schema, in_batch)
    return field(default=default, default_factory=default_factory, metadata={"setting": declared})


def declared(cls: type[Any]) -> Mapping[str, Setting]:
    """Every declared field of a dataclass, in their order."""
    if cls not in _declared:
        _declared[cls] = {one.name: one.metadata["setting"] for one in fields(cls) if "setting" in one.metadata}
    return _declared[cls]


_declared: dict[type[Any], Mapping[str, Setting]] = {}
