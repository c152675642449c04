"""Links to Colab and Binder: an address makes them, with the cell that installs; without one there are none."""

import ast
import re
import subprocess
import sys
from urllib.parse import unquote

import nbformat
import pytest
import yaml

from bench.__main__ import main
from bench.report.pages import execute, links
from bench.report.pages import write as pages
from lib.run import ROOT

MINE = "somebody/efficient3d"


def project(folder, urls=""):
    (folder / "pyproject.toml").write_text(f'[project]\nname = "x"\n{urls}')
    return folder / "pyproject.toml"


def test_an_address_is_given_once(tmp_path):
    named = project(tmp_path, '[project.urls]\nRepository = "https://github.com/a/b-c.d"\n')
    assert links.repository_of(project=named) == "a/b-c.d"
    assert links.repository_of("x/y", named) == "x/y"
    assert links.repository_of("https://github.com/x/y.git", named) == links.repository_of("x/y/", named) == "x/y"
    assert links.repository_of(project=project(tmp_path)) is None


@pytest.mark.parametrize("wrong", ["efficient3d", "a/b/c", "https://gitlab.com/a/b", "a b/c", "a/b?x", "../b"])
def test_what_is_no_address_is_refused(wrong, capsys):
    with pytest.raises(SystemExit, match="OWNER/NAME"):
        main(["site", "--repository", wrong])


def page(folder, repository):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Toy: a title\n\nText.")])
    nbformat.write(notebook, folder / "00_toy.ipynb")
    return pages.notebook_page(folder / "00_toy.ipynb", repository=repository).body


def test_a_lesson_shows_its_links_below_its_title(tmp_path):
    body = page(tmp_path, MINE)
    assert body.index("<h1") < body.index("Open in Colab") < body.index("Text.")
    colab, binder = re.findall(r'class="open"><a href="([^"]+)">.*?<a href="([^"]+)">', body)[0]
    assert colab == f"https://colab.research.google.com/github/{MINE}/blob/main/notebooks/00_toy.ipynb"
    assert unquote(binder) == f"https://mybinder.org/v2/gh/{MINE}/main?labpath=notebooks/00_toy.ipynb"
    assert f"https://github.com/{MINE}" in body and "pip install" in body


def test_without_an_address_there_is_no_link_and_the_command_says_why(tmp_path, monkeypatch, capsys):
    assert "Colab" not in page(tmp_path, None) and "inder" not in page(tmp_path, None)
    monkeypatch.setattr(execute, "executed", lambda folder: [tmp_path / "00_toy.ipynb"])
    monkeypatch.setattr(links, "repository_of", lambda given: None)
    main(["site", "--out", str(tmp_path / "site")])
    assert capsys.readouterr().out.startswith("no links to Colab and Binder, since no repository is named")


def test_the_workflow_that_publishes_knows_its_address():
    steps = yaml.safe_load((ROOT / ".github/workflows/site.yml").read_text())["jobs"]["site"]["steps"]
    assert {"run": "make site REPOSITORY=${{ github.repository }}"} in steps
    told = subprocess.run(["make", "-n", "site", f"REPOSITORY={MINE}"], cwd=ROOT, capture_output=True, text=True)
    assert f"bench site --repository {MINE}" in told.stdout


def test_what_binder_installs_is_what_conda_installs_but_for_pytorch():
    files = ("environment.yml", ".binder/environment.yml")
    ours, binder = (yaml.safe_load((ROOT / name).read_text()) for name in files)
    *shared, _ = ours["dependencies"]
    assert ours["name"] == binder["name"] and binder["dependencies"][:-1] == shared
    index, constraint, editable = binder["dependencies"][-1]["pip"]
    for line, target in ((constraint, "constraints.txt"), (editable, ".")):
        assert (ROOT / ".binder" / line.split()[1]).resolve() == (ROOT / target).resolve()
    assert index.endswith("https://download.pytorch.org/whl/cpu")


@pytest.mark.long
def test_the_first_cell_installs(tmp_path):
    """As Colab would run it, its /content and its GitHub replaced by folders here; what it needs is there already."""
    content = str(tmp_path / "content")
    cell = links.first_cell(MINE, branch="copy").replace("/content", content)
    subprocess.run(["git", "clone", "--quiet", "--bare", str(ROOT), str(tmp_path / MINE)], check=True)
    subprocess.run(["git", "branch", "copy"], cwd=tmp_path / MINE, check=True)
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (site / "ours.pth").write_text("\n".join(ours))
    check = "import bench, os; print('found', bench.__file__, os.getcwd())"
    environment = {
        "PATH": f"{tmp_path}/venv/bin:/usr/bin:/bin", "HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython"),
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{tmp_path}/.insteadOf", "GIT_CONFIG_VALUE_0": "https://github.com/",
        "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0",  # pip reads 0 as: none
    }  # fmt: skip
    (tmp_path / "first.ipy").write_text(f"{cell}\n{check}\n")
    command = [str(tmp_path / "venv/bin/python"), "-m", "IPython", str(tmp_path / "first.ipy")]
    ran = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    found = re.search(r"found (\S+) (\S+)", ran.stdout)
    assert found and found[2] == f"{content}/efficient3d/notebooks", ran.stdout + ran.stderr
    assert found[1].startswith(f"{content}/efficient3d/"), "the clone's own, not another one's"


def test_the_first_cell_is_python_but_for_its_magics():
    ast.parse("\n".join(line for line in links.first_cell(MINE).splitlines() if line[0] not in "!%"))
