"""The graphs of frames without networks, as files of the package: no `onnx` is wanted on the machine that renders.

`python -m gioconda.gpu.stored_graphs` writes them anew after `frame_graph` has changed. Graphs with networks hold the
network's weights and are put together when a job begins.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).with_name("graphs")


def path_of(half: bool) -> Path:
    """The file of the graph with the outputs in half precision, or without."""
    return FOLDER / ("frame_half.onnx" if half else "frame.onnx")


def stored_graph(half: bool) -> bytes:
    """What `frame_graph.frame_graph(None, half=half)` makes."""
    return path_of(half).read_bytes()


def main() -> None:
    """Write both."""
    from .frame_graph import frame_graph

    FOLDER.mkdir(exist_ok=True)
    for half in (False, True):
        path_of(half).write_bytes(frame_graph(None, half=half))


if __name__ == "__main__":
    main()
