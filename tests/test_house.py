"""The house itself: which package may import which, one environment, a README that tells the truth."""

import ast
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
# package: our packages that it may import
ARROWS = {
    "kernels": {"kernels"},
    "lib": {"kernels", "lib"},
    "data_prep": {"data_prep", "lib"},
    "bench": {"bench", "lib", "kernels", "data_prep"},
}
ON_A_GPU_BOX = {"numpy", "torch", "numba"}  # all that the kernels may need


def imports(path):
    """Top-level names of all modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("face", ["lib", "lib/data", "lib/evaluate"])
def test_lazy_faces_show_an_editor_what_they_give(face):
    """What is found on first use is imported for type checkers, from the same module."""
    tree = ast.parse((ROOT / face / "__init__.py").read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    seen = {name.name: node.module for block in blocks for node in block.body for name in node.names}
    module = import_module(face.replace("/", "."))
    assert seen == module._HOMES and set(module.__all__) == set(seen)


@pytest.mark.parametrize("package", ARROWS)
def test_arrows_point_one_way(package):
    for path in (ROOT / package).rglob("*.py"):
        wrong = set(imports(path)) & set(ARROWS) - ARROWS[package]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_kernels_need_torch_numpy_and_numba_alone():
    for path in (ROOT / "kernels").rglob("*.py"):
        foreign = set(imports(path)) - sys.stdlib_module_names - ON_A_GPU_BOX - {"kernels"}
        assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"


CODE = [path for package in ARROWS for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_tell_one_story(path):
    """No file over 250 lines, no function over 40; a docstring does not count, it may be as long as it has to."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0]
            told = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) else 0
            assert node.end_lineno - node.lineno + 1 - told <= 40, node.name


def test_numba_cuda_has_one_door():
    for path in (ROOT / "kernels").rglob("*.py"):
        if path.name != "_cuda.py":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"^\s*(from numba import .*\bcuda\b|from numba.cuda|import numba.cuda)", text, re.M), (
                path
            )


def test_a_gpu_box_without_codecs_can_train():
    """Only torch, numpy, numba and tqdm: render, cache in memory, train, evaluate."""
    script = """
import sys
for name in ("decord", "av", "fvcore", "pandas", "papermill", "matplotlib", "scipy", "yaml", "PIL"):
    sys.modules[name] = None
import tempfile, torch
from data_prep.moving_shapes.dataset import LABEL_SETS, render
from lib import create_model
from lib.data import ClipDataset, DecodedCache, Video, own_protocol
from lib.data.manifest import make_manifest
from lib.train import fit
videos, arrays = [], []
for split, count in (("train", 16), ("val", 4), ("test", 4)):
    for index in range(count):
        frames, labels = render(index, split, frames=8, size=32)
        t, h, w, _ = frames.shape
        videos.append(Video(f"{split}/{index}", labels["motion"], split, None, None, t, 0.0, w, h))
        arrays.append(frames)
classes, mirrored = LABEL_SETS["motion"]
pairs = [(classes.index(a), classes.index(b)) for a, b in mirrored]
manifest = make_manifest(name="shapes", classes=classes, videos=videos, mirror_pairs=pairs)
cache = DecodedCache.from_arrays(manifest, arrays)
seen = own_protocol(4, 32)
splits = [
    ClipDataset(manifest, split, seen, train=split == "train", cache=cache) for split in ("train", "val", "test")
]
with tempfile.TemporaryDirectory() as folder:
    record = fit(folder, create_model("mobilenetv2_3d_nano", num_classes=8), *splits, epochs=1, batch_size=8)
print("tested", record["test"]["videos"])
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.stdout.strip() == "tested 4", ran.stderr


def test_conda_and_pip_make_the_same_environment():
    """environment.yml adds nothing but Python and pip, and leaves the rest to pip with the same constraints."""
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    *packages, pip = conda["dependencies"]
    assert {p.split("=")[0] for p in packages} == {"python", "pip"}
    assert pip["pip"] == ["--constraint constraints.txt", "--editable .[dev]"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "3.11" in project["requires-python"] and "python=3.11" in packages


def test_a_wheel_holds_every_module_and_table():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    modules, tables = setuptools["packages"]["find"]["include"], ["*.py", *setuptools["package-data"]["*"]]
    for path in [path for package in ARROWS for path in (ROOT / package).rglob("*")]:
        if path.is_file() and "__pycache__" not in path.parts:
            package = ".".join(path.relative_to(ROOT).parent.parts)
            assert any(fnmatch(package, pattern) for pattern in modules), path
            assert any(fnmatch(path.name, pattern) for pattern in tables), path


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["dev"], *extras["export"]]
    names = {re.match(r"[\w-]+", row)[0].lower() for row in wanted if "darwin' and" not in row}
    assert not names - pinned - {"eva-decord", "efficient3d"}
    assert "torch==2.13.0" in lines


def test_readme_names_what_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"make (demo|test|lab|figures|ship|lint|gpu|\w+-long)", readme)) <= targets
    assert {"demo", "test", "lab", "figures", "ship", "lint"} <= targets


def test_readmes_rows_are_the_shipped_ones():
    """What a first reader is told to expect is the shipped table, row by row: none is left out, none stands higher."""
    shipped, readme = (
        (ROOT / path).read_text(encoding="utf-8") for path in ("results/shipped/quick/trade_off.md", "README.md")
    )
    header, *rows = [cells for line in readme.splitlines() if len(cells := line.split(" | ")) == 8]
    columns = [cell.strip("| ") for cell in shipped.splitlines()[0].split(" | ")]
    places = [columns.index(cell.strip("| ")) for cell in header]
    known = [
        [cells[place].strip("| ") for place in places]
        for line in shipped.splitlines()
        if len(cells := line.split(" | ")) > 8
    ]
    assert [[cell.strip("| ") for cell in row] for row in rows] == [row for row in known if "---" not in row][1:]


def test_the_course_names_every_notebook():
    course = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(\d\d_\w+)`", course)) == {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_documents_link_to_what_exists():
    for document in [*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/**/README.md")]:
        for path in re.findall(r"\]\(([\w/.]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / path).exists(), f"{document.name} links to {path}"
