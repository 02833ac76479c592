"""Cutting of frames into a folder of crops for build-manifest; resumes, and writes the record
last."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import check_request, hold_request, read_json
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import Progress, map_processes, no_progress
from gprplus.cropping import field_names, output_files
from gprplus.cropping.annotations import AnnotationSet
from gprplus.cropping.coco_reader import read_coco
from gprplus.cropping.instance_masks import read_instance_masks
from gprplus.cropping.joined_files import join_scenes, scene_names
from gprplus.cropping.options import CropOptions
from gprplus.cropping.output_files import RECORD, write_outputs
from gprplus.cropping.output_names import CropNaming, choose_naming
from gprplus.cropping.randperson_keypoints import read_points
from gprplus.cropping.selection import CropRules
from gprplus.cropping.worker import CropWriter, FrameShard, cut_shard

FRAMES_A_SHARD = 16
VERSION = 1  # increase it when the same request gives other pixels


@dataclass(frozen=True)
class CroppingResult:
    """A finished folder of crops: its path, its renders.json, and whether this call wrote it."""

    path: Path
    info: dict[str, Any]
    made: bool


@accepts(CropOptions)
def crop_frames(
    frames: AnyPath,
    output: AnyPath,
    options: CropOptions | None = None,
    *,
    rules: CropRules | None = None,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> CroppingResult:
    """Cut the persons out of the frames in a folder, and return the folder of crops.

    Every annotation becomes a crop or a row of `_rejected.csv`. The same request continues an
    interrupted one.

    Args:
        frames: folder of the frames.
        output: folder of the crops.
        options: all options at once; the keywords below change single fields of it.
        rules: which annotations become crops, and of which pixels.
        force: replace the crops of another request in the folder.
        progress: called with the number of frames cut and of all frames.

    Raises:
        FramesError: frames and annotations do not fit.
        RequestChanged: the folder holds another request, and `force` is not set.
    """
    given = combined(CropOptions, options, changes, "crop_frames")
    frames, output, rules = Path(frames), Path(output), rules or CropRules()
    source = _read(frames, given)
    extension, quality, save_masks = given.extension, given.quality, given.save_masks
    writing = CropWriter(extension, quality, save_masks)
    table = choose_naming(source.people())
    request = {
        "version": VERSION,
        **source.about,
        **rules.as_dict(),
        "extension": extension,
        "quality": quality if extension == ".jpg" else None,
        "masks": save_masks,
        "name": given.name,
    }
    if check_request(output / RECORD, request, force=force) == "same":
        output_files.remove_parts(output)
        return CroppingResult(
            output, read_json(output / RECORD, FramesError, "a folder of crops"), False
        )
    _distinct(source, table)
    with hold_request(output, output_files.KIND, RECORD, request, FramesError, force=force) as real:
        shards = [
            FrameShard(
                number,
                frames,
                real,
                source.frames[start : start + FRAMES_A_SHARD],
                rules,
                table,
                writing,
            )
            for number, start in enumerate(range(0, len(source.frames), FRAMES_A_SHARD))
        ]
        done = 0
        for count in map_processes(cut_shard, shards, given.workers if len(shards) > 1 else 1):
            done += count
            progress(done, len(source.frames))
        return CroppingResult(output, write_outputs(real, source, shards, table, request), True)


def _read(frames: Path, options: CropOptions) -> AnnotationSet:
    coco, masks, points = options.coco, options.masks, options.points
    given = [kind for kind in (coco or None, masks, points) if kind is not None]
    if len(given) != 1:
        raise FramesError("Exactly one of --coco FILE, --masks DIR and --points FILE is required.")
    if not frames.is_dir():
        raise FramesError(f"There is no folder {frames}. Name the folder of the frames.")
    renamed = field_names.parse_field(options.rename)
    for option, stray in (("--key", renamed), ("--category", options.category)):
        if stray and not coco:
            raise FramesError(f"{option} is for a COCO file, and none is given.")
    if options.people is not None and masks is None:
        raise FramesError("--people requires --masks: it maps values of masks to identities.")
    if coco:
        names = scene_names(coco)
        sources = [read_coco(path, renamed, options.category) for path in coco]
        return sources[0] if len(coco) == 1 else join_scenes(dict(zip(names, sources, strict=True)))
    if masks is not None:
        return read_instance_masks(frames, masks, options.people)
    assert points is not None
    return read_points(points, frames)


def _distinct(source: AnnotationSet, table: CropNaming) -> None:
    """Refuse two annotations that would be one crop."""
    seen: dict[str, str] = {}
    for frame in source.frames:
        for person in frame.people:
            if person.identity is None:
                continue
            path = table.path(frame, person, person.identity, "")
            if path in seen:
                raise FramesError(
                    f"Two boxes would both be the crop {path}: of {seen[path]} and of {frame.path}."
                    " Their frames have the same number: give the images a camera or a frame."
                )
            seen[path] = frame.path
