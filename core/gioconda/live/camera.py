"""A virtual camera on Linux: frames written to a device of v4l2loopback, which other programs see as a webcam.

Written to the device itself: pyvirtualcam's licence is the GPL in version 2 without “or later”, which does not go with
ours. Constants and structure are those of linux/videodev2.h.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path
from typing import Self

import numpy as np

from ..arrays import UInt8
from ..errors import DeviceError
from ..imaging import resample

S_FMT = 0xC0D05605  # VIDIOC_S_FMT on 64-bit systems
OUTPUT, FIELD_NONE, COLORSPACE_SRGB = 2, 1, 8
YUYV = int.from_bytes(b"YUYV", "little")
_ELSEWHERE = "OBS shows the page (--page) as a browser source and has a virtual camera of its own."


def loopback_devices() -> list[Path]:
    """The devices of v4l2loopback, by the driver's names for them; none on other systems."""
    folder = Path("/sys/class/video4linux")
    found = sorted(folder.iterdir()) if sys.platform == "linux" and folder.is_dir() else []
    return [Path("/dev") / one.name for one in found if "/virtual/" in str(one.resolve())]


def format_request(width: int, height: int) -> bytes:
    """struct v4l2_format for packed YUYV output."""
    pixels = (width, height, YUYV, FIELD_NONE, 2 * width, 2 * width * height, COLORSPACE_SRGB, 0, 0, 0, 0, 0)
    return struct.pack("<II12I", OUTPUT, 0, *pixels).ljust(208, b"\0")


def yuyv(srgb: UInt8) -> UInt8:
    """(H, W, 3) uint8 sRGB, W even → (H, W, 2) uint8: Y and alternating U and V, BT.601, 16 to 235."""
    rgb = srgb.astype(np.float32)
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    y = 16 + (65.738 * r + 129.057 * g + 25.064 * b) / 256
    u = 128 + (-37.945 * r - 74.494 * g + 112.439 * b) / 256
    v = 128 + (112.439 * r - 94.154 * g - 18.285 * b) / 256
    out = np.empty((*srgb.shape[:2], 2), np.uint8)
    out[..., 0] = np.rint(y)
    out[:, 0::2, 1] = np.rint((u[:, 0::2] + u[:, 1::2]) / 2)
    out[:, 1::2, 1] = np.rint((v[:, 0::2] + v[:, 1::2]) / 2)
    return out


class VirtualCamera:
    """Shows frames as a webcam. A context."""

    def __init__(self, device: str | None, width: int, height: int) -> None:
        """device: its file; None: the first of v4l2loopback. Raises: DeviceError."""
        if sys.platform != "linux":
            raise DeviceError(f"A virtual camera is written on Linux only: {_ELSEWHERE}")
        devices = [Path(device)] if device else loopback_devices()
        if not devices:
            raise DeviceError(
                "There is no virtual camera: `sudo modprobe v4l2loopback exclusive_caps=1` makes one "
                f"(package v4l2loopback-dkms). {_ELSEWHERE}"
            )
        self.path, self._size = devices[0], (width // 2 * 2, height // 2 * 2)
        try:
            import fcntl

            self._file = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            fcntl.ioctl(self._file, S_FMT, bytearray(format_request(*self._size)))
        except OSError as error:
            raise DeviceError(f"The virtual camera {self.path} takes no pictures ({error.strerror}).") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def show(self, srgb: UInt8) -> None:
        """The next frame, (H, W, 3) uint8 sRGB. One that the device does not take at once is dropped."""
        width, height = self._size
        fitted = srgb if srgb.shape[:2] == (height, width) else resample.resize(srgb, width, height)
        try:
            os.write(self._file, yuyv(np.asarray(fitted, np.uint8)).tobytes())
        except BlockingIOError:
            return
