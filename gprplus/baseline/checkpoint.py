"""Checkpoints of a training, from which an interrupted one continues exactly.

One safetensors file: weights, buffers and the moments of the optimizer, with the step and the
identity of the training in its header. Order and augmentation are not stored: they are drawn again
from their streams up to the step.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from gprplus.core.errors import TrainingError, first_line
from gprplus.core.files.folders import remove_output
from gprplus.core.files.workdir import atomic_write

EVERY = 60.0  # seconds between two: losing one costs less than a reader's patience, writing one well under a second


@dataclass
class Checkpoint:
    """A checkpoint file of one training, identified by its `key` and written every `every`
    seconds."""

    path: Path
    key: str
    every: float = EVERY
    _last: float = 0.0

    def resume(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[int, float]:
        """Fill network and optimiser from the file; the step reached and the seconds it took, (0,
        0.0) without one.

        A file of another training, or one without a readable header, is no checkpoint of this.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        self._last = time.monotonic()
        header = self._header()
        if not header:
            return 0, 0.0
        try:
            tensors = load_file(self.path)
            own = {
                name.removeprefix("n."): t for name, t in tensors.items() if name.startswith("n.")
            }
            network.load_state_dict(own)
            _restore(optimizer, tensors)
            return int(header["step"]), float(header["seconds"])
        except (OSError, SafetensorError, KeyError, ValueError, IndexError, RuntimeError) as error:
            raise TrainingError(
                f"{self.path} is damaged ({first_line(error)}): remove it, and the same command"
                " trains from the start."
            ) from error

    def saved_step(self) -> int:
        """The step that the file holds; 0 without one."""
        return int(self._header().get("step", 0))

    def _header(self) -> dict[str, str]:
        """Return the header of the file; empty if it belongs to another training."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, "pt") as file:
                header = file.metadata() or {}
        except (OSError, SafetensorError):
            return {}
        return header if header.get("key") == self.key else {}

    def is_due(self) -> bool:
        """Return True if the next checkpoint is due."""
        return time.monotonic() - self._last >= self.every

    def save(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, step: int, seconds: float
    ) -> None:
        """Write the file, whole or not at all."""
        from safetensors.torch import save_file

        tensors = {f"n.{name}": value for name, value in network.state_dict().items()}
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {
                f"o.{index}.{name}": torch.as_tensor(value) for name, value in state.items()
            }
        header = {"key": self.key, "step": str(step), "seconds": repr(seconds)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.path) as temporary:
            save_file(
                {name: t.detach().cpu().contiguous() for name, t in tensors.items()},
                temporary,
                header,
            )
        self._last = time.monotonic()

    def delete(self) -> None:
        """The training is over."""
        remove_output(self.path)


def _restore(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("o."):
            _, index, key = name.split(".", 2)
            like = parameters[int(index)]
            if (
                tensor.shape == like.shape
            ):  # fused kernels require moments in the memory layout of the weights
                tensor = torch.empty_like(like).copy_(tensor)
            state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )


def read_log_until(log: Path, step: int) -> str:
    """The lines of a log up to a step: those after it are about to be written again."""
    try:
        lines = log.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    whole = []
    for line in lines:
        try:
            if json.loads(line)["step"] <= step:
                whole.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            break  # cut off in the middle of a line
    return "".join(whole)
