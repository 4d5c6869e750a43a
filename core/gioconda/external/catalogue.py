"""The external engine that Gioconda can drive: LivePortrait's files, and what is publicly said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import ModelError

Shape = tuple[int, ...]

NAME, TITLE = "liveportrait", "LivePortrait"
PAPER = (
    "Guo, Zhang, Liu, Zhong, Zhang, Wan, Zhang: LivePortrait: Efficient Portrait Animation with Stitching and "
    "Retargeting Control, 2024 (arXiv 2407.03168)"
)
PUBLISHED = "https://huggingface.co/warmshao/FasterLivePortrait, folder liveportrait_onnx"
LICENCE = (
    "MIT, says the LICENSE of KwaiVGI/LivePortrait; it excepts InsightFace's models, which are for non-commercial "
    "research only and are not needed here"
)
HASHES_FROM = "VisoMaster's list of models"  # hands on files of these hashes; the authors publish none


@dataclass(frozen=True)
class NetworkFile:
    """One file of the engine.

    Attributes:
        role: what its network does.
        file: its name.
        inputs, outputs: name → shape.
        sha256: of the file that HASHES_FROM hands on; the user's engine.yaml decides, not this.
        instead: other file's name → why it cannot take this one's place.
    """

    role: str
    file: str
    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    sha256: str
    instead: Mapping[str, str] = field(default_factory=dict)


NETWORKS = (
    NetworkFile(
        "appearance",
        "appearance_feature_extractor.onnx",
        inputs={"img": (1, 3, 256, 256)},
        outputs={"output": (1, 32, 16, 64, 64)},
        sha256="dbbbb44e4bba12302d7137bdee6a0f249b45fb6dd879509fd5baa27d70c40e32",
    ),
    NetworkFile(
        "motion",
        "motion_extractor.onnx",
        inputs={"img": (1, 3, 256, 256)},
        outputs={
            **dict.fromkeys(("pitch", "yaw", "roll"), (1, 66)),
            "t": (1, 3),
            "exp": (1, 63),
            "scale": (1, 1),
            "kp": (1, 63),
        },
        sha256="99d4b3c9dd3fd301910de9415a29560e38c0afaa702da51398281376cc36fdd3",
    ),
    NetworkFile(
        "stitching",
        "stitching.onnx",
        inputs={"input": (1, 126)},
        outputs={"output": (1, 65)},
        sha256="43598e9747a19f4c55d8e1604fb7d7fa70ab22377d129cb7d1fe38c9a737cc79",
    ),
    NetworkFile(
        "generator",
        "warping_spade.onnx",
        inputs={"feature_3d": (1, 32, 16, 64, 64), "kp_driving": (1, 21, 3), "kp_source": (1, 21, 3)},
        outputs={"out": (1, 3, 512, 512)},
        sha256="d6ee9af4352b47e88e0521eba6b774c48204afddc8d91c671a5f7b8a0dfb4971",
        instead={
            "warping_spade-fix.onnx": "it is made for a TensorRT plug-in (GridSample3D), which ONNX Runtime does not "
            "have"
        },
    ),
)


def check_name(engine: str) -> None:
    """Raises: ModelError: there is no engine of that name."""
    if engine != NAME:
        raise ModelError(f"There is no engine “{engine}”; Gioconda can drive {NAME}.")
