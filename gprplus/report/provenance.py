"""Where the figures come from: fingerprints, versions, settings, balance, and the commands to build them again."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from gprplus.report import words
from gprplus.report.outcome import Outcome

Block = tuple[str, list[tuple[str, str]]]


def warnings(run: Outcome) -> list[str]:
    """What the split warned of, and what the page itself has to leave out."""
    said = [str(warning) for warning in run.info.get("warnings") or ()]
    if run.split is None:
        said.append(
            "The split folder is not where benchmark.json says (key split_path), so pictures, balance and the split's "
            "own warnings are left out."
        )
    return said


def audit(run: Outcome) -> list[Block]:
    """The split's audit as blocks of terms and values."""
    found = run.info.get("audit") or {}
    flat = [(name, value) for name, value in found.items() if not isinstance(value, Mapping)]
    blocks = [("Counts", [(_term(name), _value(value)) for name, value in flat])] if flat else []
    if run.info.get("retention") is not None:
        share = f"{100 * run.info['retention']:.1f}% of the images that could be matched"
        blocks = [("Counts", [("kept by matching", share), *(blocks[0][1] if blocks else [])])]
    return blocks + [
        (_term(n).capitalize(), list(_leaves(v))) for n, v in found.items() if isinstance(v, Mapping) and v
    ]


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
        "which gallery rows count": first["protocol"],
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
        *((title, list(_leaves(data))) for title, data in named.items() if isinstance(data, Mapping) and data),
    ]


def commands(run: Outcome) -> list[str]:
    """The commands that build the split and the benchmark again."""
    asked = run.info.get("request") or {}
    split = ["gprplus", "make-split", f"--attr={run.info.get('attribute') or asked.get('attr')}"]
    lines = ["gprplus build-manifest RENDERS", shlex.join(split + _options(asked, SPLIT_OPTIONS))]
    bench = ["gprplus", "benchmark", f"work/splits/{run.rows[0]['split']}", "--recipe", run.rows[0]["recipe"]]
    return [*lines, shlex.join(bench + _options(run.record.get("request") or {}, BENCHMARK_OPTIONS))]


SPLIT_OPTIONS = ("levels", "where", "identities", "images_per_identity", "budget", "test_share", "missing", "seed")
BENCHMARK_OPTIONS = ("backbone", "weights", "seeds", "steps", "epochs")


def _options(asked: Mapping[str, Any], known: tuple[str, ...]) -> list[str]:
    """The request as options of the command line; what was not asked for stays away."""
    out: list[str] = []
    for name in known:
        value = asked.get(name)
        if value not in (None, "", [], {}):
            text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            out += [f"--{name.replace('_', '-')}", text]
    return out


def _leaves(data: Mapping[str, Any], stem: str = "") -> Iterator[tuple[str, str]]:
    """A nested mapping as terms and values, one line a leaf; `a · b` is b inside a."""
    for name, value in data.items():
        term = f"{stem} · {_term(name)}" if stem else _term(name)
        if isinstance(value, Mapping):
            yield from _leaves(value, term)
        else:
            yield term, _value(value)


def _term(name: Any) -> str:
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
