"""What MediaPipe itself finds, as test data: run once in an environment of its own, never by the tests.

    python -m venv golden && golden/bin/pip install mediapipe==0.10.21
    golden/bin/python tests/tools/golden_landmarks.py ../shared/data/portraits

Writes tests/data/golden_landmarks.npz: for every portrait NAME the landmarks "NAME" (478, 3) float32, pixels as
MediaPipe counts them (from the first pixel's centre), and "NAME.sha256" of the file; "segmentation" (32, 32) float32,
every 8th pixel of the person's probability on Eileen Collins' portrait averaged down to 256².
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import cv2
import mediapipe
import numpy as np

PORTRAITS = (
    "painting_american_gothic_1024x1236.jpg",
    "painting_botticelli_venus_1024x786.jpg",
    "painting_monalisa_1181x1760.jpg",
    "painting_pearl_earring_2667x3000.jpg",
    "painting_renoir_jeanne_samary_1200x1470.jpg",
    "photo_business_person_958x1358.png",
    "photo_cameron_julia_jackson_1867_1181x1546.png",
    "photo_eileen_collins_nasa_512.png",
    "photo_marie_curie_1920s_1200x1558.jpg",
    "photo_nasa_koch.jpg",
    "photo_obama_official_2012_910x1137.jpg",
    "photo_us_house_alma-adams_1024.jpg",
    "photo_us_house_robert-scott_1024.jpg",
    "photo_us_senate_brian-schatz_1024.jpg",
    "photo_us_senate_mark-kelly_1024.jpg",
    "portrait_lee_perry_smith_render_512.png",
)
SEGMENTED = "photo_eileen_collins_nasa_512.png"


def main(folder: Path) -> None:
    golden: dict[str, np.ndarray] = {}
    mesh = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True, max_num_faces=1)
    for name in PORTRAITS:
        picture = cv2.cvtColor(cv2.imread(str(folder / name)), cv2.COLOR_BGR2RGB)
        height, width = picture.shape[:2]
        found = mesh.process(picture).multi_face_landmarks[0].landmark
        golden[name] = np.array([[p.x * width, p.y * height, p.z * width] for p in found], np.float32)
        golden[f"{name}.sha256"] = np.array(hashlib.sha256((folder / name).read_bytes()).hexdigest())
    picture = cv2.cvtColor(cv2.imread(str(folder / SEGMENTED)), cv2.COLOR_BGR2RGB)
    small = cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA)
    person = mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0).process(small)
    golden["segmentation"] = person.segmentation_mask[::8, ::8]
    target = Path(__file__).resolve().parent.parent / "data" / "golden_landmarks.npz"
    np.savez_compressed(target, **golden)
    print(target, target.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
