"""Finding the form of a folder."""

from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from gprplus.core.errors import FramesError, did_you_mean, first_few
from gprplus.cropping import forms
from gprplus.cropping.forms.form import FORMS, EngineForm
from gprplus.cropping.forms.source_files import listed_once


@cache
def all_forms() -> dict[str, EngineForm]:
    """Return every form by name, sorted."""
    for module in iter_modules(forms.__path__):
        import_module(f"{forms.__name__}.{module.name}")
    return dict(sorted(FORMS.items()))


def find_form(name: str) -> EngineForm:
    """Return a form by name. Raises FramesError with the nearest name if there is none."""
    known = all_forms()
    if name not in known:
        raise FramesError(f"There is no form '{name}'. {did_you_mean(name, list(known))}")
    return known[name]


def detect_form(folder: Path) -> tuple[EngineForm, str] | None:
    """Return the form of a folder and why it has this form; None if it has no native form.

    Raises FramesError if several forms fit.
    """
    with listed_once():
        found = [(form, why) for form in all_forms().values() if (why := _reason(form, folder))]
    if len(found) > 1:
        names = [f"{form.name} ({why})" for form, why in found]
        raise FramesError(
            f"{folder} has several forms: {first_few(names)}. Choose one with --form NAME."
        )
    return found[0] if found else None


def _reason(form: EngineForm, folder: Path) -> str:
    """Why a folder has a form; "" also where it may not be read."""
    try:
        return form.detect(folder)
    except PermissionError:
        return ""
