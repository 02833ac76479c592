"""Native engine output as a source: it is cut into crops, whose table becomes the dataset."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gprplus.core.errors import ManifestError
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.safe_names import plain_name
from gprplus.core.files.workdir import work_folder
from gprplus.core.parallel import Progress, no_progress
from gprplus.core.storage.address import is_address
from gprplus.cropping.options import FormOptions

if TYPE_CHECKING:
    from gprplus.cropping.native.crop_output import EngineCrops


@dataclass(frozen=True)
class EngineCropper:
    """Cuts native output into WORK/crops/NAME, or below `options.crops`.

    `on_crops` is called with the crops of each folder.
    """

    options: FormOptions
    workers: int | None = None
    force: bool = False
    progress: Progress = no_progress
    on_crops: "Callable[[AnyPath, EngineCrops], None] | None" = None

    def crops(self, folder: Path, name: str | None, *, detect: bool) -> "EngineCrops | None":
        """Return the crops of a folder of native output; None if it is none.

        Without `detect` only a form that the user named counts.
        """
        from gprplus.cropping.forms.registry import detect_form

        if is_address(folder):
            if self.options.form in ("auto", "none"):
                return None
            raise ManifestError(
                f"{folder}: frames of engines are cut from local folders only. Copy them here first."
            )
        if self.options.form == "none" or not folder.is_dir():
            return None
        if self.options.form == "auto" and not (detect and detect_form(folder)):
            return None
        from gprplus.cropping.native.crop_output import crop_engine_output  # it loads NumPy

        own = plain_name(name or folder.resolve().name, "--name", ManifestError)
        found = crop_engine_output(
            folder,
            (self.options.crops or work_folder() / "crops") / own,
            self.options,
            workers=self.workers,
            force=self.force,
            progress=self.progress,
        )
        if self.on_crops is not None:
            self.on_crops(folder, found)
        return found
