"""Packages import one way, modules stay small, help texts stay cheap."""

import ast
import pkgutil
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import gprplus
from gprplus.cli import COMMANDS

PACKAGE = Path(gprplus.__file__).parent
GROUND = ("core", "schema", "archives")  # what every package may use, and they each other
PACKAGES = (  # in import order
    *GROUND,
    "engine",
    "cropping",
    "ingest",
    "baseline",
    "splits",
    "evaluation",
    "statistics",
    "analysis",
    "exports",
    "reporting",
    "planning",
    "experiments",
    "explorer",
    "cli",
)
HEAVY = {
    "torch",
    "pandas",
    "pyarrow",
    "numpy",
    "cv2",
    "PIL",
    "matplotlib",
    "jinja2",
    "rich",
    "safetensors",
    "timm",
}
MACHINE_PATH = re.compile(r"(?<![\w./)}\]])/(?:home|root|Users|mnt|tmp|var|work)/\w|\b[A-Z]:\\\\\w")


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax tree of every module of the package, by its path."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in paths}


@cache
def nodes(tree: ast.Module) -> dict[type[ast.AST], list[Any]]:
    """The nodes of a tree by their kind."""
    found: dict[type[ast.AST], list[Any]] = {}
    for node in ast.walk(tree):
        found.setdefault(type(node), []).append(node)
    return found


@pytest.fixture(scope="module", autouse=True)
def _forget() -> Iterator[None]:
    """Keep the trees no longer than these tests need them."""
    yield
    nodes.cache_clear()
    modules.cache_clear()


def nodes_of(tree: ast.Module, *kinds: type[ast.AST]) -> Iterator[Any]:
    """The nodes of a tree of some kinds."""
    for kind in kinds:
        yield from nodes(tree).get(kind, ())


def broken_by(rule: Callable[[ast.Module], object], chosen: str = "") -> dict[str, object]:
    """What a rule found in the modules below a folder, of those where it found something."""
    found = {module: rule(tree) for module, tree in modules().items() if module.startswith(chosen)}
    return {module: faults for module, faults in found.items() if faults}


def place(module: str) -> int:
    """The position of a module's package in the import order; the package's own __init__ and
    __main__ are last."""
    package = module.removesuffix(".py").split("/")[0]
    if package in GROUND:
        return 0
    return len(PACKAGES) if package in ("__init__", "__main__") else PACKAGES.index(package)


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import of the tree, inside functions too."""
    for node in nodes_of(tree, ast.Import, ast.ImportFrom):
        yield from imports_of(node)


def imports_of(node: ast.AST) -> Iterator[tuple[int, str]]:
    """The same for one statement; nothing when it is no import."""
    if isinstance(node, ast.Import):
        yield from ((node.lineno, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"line {node.lineno}: imports are absolute"
        yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def test_packages_import_only_from_packages_before_them():
    later = []
    for module, tree in modules().items():
        own = module.split("/")[0].removesuffix(".py")
        for line, name in imports(tree):
            package = name.split(".")[1] if name.startswith("gprplus.") else ""
            same = own == package or {own, package} <= set(GROUND)
            if package in PACKAGES and not same and place(package) >= place(module):
                later.append(f"{module}:{line} imports {name}")
    assert not later


def test_modules_import_in_no_circle():
    """No module imports another that imports it, over any number of steps; type-only imports
    count."""
    uses = {module: set(modules_used(module)) for module in modules()}
    while uses:
        free = {module for module, used in uses.items() if not used & set(uses)}
        assert free, f"a circle among {sorted(uses)}"
        uses = {module: used for module, used in uses.items() if module not in free}


def modules_used(module: str) -> Iterator[str]:
    """The modules that a module imports; a package's __init__ is left out."""
    for _, name in imports(modules()[module]):
        parts = name.split(".")[1:] if name.startswith("gprplus.") else []
        paths = ["/".join(parts[:size]) + ".py" for size in range(len(parts), 0, -1)]
        yield from [path for path in paths if path in modules() and path != module][:1]


def test_a_folder_has_at_most_20_files():
    """The modules of the commands in `cli/` do not count."""
    commands = {f"cli/{name.replace('-', '_')}.py" for name in COMMANDS}
    files = Counter(module.rpartition("/")[0] for module in modules() if module not in commands)
    assert {folder: count for folder, count in files.items() if count > 20} == {}


def definitions(kind: type[ast.ClassDef] | type[ast.FunctionDef]) -> Iterator[tuple[str, str]]:
    """Module and name of every public class or function that a module defines."""
    for module, tree in modules().items():
        for node in tree.body:
            if isinstance(node, kind) and not node.name.startswith("_"):
                yield module, node.name


def test_no_two_public_classes_share_a_name():
    homes: dict[str, list[str]] = {}
    for module, name in definitions(ast.ClassDef):
        homes.setdefault(name, []).append(module)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


def test_public_functions_have_names_that_can_be_searched_for():
    bare = {"read", "plan", "show", "judge", "settle"}
    assert [one for one in definitions(ast.FunctionDef) if one[1] in bare] == []


UNCLEAR = {"said", "told", "judged", "settled", "asked", "beside", "spoken", "heard", "crew"}
UNCLEAR |= {"twin", "twins", "luck"}
STORED = {"judged", "twin"}  # keys of JSON records


def unclear_names(tree: ast.Module) -> set[str]:
    """The names of variables, parameters and fields of a module that are in UNCLEAR."""
    fields = {
        id(node.target)
        for top in nodes_of(tree, ast.ClassDef)
        for node in top.body
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") in STORED
    }
    names = {
        node.arg if isinstance(node, ast.arg) else node.id
        for node in nodes_of(tree, ast.arg, ast.Name)
        if id(node) not in fields
    }
    return names & UNCLEAR


def test_variables_and_fields_are_named_in_the_terms_of_the_field():
    assert broken_by(unclear_names) == {}


def test_no_module_is_named_like_a_public_function():
    """The commands are: one module each in `cli/`."""
    assert [
        module
        for module in modules()
        if not module.startswith("cli/")
        and module.rpartition("/")[2].removesuffix(".py") in gprplus.__all__
    ] == []


def test_every_module_has_its_place():
    for module in modules():
        assert place(module) >= 0


def test_modules_stay_small():
    lines = {module: len((PACKAGE / module).read_text().splitlines()) for module in modules()}
    assert {module: count for module, count in lines.items() if count > 400} == {}


def imported_early(tree: ast.Module) -> set[str]:
    """The heavy packages that a module imports outside functions."""
    inside = {id(node) for top in nodes_of(tree, ast.FunctionDef) for node in ast.walk(top)}
    every = nodes_of(tree, ast.Import, ast.ImportFrom)
    early = (node for node in every if id(node) not in inside)
    return {name.split(".")[0] for node in early for _, name in imports_of(node)} & HEAVY


def test_commands_import_nothing_heavy_before_they_run():
    assert broken_by(imported_early, "cli/") == {}


def machine_paths(tree: ast.Module) -> list[str]:
    """The strings of a module that name a folder of some machine."""
    return [
        node.value
        for node in nodes_of(tree, ast.Constant)
        if isinstance(node.value, str) and MACHINE_PATH.search(node.value)
    ]


def test_nothing_knows_the_machine_it_was_written_on():
    assert broken_by(machine_paths) == {}


def test_the_pattern_for_machine_paths_finds_one():
    assert MACHINE_PATH.search("see /home/somebody/renders")
    assert not MACHINE_PATH.search("work/home/renders")


def calls(tree: ast.Module, names: set[str]) -> list[str]:
    """The calls of a module of functions or methods of these names, as they are written."""
    called = (node.func for node in nodes_of(tree, ast.Call))
    last = ((getattr(one, "attr", getattr(one, "id", "")), one) for one in called)
    return [ast.unparse(one) for name, one in last if name in names]


def removals(tree: ast.Module) -> list[str]:
    """The calls of a module that remove a file or a folder."""
    return [
        *calls(tree, {"rmtree", "unlink", "rmdir", "removedirs"}),
        *(call for call in calls(tree, {"remove"}) if call == "os.remove"),
    ]


def test_nothing_is_removed_but_through_core():
    """`core.folders.remove` and `clear` refuse what gprplus did not make."""
    found = broken_by(removals)
    assert {module for module in found if not module.startswith("core/")} == set()
    assert found, "the rule finds the removals of core"


def unexplained(tree: ast.Module) -> list[str]:
    """What is missing at the public functions and classes of a module."""
    missing = []
    for node in tree.body:
        if "overload" in map(ast.unparse, getattr(node, "decorator_list", [])):
            continue
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            missing.append(f"line {node.lineno}: docstring of {node.name}")
        if isinstance(node, ast.FunctionDef):
            bare = [a.arg for a in (*node.args.args, *node.args.kwonlyargs) if a.annotation is None]
            missing += [f"line {node.lineno}: type of {node.name}'s {name}" for name in bare]
            if not node.returns:
                missing.append(f"line {node.lineno}: return type of {node.name}")
    return missing


def test_public_names_are_annotated_and_explained():
    assert broken_by(unexplained) == {}


DECODERS = {
    "Image.open",
    "PIL.Image.open",
    "cv2.imread",
    "cv2.imreadmulti",
    "cv2.imdecode",
    "cv2.imdecodemulti",
}


def test_files_are_decoded_in_one_place():
    """`core.imaging.images` limits the formats: Pillow would start Ghostscript on PostScript that
    is called .jpg. The plain trainer is a program of its user."""
    names = {name.split(".")[-1] for name in DECODERS}
    tools = sorted((PACKAGE.parent / "tools").glob("*.py"))
    sources = {path.name: ast.parse(path.read_text()) for path in tools} | modules()
    decoding = {module for module, tree in sources.items() if DECODERS & {*calls(tree, names)}}
    assert decoding == {"core/imaging/images.py", "train_plain.py"}


def test_setup_lists_every_package():
    listed = re.findall(
        r"^    (gprplus(?:\.\w+)*)$", (PACKAGE.parent / "setup.cfg").read_text(), re.MULTILINE
    )
    packages = {
        ".".join(("gprplus", *path.parent.relative_to(PACKAGE).parts))
        for path in PACKAGE.rglob("__init__.py")
    }
    assert packages | {"gprplus.manifests"} == set(listed)


CLASSES = {
    "Manifest",
    "Split",
    "Arm",
    "Recipe",
    "Scores",
    "BenchmarkResult",
    "StudyResult",
    "ConstructResult",
    "PlanResult",
    "RenderPlan",
}


@pytest.mark.parametrize("name", [name for name in gprplus.__all__ if name != "__version__"])
def test_public_names_are_classes_or_have_the_names_of_the_commands(name):
    import_module(gprplus._HOMES[name])  # must not replace the function by a module
    found = getattr(gprplus, name)
    assert (
        isinstance(found, type)
        if name in CLASSES
        else callable(found) and name.replace("_", "-") in COMMANDS
    )


def test_importing_the_package_loads_nothing_heavy():
    heavy = sorted(HEAVY)
    program = (
        f"import sys, gprplus; dir(gprplus); print([name for name in {heavy} if name in"
        " sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


PREFIX = r"(?:only|without|ids|random|path|restrict)-"
PARSED = re.compile(
    rf"""(?:startswith|endswith|removeprefix|partition|match|compile|split)\(\(?r?f?["']{PREFIX}"""
)


def test_no_package_but_splits_parses_the_name_of_an_arm():
    """A fact about an arm is a field or a property of its record
    (`gprplus.schema.split_record`)."""
    files = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.j2")]
    outside = [path for path in files if path.relative_to(PACKAGE).parts[0] != "splits"]
    found = [str(path) for path in outside if PARSED.search(path.read_text())]
    assert not found, "these take an arm's name apart; ask its record"
    assert PARSED.search('arm.startswith("only-")')
    assert PARSED.search("name.removeprefix('ids-')")


def test_no_module_hides_behind_a_name_of_its_package():
    """`gprplus.exports.export` is a function: importing a module of that name would replace it."""
    for found in pkgutil.walk_packages(gprplus.__path__, "gprplus."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
    loaded = {name: module for name, module in sys.modules.items() if name.startswith("gprplus.")}
    parts = {name: name.rpartition(".") for name in loaded}
    hidden = [
        name
        for name, (home, _, own) in parts.items()
        if getattr(sys.modules[home], own) is not loaded[name]
    ]
    assert not hidden


def parameters_of(function: ast.FunctionDef) -> list[str]:
    """The names of a function's parameters, without `self` and `cls`."""
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    others = [one for one in (function.args.vararg, function.args.kwarg) if one]
    return [one.arg for one in (*given, *others) if one.arg not in ("self", "cls")]


def is_command(function: ast.FunctionDef) -> bool:
    """Whether click calls the function, with one parameter for each option."""
    return any(
        ast.unparse(one).startswith(("click.command", "click.group", "command."))
        for one in function.decorator_list
    )


def crowded(tree: ast.Module) -> dict[str, list[str]]:
    """The public functions of a module with more than eight parameters, and these."""
    return {
        node.name: parameters_of(node)
        for node in nodes_of(tree, ast.FunctionDef)
        if not node.name.startswith("_") and not is_command(node) and len(parameters_of(node)) > 8
    }


def test_public_functions_have_at_most_eight_parameters():
    """What is more belongs into an options dataclass (core.options)."""
    assert broken_by(crowded) == {}
