"""Read and write video, one frame at a time, and WebP pictures. The only file that imports PyAV."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from ..arrays import Array, UInt8
from ..errors import DeviceError, MotionError, PictureError, SettingsError, one_line
from ..files import unwritable, whole_file
from ..motion.clock import clock
from .frame_rate import exact_rate

Frame = UInt8  # (H, W, 3) sRGB
Int16 = npt.NDArray[np.int16]

MAX_PIXELS = 40_000_000  # of a frame: 8K and a bit
MAX_SOUND_SECONDS = 3600
SOUND_RATE = 48_000  # samples per second in a video we write
# Only files: a playlist that calls itself clip.mp4 must not make us read others or call anybody.
_SAFE = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,matroska,webm,avi,mpeg,mpegts,mpegvideo,mxf,asf,h264,hevc,ogg,flv,gif,m4v,"
    "wav,mp3,aac,flac,aiff,avif",
}
_BT709 = 1  # the code for primaries, transfer and matrix alike (ITU-T H.273)
_ENCODERS = {"h264": ("libx264", "h264", "libopenh264"), "hevc": ("libx265", "hevc"), "vp9": ("libvpx-vp9",)}
_CHANNELS = {"yuv420p": "rgb24", "yuva420p": "rgba"}
# alternate reference frames cannot carry alpha; bitrate 0 lets the rate factor rule
_OPTIONS = {"vp9": {"b": "0", "auto-alt-ref": "0", "deadline": "good", "cpu-used": "4"}}


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says about itself, at a constant rate: where its own varies, that to which it is resampled."""

    width: int  # as shown: after widening and turning
    height: int
    fps: float  # frames per second
    frames: int  # from the first to the last, at `fps`; 0 where that is not known
    rotation: int  # 0, 90, 180 or 270: degrees the stored frames are turned counter-clockwise to be shown
    varies: bool = False  # its own rate does


def video_info(path: Path | str) -> VideoInfo:
    """Raises: MotionError for a file that is missing, damaged, no video or a single picture."""
    path = Path(path)
    with _reading(path) as (container, stream):
        fps, count, varies = _rate(container, stream)
        first = next(container.decode(stream), None)
        if first is None:
            raise MotionError(f"{path} holds no frame that can be decoded; export the video again.")
        rotation = int(getattr(first, "rotation", 0)) % 360
        width, height = _shown_size(first.width, first.height, _pixel_aspect(stream))
        width, height = (height, width) if rotation in (90, 270) else (width, height)
    if count == 1:
        raise MotionError(f"{path} holds a single picture, which shows no motion: give a video.")
    return VideoInfo(width, height, fps, count, rotation, varies)


def _rate(container: Any, stream: Any) -> tuple[float, int, bool]:
    """Frames per second, how many frames there are at that rate, and whether the file's own rate varies.

    An MP4's header tells for the whole file; of others the packets' time stamps are read, and the file rewound.
    """
    average = float(stream.average_rate or stream.guessed_rate or 0)
    if "mp4" in container.format.name and stream.frames and stream.average_rate == stream.guessed_rate:
        return average, int(stream.frames), False
    stamps = {float(packet.pts * stream.time_base) for packet in container.demux(stream) if packet.pts is not None}
    container.seek(0)
    seconds = np.array(sorted(stamps))
    found = clock(seconds)
    if found is None:
        return average, len(stamps), False
    if found.numbers is None:
        return found.fps, int(np.floor((seconds[-1] - seconds[0]) * found.fps + 1e-6)) + 1, True
    fps = average if abs(average - found.fps) < 0.002 * found.fps else found.fps
    return fps, int(found.numbers[-1]) + 1, False


def _pixel_aspect(stream: Any) -> float:
    """Width of a stored pixel divided by its height."""
    aspect = float(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1)
    return aspect if 0.1 <= aspect <= 10 else 1.0


def _shown_size(width: int, height: int, aspect: float) -> tuple[int, int]:
    return (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))


@dataclass(frozen=True)
class Still:
    """A still picture in a video's clothes (AVIF)."""

    pixels: Array  # (H, W, 3) uint8, or uint16 where it has more than 8 bits
    primaries: int  # codes of ITU-T H.273; 2: not stated
    transfer: int


def still_size(path: Path | str) -> tuple[int, int]:
    """(width, height) of a still picture, upright. Raises: PictureError."""
    pixels = read_still(path).pixels  # small files: its header does not say how it is turned
    return int(pixels.shape[1]), int(pixels.shape[0])


def read_still(path: Path | str) -> Still:
    """The first picture of a file. Raises: PictureError: damaged or no picture."""
    path = Path(path)
    try:
        with _reading(path) as (container, _):
            stream = container.streams.video[0]
            frame = next(container.decode(stream))
            deep = any(component.bits > 8 for component in frame.format.components)
            pixels = frame.to_ndarray(format="rgb48le" if deep else "rgb24")
            turns = round(int(getattr(frame, "rotation", 0)) / 90) % 4
            codes = int(frame.color_primaries), int(frame.color_trc)
    except MotionError as error:
        raise PictureError(str(error)) from error
    except (StopIteration, av.error.FFmpegError, ValueError) as error:
        raise PictureError(f"{path} is damaged or incomplete; export or download the picture again.") from error
    return Still(np.ascontiguousarray(np.rot90(pixels, turns)), *codes)


def read_frames(path: Path | str, *, stop: int | None = None) -> Iterator[Frame]:
    """Frames from the first up to before `stop` (None: to the end), upright, as (H, W, 3) uint8 sRGB, one at a time.

    Raises: MotionError for a file that is missing, damaged or no video, at the frame where decoding stops.
    """
    return (frame for _, frame in timed_frames(path, stop=stop))


def timed_frames(path: Path | str, *, stop: int | None = None) -> Iterator[tuple[float | None, Frame]]:
    """As `read_frames`, each with its time stamp, seconds, where the file has it; pixels are square."""
    path = Path(path)
    index = 0
    with _reading(path) as (container, stream):
        aspect = _pixel_aspect(stream)
        try:
            for frame in container.decode(stream):
                if stop is not None and index >= stop:
                    return
                yield frame.time, _upright(frame, aspect)
                index += 1
        except av.error.FFmpegError as error:
            raise MotionError(
                f"{path} is damaged at frame {index} ({error.strerror}); export it again or shorten the range."
            ) from error
        claimed = stream.frames
    if index == 0:
        raise MotionError(f"{path} holds no frame that can be decoded; export the video again.")
    if stop is None and index < claimed - max(2, claimed // 20):
        raise MotionError(
            f"{path} is cut off: {index} of its {claimed} frames can be decoded; copy it again or give a range."
        )


def read_sound(path: Path | str, *, rate: int, channels: int = 1) -> Int16:
    """The sound of a sound or video file, (N, channels) int16, its channels mixed to 1 or 2.

    It begins with the picture where the file has one, else with its own first sample.

    Raises: MotionError for a file that is missing, damaged, without sound, or longer than `MAX_SOUND_SECONDS`.
    """
    path = Path(path)
    layout = {1: "mono", 2: "stereo"}[channels]
    pieces, begin, samples = list[Int16](), 0.0, 0
    with _opened(path, "a sound file", "a WAV, FLAC, MP3 or M4A") as container:
        if not container.streams.audio:
            raise MotionError(f"{path} has no sound track.")
        stream = container.streams.audio[0]
        pictures = [one for one in container.streams.video if not _is_cover(one)]
        zero = float(pictures[0].start_time * pictures[0].time_base) if pictures and pictures[0].start_time else 0.0
        resampler = av.AudioResampler(format="s16", layout=layout, rate=rate)
        try:
            for frame in container.decode(stream):
                if not pieces and pictures:
                    begin = (frame.time or 0.0) - zero
                for piece in resampler.resample(frame):
                    pieces.append(piece.to_ndarray().reshape(-1, channels))
                    samples += len(pieces[-1])
                if samples > MAX_SOUND_SECONDS * rate:
                    raise MotionError(f"{path} lasts longer than {MAX_SOUND_SECONDS // 60} minutes; cut it.")
            if pieces:
                pieces += [piece.to_ndarray().reshape(-1, channels) for piece in resampler.resample(None)]
        except (av.error.FFmpegError, ValueError) as error:
            raise MotionError(f"{path} is damaged ({one_line(error)}); export its sound again.") from error
    if not pieces:
        raise MotionError(f"{path} holds no sound that can be decoded; export it again.")
    sound = np.concatenate(pieces)
    late = round(begin * rate)
    return np.concatenate([np.zeros((late, channels), np.int16), sound]) if late > 0 else sound[-late:]


def has_sound(path: Path | str) -> bool:
    """Whether a file has a sound track. Raises: MotionError: it cannot be read at all."""
    with _opened(Path(path), "a sound file", "a WAV, FLAC, MP3 or M4A") as container:
        return bool(container.streams.audio)


def camera_frames(camera: str | None = None, *, rate: float = 30.0) -> Iterator[Frame]:
    """A camera's frames, (H, W, 3) uint8 sRGB, as they come, until the iterator is closed.

    camera: its number or name (a device file on Linux); None: the first one; the path of a video, played at its rate.

    Raises: DeviceError: at once, where there is no such camera; later, where it goes away.
    """
    if camera and not camera.isdigit() and Path(camera).is_file():
        return _played(Path(camera))
    name, kind = _camera_name(camera)
    try:
        container = av.open(name, format=kind, options={"framerate": f"{rate:g}"}, timeout=10.0)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DeviceError(
            f"The camera {name} cannot be opened ({reason}): is it there, is another program using it?"
        ) from error
    return _camera(container, name)


def _camera_name(camera: str | None) -> tuple[str, str]:
    """A camera's name for FFmpeg, and the kind of device it is on this system."""
    if sys.platform == "win32":
        return f"video={camera or 'Integrated Camera'}", "dshow"
    if sys.platform == "darwin":
        return camera or "0", "avfoundation"
    return (f"/dev/video{camera or 0}" if not camera or camera.isdigit() else camera), "v4l2"


def _camera(container: Any, name: str) -> Iterator[Frame]:
    try:
        yield from (_upright(frame, 1.0) for frame in container.decode(video=0))
    except (av.error.FFmpegError, OSError) as error:
        raise DeviceError(f"The camera {name} sends no more pictures ({error.strerror}).") from error
    finally:
        container.close()


def _played(path: Path) -> Iterator[Frame]:
    started, first = time.monotonic(), None
    for seconds, frame in timed_frames(path):
        first = seconds if first is None else first
        if seconds is not None and first is not None:
            time.sleep(max(0.0, started + seconds - first - time.monotonic()))
        yield frame


@contextlib.contextmanager
def _opened(path: Path, kind: str, wanted: str) -> Iterator[Any]:
    """A file's container; `kind` says in an error what it should be, `wanted` what to give instead."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        raise MotionError(f"The name of {shown} is not in UTF-8: rename the file.") from None
    if path.is_dir():
        raise MotionError(f"{path} is a folder, not {kind}; name a file in it.")
    if not path.exists():
        raise MotionError(f"There is no file {path}; check the path.")
    try:
        container = av.open(f"file:{path}", options=_SAFE, metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        reason = error.strerror or str(error)
        raise MotionError(f"{path} is not {kind} that can be read ({reason}); give {wanted}.") from error
    try:
        yield container
    finally:
        container.close()


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[tuple[Any, Any]]:
    with _opened(path, "a video", "an MP4, MOV, MKV or WebM") as container:
        if not container.streams.video:
            raise MotionError(f"{path} has no picture track; give a video.")
        # not a cover, nor the still that stands before an animated AVIF
        stream = max(container.streams.video, key=lambda one: (not _is_cover(one), one.frames))
        if stream.codec_context is None:
            raise MotionError(f"{path} is in a codec that cannot be read; export the video again as H.264.")
        size = _shown_size(stream.codec_context.width, stream.codec_context.height, _pixel_aspect(stream))
        if size[0] * size[1] > MAX_PIXELS:
            raise MotionError(
                f"{path} has frames of more than {MAX_PIXELS // 1_000_000} million pixels; make it smaller."
            )
        stream.thread_type = "AUTO"
        yield container, stream


def _is_cover(stream: Any) -> bool:
    return bool(int(stream.disposition) & int(av.stream.Disposition.attached_pic))


def _upright(frame: Any, aspect: float) -> Frame:
    """A decoded frame as sRGB with square pixels, turned as its metadata says. The colour matrix is the frame's own
    where it names one."""
    width, height = _shown_size(frame.width, frame.height, aspect)
    pixels = frame.to_ndarray(format="rgb24", width=width, height=height)
    turns = round(int(getattr(frame, "rotation", 0)) / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns))


class VideoWriter:
    """An MP4 for looking at: H.264, 4:2:0, tagged BT.709; the file appears when it is complete.

    with VideoWriter(path, width, height, fps) as video:
        video.write(frame)          # (height, width, 3) uint8 sRGB

    `sound`, (N, 2) int16 at `SOUND_RATE`, begins with the first frame and ends with the last.
    With the codec vp9 it is a WebM, and may have alpha: frames are (height, width, 4) then, straight. The same frames
    make the same bytes.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        fps: float,
        *,
        codec: str = "h264",
        quality: int = 16,
        alpha: bool = False,
        sound: Int16 | None = None,
    ) -> None:
        """quality: constant rate factor, smaller is better (16 shows no loss). Odd sizes get one more row or column.

        Raises: SettingsError for a frame rate or codec that cannot be.
        """
        if not 0 < fps <= 1000:
            raise SettingsError(f"A video cannot have {fps:g} frames per second; give a rate above 0.")
        if codec not in _ENCODERS:
            raise SettingsError(f"There is no review codec {codec!r}; choose {' or '.join(_ENCODERS)}.")
        if alpha and codec != "vp9":
            raise SettingsError(f"A video in {codec} cannot be transparent; choose vp9 (WebM).")
        self.path = Path(path)
        self._size = (width, height)
        self._padding = ((0, height % 2), (0, width % 2), (0, 0))
        self._rate = exact_rate(fps)
        self._codec = codec
        self._quality = quality
        self._pixels = "yuva420p" if alpha else "yuv420p"
        self._cleanup = contextlib.ExitStack()
        self._container: Any = None
        self._stream: Any = None
        self._sound = sound
        self._sound_stream: Any = None
        self._frames = self._heard = 0  # written so far: frames, samples

    def __enter__(self) -> VideoWriter:
        part = self._cleanup.enter_context(whole_file(self.path))
        with self._writing():
            # bitexact: no random track numbers, no date
            kind, options = ("webm", {}) if self._codec == "vp9" else ("mp4", {"movflags": "+faststart"})
            self._container = av.open(str(part), "w", format=kind, options={**options, "fflags": "+bitexact"})
            self._stream = self._container.add_stream(_encoder(self._codec), rate=self._rate)
            self._stream.width = self._size[0] + self._padding[1][1]
            self._stream.height = self._size[1] + self._padding[0][1]
            self._stream.pix_fmt = self._pixels
            self._stream.options = {"crf": str(self._quality), **_OPTIONS.get(self._codec, {"preset": "veryfast"})}
            context = self._stream.codec_context
            context.color_primaries = context.color_trc = context.colorspace = _BT709
            context.color_range = 1  # 16–235
            if self._sound is not None:
                self._sound_stream = self._container.add_stream(
                    "libopus" if self._codec == "vp9" else "aac", rate=SOUND_RATE, layout="stereo"
                )
                self._sound_stream.bit_rate = 192_000
        return self

    def write(self, frame: Frame) -> None:
        """The next frame, (height, width, 3) uint8 sRGB, or with straight alpha. Raises: OutputError."""
        layout = _CHANNELS[self._pixels]
        if frame.shape != (self._size[1], self._size[0], len(layout.rstrip("24"))):
            raise ValueError(f"frame of shape {frame.shape} in a video of {self._size[0]} × {self._size[1]}")
        with self._writing():
            picture = av.VideoFrame.from_ndarray(np.pad(frame, self._padding, mode="edge"), format=layout)
            picture = picture.reformat(format=self._pixels, dst_colorspace="ITU709", dst_color_range="MPEG")
            self._container.mux(self._stream.encode(picture))
            self._frames += 1
            self._write_sound(until=round(self._frames * SOUND_RATE / self._rate))

    def _write_sound(self, until: int) -> None:
        """The sound's samples up to `until`."""
        piece = None if self._sound is None else self._sound[self._heard : until]
        if piece is None or not len(piece):
            return
        packed = np.ascontiguousarray(piece).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, self._heard, Fraction(1, SOUND_RATE)
        self._heard += len(piece)
        self._container.mux(self._sound_stream.encode(frame))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._writing():
                if error is None:
                    self._container.mux(self._stream.encode(None))
                    if self._sound_stream is not None:
                        self._container.mux(self._sound_stream.encode(None))
                self._container.close()
        except BaseException as late:
            if error is None:
                self._cleanup.__exit__(type(late), late, late.__traceback__)
                raise
        self._cleanup.__exit__(kind, error, trace)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (av.error.FFmpegError, OSError) as error:
            raise unwritable(self.path, error) from error


def write_webp(path: Path | str, srgb: Frame, *, quality: int = 90) -> None:
    """Write (H, W, 3) or (H, W, 4, straight alpha) uint8 sRGB as WebP, no side longer than 16383.

    quality: 1 to 100, and 100 is lossless. Raises: OutputError.
    """
    path = Path(path)
    lossless = quality >= 100
    height, width, channels = srgb.shape
    with whole_file(path) as part:
        try:
            encoder: Any = av.CodecContext.create("libwebp", "w")
            encoder.width, encoder.height, encoder.time_base = width, height, Fraction(1)
            encoder.pix_fmt = "bgra" if lossless else "yuva420p" if channels == 4 else "yuv420p"
            encoder.options = {"quality": str(quality), "lossless": str(int(lossless)), "compression_level": "4"}
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(srgb), format="rgba" if channels == 4 else "rgb24")
            picture = frame.reformat(format=encoder.pix_fmt)  # BT.601 within 16 to 235: what WebP's decoders expect
            part.write_bytes(b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)]))
        except av.error.FFmpegError as error:
            raise unwritable(path, error) from error


def _encoder(codec: str) -> str:
    for name in _ENCODERS[codec]:
        if name in av.codecs_available:
            return name
    raise SettingsError(f"This build of PyAV cannot encode {codec}; choose another codec or install PyAV from PyPI.")
