"""Images to features."""

from collections.abc import Callable

import numpy as np
import torch

from gprplus.baseline import devices
from gprplus.baseline.augment import normalize
from gprplus.baseline.network.model import Model
from gprplus.baseline.recipe import ComputeSettings
from gprplus.baseline.store_view import StoredImages

# Images a forward pass takes; larger passes gain nothing on a GPU and leave the cache of a
# processor.
_BATCH = {"cuda": 1024, "cpu": 64}


@torch.inference_mode()
def embed_images(
    model: Model,
    images: np.ndarray | StoredImages,
    compute: ComputeSettings,
    device: str,
    reached: Callable[[int], None] | None = None,
) -> torch.Tensor:
    """Return unit features `(N, width) float32` of `images (N, H, W, 3) uint8`, on the device.

    With `flip_features`, of image and mirror image together. `reached` receives the number of
    images so far, of which a GPU may still compute the last ones.
    """
    kind = device.split(":")[0]
    dtype = devices.precision(compute.precision, device)
    out, count = [], 0
    for pixels in devices.blocks_to_device(StoredImages.of(images), _BATCH[kind], device):
        batch = normalize(pixels, dtype)
        with torch.autocast(kind, dtype, enabled=dtype != torch.float32):
            features = model.embed(batch)
            if compute.flip_features:
                features = torch.nn.functional.normalize(
                    features + model.embed(batch.flip(3)), dim=1
                )
        out.append(features)
        count += len(features)
        if reached:
            reached(count)
    return torch.cat(out)
