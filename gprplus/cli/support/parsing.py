"""Values that are pairs of a name and a text."""

from typing import Any

import click


def parse_restrictions(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """Click callback for a repeated ATTR=LEVEL+LEVEL."""
    return {
        name: tuple(text.split("+"))
        for name, text in parse_pairs(context, parameter, values).items()
    }


def parse_pairs(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Click callback for a repeated ATTR=TEXT."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not (name and equals and text) or name in found:
            raise click.BadParameter(
                f"expected ATTR=..., each ATTR once; found '{value}'.", context, parameter
            )
        found[name] = text
    return found


def parse_values(texts: dict[str, str]) -> dict[str, Any]:
    """Texts as the numbers, lists or texts they spell.

    >>> parse_values({"pairs": "32", "alpha": "0.5", "rule": "gap", "style_layers": "conv1_1+conv2_1"})
    {'pairs': 32, 'alpha': 0.5, 'rule': 'gap', 'style_layers': ['conv1_1', 'conv2_1']}
    """

    def value(text: str) -> Any:
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
        return text.split("+") if "+" in text else text

    return {name: value(text) for name, text in texts.items()}
