"""Learn to tell pictures apart: a folder with one subfolder for each class.

    python examples/folder_of_pictures.py pictures --side 16

    pictures/cat/1.jpg  pictures/cat/2.png ...
    pictures/dog/1.jpg  ...

A picture is cropped to a square and shrunk to `side` x `side` grey pixels. With --colour it keeps three
channels. A fifth of each class is kept for the test. Pillow reads the pictures: it comes with matplotlib.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ising_ep import datasets, training
from ising_ep.config import TrainConfig, preset

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


def read_pictures(folder: Path, side: int, mode: str) -> tuple[np.ndarray, list[str]]:
    """Read all pictures as uint8 (n, side, side[, 3]), and the names of the subfolders they are in."""
    paths = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in ENDINGS)
    if not paths:
        raise SystemExit(f"{folder} holds no pictures, expected one subfolder of them for each class")
    pictures = []
    for path in paths:
        with Image.open(path) as picture:
            pictures.append(np.asarray(ImageOps.fit(picture.convert(mode), (side, side))))
    return np.stack(pictures), [path.parent.name for path in paths]


def main() -> None:
    """Read, learn, test."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=16, help="pixels of a side (default: 16)")
    parser.add_argument("--colour", action="store_true", help="three channels instead of grey")
    parser.add_argument("--epochs", type=int, default=20, help="default: 20")
    options = parser.parse_args()

    images, labels = read_pictures(options.folder, options.side, "RGB" if options.colour else "L")
    data = datasets.from_arrays(images, labels, name=options.folder.name)
    print(f"{len(images)} pictures of {data.image_shape}: {', '.join(map(str, data.classes))}")

    # A hidden layer of 40 spins, and four output spins for each class, which vote.
    changes = {
        "dataset": data.name,
        "layers": (40, 4 * data.num_classes),
        "epochs": options.epochs,
        "shift": 1,
    }
    config = TrainConfig.checked(preset("mnist-100") | changes)
    state = training.train(config, data)

    result = training.evaluate(config, data, state.parameters, data.x_test, data.y_test)
    print(f"{result.accuracy:.1%} of {len(data.y_test)} test pictures right")
    for label, predicted in list(zip(data.y_test, result.predictions, strict=True))[:5]:
        print(f"  {data.classes[label]} taken for {data.classes[predicted]}")


if __name__ == "__main__":
    main()
