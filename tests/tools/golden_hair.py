"""What the hair network itself answers, as test data: run once in an environment of its own, never by the tests.

    python -m venv golden && golden/bin/pip install ai-edge-litert numpy opencv-python-headless
    golden/bin/python tests/tools/golden_hair.py ../shared/data

Writes tests/data/golden_hair.npz: "scores" (64, 64, 2) float32, every 8th pixel of the network's answer to Eileen
Collins' portrait at 512² with an empty fourth channel.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter


def main(folder: Path) -> None:
    network = Interpreter(str(folder / "models/hair_segmentation.tflite"))
    network.allocate_tensors()
    picture = cv2.imread(str(folder / "portraits/photo_eileen_collins_nasa_512.png"))
    image = np.zeros((1, 512, 512, 4), np.float32)
    image[0, ..., :3] = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) / np.float32(255)
    network.set_tensor(network.get_input_details()[0]["index"], image)
    network.invoke()
    scores = network.get_tensor(network.get_output_details()[0]["index"])[0, ::8, ::8]
    target = Path(__file__).resolve().parent.parent / "data" / "golden_hair.npz"
    np.savez_compressed(target, scores=scores)
    print(target, target.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
