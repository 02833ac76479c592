"""The network of a finished run, with the settings that it embeds images with."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from gprplus.baseline import devices
from gprplus.baseline.network.model import Model, read_model
from gprplus.baseline.recipe import ComputeSettings, InputSettings, NetworkSettings
from gprplus.core.declarations import from_mapping
from gprplus.core.errors import GprplusError
from gprplus.core.files.workdir import read_json

MODEL = "model.safetensors"
RECORD = "run.json"


@dataclass(frozen=True)
class FinishedNetwork:
    """A trained model on a device, its file, and the settings of its inputs and features."""

    model: Model
    file: Path
    input: InputSettings
    compute: ComputeSettings
    device: str

    def digest(self) -> str:
        """Return twelve hex digits that identify the weights."""
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def read_finished_network(path: Path, device: str, error: type[GprplusError]) -> FinishedNetwork:
    """Load the network of a run from its folder, or from the model.safetensors in it. Raises `error`
    if it is no finished run."""
    weights = path / MODEL if path.is_dir() else path
    where = weights.parent / RECORD
    config = read_json(where, error, "the folder of a finished run").get("config", {})
    if not weights.is_file() or not {"network", "input", "compute"} <= set(config):
        raise error(
            f"{path} is not a finished run: expected {MODEL} and the {RECORD} that describes it."
        )
    network = from_mapping(NetworkSettings, config["network"], str(where))
    place = devices.resolve_device(device)
    return FinishedNetwork(
        read_model(weights, network, place),
        weights,
        from_mapping(InputSettings, config["input"], str(where)),
        from_mapping(ComputeSettings, config["compute"], str(where)),
        place,
    )
