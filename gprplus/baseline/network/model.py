"""The network around a backbone: pooling, BNNeck, classifier; made, saved and read back."""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from gprplus.baseline.network import backbones
from gprplus.baseline.recipe import NetworkSettings
from gprplus.core.errors import TrainingError, first_line
from gprplus.core.files.workdir import atomic_write


class GeMPooling(nn.Module):
    """Generalised mean over `(B, C, h, w)`, of a learnt power that starts at 3 (Radenovic et al.,
    TPAMI 2019, equation 4): between the mean (1) and the maximum (infinity).
    """

    def __init__(self, power: float = 3.0) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor([power]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return x.float().clamp_min(1e-6).pow(self.power).mean((2, 3)).pow(1 / self.power)


class MeanPooling(nn.Module):
    """The mean over `(B, C, h, w)`, float32 also of bfloat16: triplets compare distances of
    these."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # A sum's gradient is spread by strides alone; a mean's would be written out, in float32.
        return x.sum((2, 3), dtype=torch.float32) / (x.shape[2] * x.shape[3])


class Model(nn.Module):
    """Backbone, pooling, batch normalisation without bias (BNNeck, Luo et al., CVPRW 2019) and a
    linear classifier.

    The triplet loss sees features before the neck, the classifier and the search those after it.
    """

    def __init__(self, network: NetworkSettings, classes: int) -> None:
        super().__init__()
        self.backbone = backbones.make_backbone(network)
        width = int(self.backbone.width)  # type: ignore[arg-type]
        self.pool = GeMPooling() if network.pooling == "gem" else MeanPooling()
        self.neck = nn.BatchNorm1d(width)
        self.neck.bias.requires_grad_(False)
        self.classifier = nn.Linear(width, classes, bias=False)
        nn.init.normal_(self.classifier.weight, std=0.001)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`(B, 3, H, W)` to features before the neck `(B, width)` and logits `(B, classes)`."""
        features = self.pool_features(images)
        return features, self.classifier(self.neck(features))

    def pool_features(self, images: torch.Tensor) -> torch.Tensor:
        """`(B, 3, H, W)` to features before the neck, `(B, width)`."""
        return self.pool(self.backbone(images))

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """`(B, 3, H, W)` to unit features `(B, width) float32`, after the neck."""
        features = self.neck(self.pool_features(images))
        return functional.normalize(features.float(), dim=1)


def build_model(network: NetworkSettings, classes: int, seed: int, device: str = "cpu") -> Model:
    """A model with the seed's own first weights, the same whatever else happens in the process."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Model(network, classes)
    return model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def save_model(model: Model, path: Path) -> None:
    """Write the weights as safetensors, whole or not at all."""
    from safetensors.torch import save_file

    with atomic_write(path) as temporary:
        save_file(
            {name: value.cpu().contiguous() for name, value in model.state_dict().items()},
            temporary,
        )


def read_model(path: Path, network: NetworkSettings, device: str) -> Model:
    """Load a saved model for embedding. Raises TrainingError if the file is missing or is of
    another network."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(path)
        model = build_model(network, len(state["classifier.weight"]), 0, device)
        model.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise TrainingError(
            f"{path} is not a trained {network.backbone}: {first_line(error)}. Run with --force to"
            " train it again."
        ) from error
    return model.eval()
