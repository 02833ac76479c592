"""Where the figures come from: fingerprints, versions, settings, and the commands to build them again."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from gprplus.evaluation.targets import own, plain
from gprplus.protocol import PROTOCOLS
from gprplus.report import words
from gprplus.report.outcome import Outcome

Block = tuple[str, list[tuple[str, str]]]


def blocks(run: Outcome) -> list[Block]:
    """Fingerprints first, then recipe, datasets, request and versions."""
    first = run.rows[0]
    devices = sorted({str(device) for device in run.results.column("device").to_pylist() if device})
    seeds = sorted(set(run.results.column("seed").to_pylist()))
    manifest = run.info.get("manifest") or {}
    main = {
        "split": first["split"],
        "recipe": first["recipe"],
        "network": first["backbone"],
        "first weights": "none: trained from scratch" if first["weights"] in (None, "none") else first["weights"],
        "seeds": ", ".join(map(str, seeds)),
        "device": ", ".join(devices),
        "gallery rule": f"{first['protocol']}: {PROTOCOLS.get(first['protocol'], 'as declared')}",
        "split fingerprint": run.info.get("fingerprint") or run.record.get("split_fingerprint"),
        "manifest fingerprint": manifest.get("fingerprint"),
    }
    recipe = run.record.get("recipe")
    named = {
        "Recipe": recipe if isinstance(recipe, Mapping) else run.record.get("config"),
        "Datasets": run.info.get("datasets"),
        "Targets": run.info.get("targets"),
        "What the split was asked for": run.info.get("request"),
        "What the benchmark was asked for": run.record.get("request"),
        "Versions": run.record.get("versions"),
    }
    head = ("Record", [(term, str(value)) for term, value in main.items() if value])
    return [
        head,
        *((title, list(leaves(data))) for title, data in named.items() if isinstance(data, Mapping) and data),
    ]


def commands(run: Outcome) -> list[str]:
    """The commands that build the split and the benchmark again."""
    asked = run.info.get("request") or {}
    split = ["gprplus", "make-split", f"--attr={run.info.get('attribute') or asked.get('attr')}"]
    lines = ["gprplus build-manifest RENDERS", shlex.join(split + _options(asked, SPLIT_OPTIONS))]
    seeds = len(set(run.results.column("seed").to_pylist()))
    bench = ["gprplus", "benchmark", f"work/splits/{run.rows[0]['split']}", "--recipe", run.rows[0]["recipe"]]
    bench += ["--seeds", str(seeds), *_options(run.record.get("request") or {}, BENCHMARK_OPTIONS)]
    return [*lines, shlex.join(bench + _said(run.record))]


def _said(record: Mapping[str, Any]) -> list[str]:
    """What the command line said of compiling and targets; where a target lay is the reader's to fill in."""
    mode = record.get("request", {}).get("compute.compile") or "no"
    names = list(record.get("targets") or {})
    foreign = dict.fromkeys(plain(name) for name in names if not own(name))
    out = [] if mode == "no" else ["--compile", mode]
    for name in foreign:
        out += ["--target", f"{name}=PATH"]
    return out + ["--rerank"] * any(plain(name) != name for name in names)


SPLIT_OPTIONS = ("levels", "where", "identities", "images_per_identity", "budget", "test_share", "missing", "seed")
BENCHMARK_OPTIONS = ("backbone", "weights", "steps", "epochs")


def _options(asked: Mapping[str, Any], known: tuple[str, ...]) -> list[str]:
    """The request as options of the command line; what was not asked for stays away."""
    out: list[str] = []
    for name in known:
        value = asked.get(name)
        if value not in (None, "", [], {}):
            text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            out += [f"--{name.replace('_', '-')}", text]
    return out


def leaves(data: Mapping[str, Any], stem: str = "") -> Iterator[tuple[str, str]]:
    """A nested mapping as terms and values, one line a leaf; `a · b` is b inside a."""
    for name, value in data.items():
        path = f"{stem} · {term(name)}" if stem else term(name)
        if isinstance(value, Mapping):
            yield from leaves(value, path)
        else:
            yield path, _value(value)


def term(name: Any) -> str:
    """A key as it is read."""
    return str(name).replace("_", " ")


def _value(value: Any) -> str:
    if value is None:
        return words.DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value)) or words.DASH
    return str(value)
