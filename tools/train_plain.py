"""A plain torch trainer that knows nothing of gprplus: it reads two CSV lists and writes features.

    gprplus run-external work/splits/weather --name plain \\
        --command 'python tools/train_plain.py {train} {images} {features}.npz --seed {seed}'

A small convolutional network is trained to classify the identities, with cross entropy; the features
are its pooled maps. Replace any part of it by your own.
"""

import argparse
import csv

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional


def read_list(path: str) -> list[dict[str, str]]:
    """The rows of a CSV file with a header."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_images(rows: list[dict[str, str]], height: int, width: int) -> torch.Tensor:
    """The images of rows as `(N, 3, height, width) float32` between -1 and 1."""
    images = []
    for row in rows:
        with Image.open(row["file"]) as image:
            images.append(np.asarray(image.convert("RGB").resize((width, height))))
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2) / 127.5 - 1


def make_network(width: int) -> nn.Sequential:
    """Three convolutions of stride 2, and the mean of their maps."""
    layers: list[nn.Module] = []
    for before, after in ((3, width), (width, 2 * width), (2 * width, 4 * width)):
        layers += [nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def train(images: torch.Tensor, labels: torch.Tensor, options: argparse.Namespace) -> nn.Module:
    """Train network and classifier; return the network."""
    network = make_network(options.channels)
    classifier = nn.Linear(4 * options.channels, int(labels.max()) + 1)
    optimizer = torch.optim.Adam([*network.parameters(), *classifier.parameters()], options.lr)
    for step in range(options.steps):
        rows = torch.randint(len(images), (options.batch,))
        loss = functional.cross_entropy(classifier(network(images[rows])), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            print(f"step {step}: loss {loss.item():.3f}")
    return network.eval()


def main() -> None:
    """Train on one list, embed the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("train")
    parser.add_argument("images")
    parser.add_argument("features")
    parser.add_argument("--seed", type=int, default=0)
    for name, value in (("steps", 300), ("batch", 32), ("channels", 32)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--size", type=int, nargs=2, default=(128, 64), metavar=("H", "W"))
    options = parser.parse_args()
    torch.manual_seed(options.seed)

    known = read_list(options.train)
    labels = torch.tensor([int(row["pid"]) for row in known])
    network = train(read_images(known, *options.size), labels, options)

    wanted = read_list(options.images)
    with torch.inference_mode():
        parts = [
            network(read_images(wanted[start : start + 256], *options.size))
            for start in range(0, len(wanted), 256)
        ]
    uids = np.array([int(row["uid"]) for row in wanted], dtype=np.uint64)
    np.savez(options.features, features=torch.cat(parts).numpy(), uids=uids)


if __name__ == "__main__":
    main()
