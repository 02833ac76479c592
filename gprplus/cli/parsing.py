"""What is said in a word or two on the command line: arms, restrictions, maps of levels."""

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gprplus.splits import DeclaredArm


def parse_arms(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> "list[DeclaredArm]":
    """Click callback: 'mild: weather=sunny+clouds identities=400 matched' as one declared arm each."""
    from gprplus.splits import DeclaredArm

    found = []
    for value in values:
        name, _, rest = value.partition(":")
        sizes: dict[str, Any] = {}
        kept: dict[str, tuple[str | int, ...]] = {}
        for word in rest.replace(",", " ").split():
            key, equals, said = word.partition("=")
            if word == "matched":
                sizes["matched"] = True
            elif key in ("identities", "images") and said.isdecimal():
                sizes[key] = int(said)
            elif equals and said and key not in ("identities", "images"):
                kept[key] = tuple(said.split("+"))
            else:
                raise click.BadParameter(
                    f"expected 'NAME: ATTR=LEVEL+LEVEL identities=N images=N matched', found '{word}'.",
                    context,
                    parameter,
                )
        found.append(DeclaredArm(name.strip(), kept, **sizes))
    return found


def parse_restrictions(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """Click callback for a repeated ATTR=LEVEL+LEVEL."""
    return {name: tuple(said.split("+")) for name, said in parse_pairs(context, parameter, values).items()}


def parse_pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Click callback for a repeated ATTR=TEXT."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, said = value.partition("=")
        if not (name and equals and said) or name in found:
            raise click.BadParameter(f"expected ATTR=..., each ATTR once; found '{value}'.", context, parameter)
        found[name] = said
    return found


def parse_values(said: dict[str, str]) -> dict[str, Any]:
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

    return {name: value(text) for name, text in said.items()}
