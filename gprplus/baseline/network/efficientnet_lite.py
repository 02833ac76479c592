"""EfficientNet-Lite0 (Tan and Le, ICML 2019; the Lite form by Google, 2020): inverted bottlenecks
with ReLU6 and without squeeze-and-excitation.

Parameter names are those of the wheel `efficientnet-lite-pytorch`, so that its published ImageNet
weights load. Stochastic depth and dropout of its ImageNet training are left out.
"""

import torch
from torch import nn
from torch.nn import functional

from gprplus.baseline.augment import MEAN, STD

# Kernel, stride, expansion, output channels and number of blocks of each stage (EfficientNet-B0,
# Table 1 of the paper).
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
LAST_HALVING = 5  # the stage that `last_stride` applies to
STEM_WIDTH, HEAD_WIDTH = 32, 1280
PIXEL_MEAN, PIXEL_STD = 127.0, 128.0  # of values 0-255, in the training of the published weights


class SameConv(nn.Conv2d):
    """A convolution without bias and with TensorFlow's padding "SAME": ceil(size / stride) outputs,
    the odd pixel of padding after the image."""

    def __init__(
        self, width_in: int, width: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        # At stride 1 the padding is symmetric, which the convolution does without a copy.
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(width_in, width, kernel, stride, padding, groups=groups, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        stride, kernel = self.stride[0], self.kernel_size[0]
        if stride == 1:
            return super().forward(x)
        top, bottom = same_padding(x.shape[2], kernel, stride)
        left, right = same_padding(x.shape[3], kernel, stride)
        return super().forward(functional.pad(x, (left, right, top, bottom)))


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and after an axis of `size` pixels.

    >>> same_padding(224, 3, 2), same_padding(7, 3, 2), same_padding(224, 5, 2)
    ((0, 1), (1, 1), (1, 2))
    """
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)


class InvertedBottleneck(nn.Module):
    """1x1 expansion, depthwise convolution, 1x1 projection without activation; a shortcut where
    input and output have one shape."""

    def __init__(self, width_in: int, width: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = width_in * expansion
        self.expands = expansion != 1
        self.shortcut = stride == 1 and width_in == width
        if self.expands:
            self._expand_conv = SameConv(width_in, inner, 1)
            self._bn0 = _norm(inner)
        self._depthwise_conv = SameConv(inner, inner, kernel, stride, groups=inner)
        self._bn1 = _norm(inner)
        self._project_conv = SameConv(inner, width, 1)
        self._bn2 = _norm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = x
        if self.expands:
            out = functional.relu6(self._bn0(self._expand_conv(out)), inplace=True)
        out = functional.relu6(self._bn1(self._depthwise_conv(out)), inplace=True)
        out = self._bn2(self._project_conv(out))
        return out + x if self.shortcut else out


class EfficientNetLite0(nn.Module):
    """The network without pooling and classifier; `last_stride` 1 keeps the last stages at 1/16 of
    the input.

    Input is normalized with ImageNet's mean and deviation, as everywhere in this package. The
    published weights were trained on (pixel - 127) / 128, half the contrast, so the input is
    rescaled first. The wheel's readme leaves this out: on photographs the variance after the first
    convolution is then 3 to 6 times that of its batch normalization, with it 0.7 to 1.2 times.
    """

    width = HEAD_WIDTH
    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, last_stride: int) -> None:
        super().__init__()
        mean, std = torch.tensor(MEAN), torch.tensor(STD)
        scale, shift = 255 * std / PIXEL_STD, (255 * mean - PIXEL_MEAN) / PIXEL_STD
        self.register_buffer("scale", scale.view(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", shift.view(1, 3, 1, 1), persistent=False)
        self._conv_stem = SameConv(3, STEM_WIDTH, 3, 2)
        self._bn0 = _norm(STEM_WIDTH)
        self._blocks = nn.ModuleList(_blocks(last_stride))
        self._conv_head = SameConv(STAGES[-1][3], HEAD_WIDTH, 1)
        self._bn1 = _norm(HEAD_WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return maps `(B, 1280, h, w)` of images `(B, 3, H, W)` normalized as for ImageNet."""
        rescaled = torch.addcmul(self.shift.to(x.dtype), x, self.scale.to(x.dtype))
        return self.features(rescaled)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Return maps `(B, 1280, h, w)` of (pixel - 127) / 128."""
        x = functional.relu6(self._bn0(self._conv_stem(x)), inplace=True)
        for block in self._blocks:
            x = block(x)
        return functional.relu6(self._bn1(self._conv_head(x)), inplace=True)


def _blocks(last_stride: int) -> list[nn.Module]:
    blocks: list[nn.Module] = []
    width_in = STEM_WIDTH
    for number, (kernel, stride, expansion, width, count) in enumerate(STAGES):
        first = last_stride if number == LAST_HALVING else stride
        for block in range(count):
            blocks.append(
                InvertedBottleneck(width_in, width, kernel, 1 if block else first, expansion)
            )
            width_in = width
    return blocks
