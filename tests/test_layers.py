"""The rules of the house: who imports whom, what stays outside, how long things get."""

import ast
import configparser
import graphlib
import io
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
PACKAGE = REPO / "lth_jax"

# A room is a module, or a folder of modules, of the package. It imports from smaller
# layers and, where natural, from its own.
LAYERS = [
    # 0: words
    "checks config errors fields keys recipes timeline tree types",
    # 1: pure blocks
    "controls counts criteria dataset masks metrics models optim rewind stats",
    # 2: pure programs
    "analysis anatomy copies ensemble imp levels outline tables train",
    # 3: the world: files, devices, hosts
    "checkpoint dissect export files intact interrupts parallel resume runs sources"
    " store",
    # 4: the driver
    "comparing estimate pipeline planning prepare training",
    # 5: faces, which read the store only
    "claims cli page plots report sections sweep",
    # 6: the front door
    "__init__",
]
BESIDE = {"benchmarks", "experiments"}
"""Folders beside the package that are mapped into the wheel."""
LAYER_OF = {room: n for n, rooms in enumerate(LAYERS) for room in rooms.split()}
FACES = set(LAYERS[5].split())
IMPURE = {room for room, layer in LAYER_OF.items() if layer >= 3}

# Layers 0-2 see no files, clock, environment, log or global randomness; config only
# names paths.
ONLY_IN = {
    package: rooms
    for packages, rooms in [
        ("flax", {"models"}),
        ("orbax", {"checkpoint"}),
        ("grain pooch tensorflow_datasets", {"sources"}),
        ("matplotlib pandas", {"files", "runs"} | FACES),
        ("pathlib", {"config"} | IMPURE),
        ("datetime glob io logging os random shutil subprocess", IMPURE),
        ("sys tempfile time", IMPURE),
    ]
    for package in packages.split()
}

OPTIONAL = (
    "array_record grain importlib_resources matplotlib orbax pandas PIL pooch pyarrow"
    " tensorflow_datasets tqdm tyro"
).split()

# sources/assets holds data and the script that made it: no part of the package.
MODULES = sorted(set(PACKAGE.rglob("*.py")) - set(PACKAGE.glob("sources/assets/*.py")))
each_module = pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE))
)


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imported(path: Path) -> Iterator[str]:
    """Yield the absolute dotted name of everything a module imports, anywhere in it."""
    package = ("lth_jax", *path.parent.relative_to(PACKAGE).parts)
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            source = [*above, *filter(None, [node.module])]
            yield from (".".join([*source, alias.name]) for alias in node.names)


def rooms_used(path: Path) -> set[str]:
    """Return the rooms of lth_jax that a module imports from.

    A name imported from the package itself that is no module comes from the front door.
    """
    used = set()
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "lth_jax" and not BESIDE.intersection(parts):
            inner = parts[1] if len(parts) > 1 else "__init__"
            is_room = inner in LAYER_OF or inner in map(room, MODULES)
            used.add(inner if is_room else "__init__")
    return used


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield name and node of the public functions, classes and methods in a body."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name.startswith("_"):
                continue
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}{node.name}.")


@each_module
def test_every_module_has_a_layer(path):
    assert room(path) in LAYER_OF, (
        f"lth_jax/{path.relative_to(PACKAGE)} is in no layer: "
        f"add {room(path)!r} to LAYERS in {Path(__file__).name}."
    )


@each_module
def test_imports_point_to_smaller_layers(path):
    mine = LAYER_OF.get(room(path), 0)
    upward = {used for used in rooms_used(path) if LAYER_OF.get(used, 0) > mine}
    assert not upward, f"layer {mine} imports from above: {sorted(upward)}"


def test_rooms_import_each_other_without_cycles():
    graph = {}
    for path in MODULES:
        graph.setdefault(room(path), set()).update(rooms_used(path) - {room(path)})
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError


@each_module
def test_outside_packages_stay_in_their_rooms(path):
    restricted = {name.split(".")[0] for name in imported(path)} & ONLY_IN.keys()
    out_of_place = [top for top in restricted if room(path) not in ONLY_IN[top]]
    assert not out_of_place, f"these stay out of here: {out_of_place}"


@each_module
def test_modules_are_at_most_400_lines(path):
    assert len(path.read_text().splitlines()) <= 400


@each_module
def test_functions_are_at_most_60_lines(path):
    lines = [(f.end_lineno - f.lineno + 1, f.name) for f in functions(path)]
    assert [(n, name) for n, name in lines if n > 60] == []


@each_module
def test_every_public_name_has_a_docstring(path):
    silent = [name for name, n in public(parse(path).body) if not ast.get_docstring(n)]
    assert silent == []


@each_module
def test_the_word_is_density(path):
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    names = {token.string for token in tokens if token.type == tokenize.NAME}
    assert {name for name in names if "sparsity" in name.lower()} == set()


def test_every_folder_is_packaged():
    config = configparser.ConfigParser()
    config.read(REPO / "setup.cfg")
    listed = config["options"]["packages"].split()
    folders = {path.parent.relative_to(REPO).as_posix() for path in MODULES}
    expected = {folder.replace("/", ".") for folder in folders}
    assert set(listed) == expected | {f"lth_jax.{name}" for name in BESIDE}


def test_import_needs_no_extra_and_starts_no_backend():
    code = f"""
import sys
sys.modules.update(dict.fromkeys({OPTIONAL}))  # None: importing it fails
import lth_jax
import jax
jax.config.update("jax_num_cpu_devices", 2)  # refused once a backend has started
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
