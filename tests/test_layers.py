"""The rules of the house: who imports whom, what stays outside, what is documented."""

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

# A room is a folder of the package, or a file in its root. It imports from rooms that
# stand before it, and from its own.
ORDER = [
    # words
    "errors types tree keys config",
    # pure blocks, and programs made of them
    "tickets models training",
    # what is stored, without what trains
    "folders files schema results analysis recipes study",
    # the world: files, devices, data
    "sources store",
    # the only place that knows the order
    "driver",
    # what people see: reads stored runs only
    "plotting judging papers report",
    # doors
    "running cli __init__",
]
BESIDE = {"benchmarks", "experiments"}
"""Folders beside the package that are mapped into the wheel."""
LAYER_OF = {room: n for n, rooms in enumerate(ORDER) for room in rooms.split()}
IMPURE = {room for room, n in LAYER_OF.items() if n >= LAYER_OF["sources"]}
IMPURE |= {"files", "folders"}

# Pure rooms see no files, clock, environment, log or global randomness; config, schema
# and results only name paths.
ONLY_IN = {
    package: rooms
    for packages, rooms in [
        ("flax", {"models"}),
        ("orbax", {"store"}),
        ("grain pooch tensorflow_datasets", {"sources"}),
        ("matplotlib", {"plotting", "papers", "report"}),
        ("pandas", {"files", "results"} | IMPURE),
        ("jinja2", {"report"}),
        ("pathlib", {"config"} | IMPURE),
        ("datetime glob io logging os random shutil subprocess", IMPURE),
        ("sys tempfile time", IMPURE),
    ]
    for package in packages.split()
}
APART = {
    # reading a stored run loads nothing that trains
    "store/read.py": "training models driver",
    "store/arrays.py": "training models driver",
    "store/verify.py": "training models driver",
    # figures do not judge, and the engines know no paper and no page
    "plotting": "judging papers report",
    "judging": "plotting papers report",
    "report": " ".join(f"papers/{p.name}" for p in (PACKAGE / "papers").glob("[!_]*")),
}
"""Rooms and modules that do not import others, though the order would let them."""

OPTIONAL = (
    "array_record grain importlib_resources jinja2 markupsafe matplotlib orbax pandas"
    " PIL pooch pyarrow tensorflow_datasets tqdm tyro"
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
        f"add {room(path)!r} to ORDER in {Path(__file__).name}."
    )


def test_every_room_is_there():
    assert set(LAYER_OF) == {room(path) for path in MODULES}


def test_the_root_is_a_hallway():
    inside = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    folders = {name for name in inside if (PACKAGE / name).is_dir()}
    assert (len(folders), len(inside - folders)) == (14, 12)


@each_module
def test_imports_point_to_smaller_layers(path):
    mine = LAYER_OF.get(room(path), 0)
    upward = {used for used in rooms_used(path) if LAYER_OF.get(used, 0) > mine}
    # The front door names everything, and loads it when it is used.
    assert not upward, f"layer {mine} imports from above: {sorted(upward)}"


@pytest.mark.parametrize("name", APART)
def test_rooms_stay_apart(name):
    place = PACKAGE / name
    for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
        used = {n.removeprefix("lth_jax.").replace(".", "/") for n in imported(path)}
        for other in APART[name].split():
            assert not [n for n in used if f"{n}/".startswith(f"{other}/")], path


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
