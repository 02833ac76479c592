"""Provenance of the figures: fingerprints, versions and settings."""

from collections.abc import Iterator, Mapping
from typing import Any

from gprplus.core.protocol import PROTOCOLS
from gprplus.core.typed import as_json
from gprplus.reporting import formatting
from gprplus.reporting.run_results import RunResults
from gprplus.schema.run_record import Precision

Block = tuple[str, list[tuple[str, str]]]


def provenance_blocks(run: RunResults) -> list[Block]:
    """Fingerprints first, then recipe, datasets, request and versions."""
    first = run.rows[0]
    devices = sorted({str(device) for device in run.results.column("device").to_pylist() if device})
    seeds = sorted(set(run.results.column("seed").to_pylist()))
    main = {
        "split": first["split"],
        "recipe": first["recipe"],
        "network": first["backbone"],
        "first weights": "none: trained from scratch"
        if first["weights"] in (None, "none")
        else first["weights"],
        "seeds": ", ".join(map(str, seeds)),
        "device": ", ".join(devices),
        "precision": _precision(run.benchmark.precision),
        "gallery rule": f"{first['protocol']}: {PROTOCOLS.get(first['protocol'], 'as declared')}",
        "split fingerprint": run.split.fingerprint or run.benchmark.split_fingerprint,
        "manifest fingerprint": run.split.manifest.fingerprint,
    }
    named = {
        "Recipe": run.benchmark.recipe,
        "Datasets": as_json(run.split.datasets),
        "Targets": as_json(run.benchmark.targets),
        "Request of the split": run.split.request,
        "Request of the benchmark": run.benchmark.request,
        "Versions": run.benchmark.versions,
    }
    head = ("Record", [(term, str(value)) for term, value in main.items() if value])
    return [
        head,
        *(
            (title, list(flatten_record(data)))
            for title, data in named.items()
            if isinstance(data, Mapping) and data
        ),
    ]


def _precision(found: Precision | None) -> str:
    """Return the number type of runs on a processor, with the rates that decided it."""
    if found is None:
        return ""
    rates = [f"{name}: {rate:,.0f} images/s" for name, rate in found.images_per_second.items()]
    if found.bfloat16_finite is False:
        rates.append("bfloat16 gave NaN")
    return f"{found.chosen} (trial: {', '.join(rates)})" if rates else found.chosen


def flatten_record(data: Mapping[str, Any], stem: str = "") -> Iterator[tuple[str, str]]:
    """A nested mapping as terms and values, one line a leaf; `a · b` is b inside a."""
    for name, value in data.items():
        path = f"{stem} · {term_label(name)}" if stem else term_label(name)
        if isinstance(value, Mapping):
            yield from flatten_record(value, path)
        else:
            yield path, _value(value)


def term_label(name: Any) -> str:
    """A key as it is read."""
    return str(name).replace("_", " ")


def _value(value: Any) -> str:
    if value is None:
        return formatting.DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value)) or formatting.DASH
    return str(value)
