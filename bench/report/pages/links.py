"""Where a lesson can be opened and run without installing anything: Colab and Binder, once the project has an address.

The address of the clone on GitHub, `owner/name`, is given in one place: `Repository` under `[project.urls]` in
pyproject.toml, or for one site by `--repository`. Without it there are no links.
"""

import html
import re
import tomllib

from lib.run import ROOT

BRANCH = "main"
WHY_NONE = (
    "no links to Colab and Binder, since no repository is named: --repository OWNER/NAME, "
    "or `Repository` under [project.urls] in pyproject.toml"
)
COLAB = "https://colab.research.google.com/github/{repository}/blob/{branch}/notebooks/{lesson}.ipynb"
BINDER = "https://mybinder.org/v2/gh/{repository}/{branch}?labpath=notebooks%2F{lesson}.ipynb"
# A notebook on Colab comes alone: its clone, its packages, and the folder that it expects to be in.
FIRST_CELL = """\
!git clone --quiet --depth 1 --branch {branch} https://github.com/{repository} /content/{name}
%cd /content/{name}/notebooks
%pip install --quiet --editable ..
import sys
sys.path.insert(0, "/content/{name}")  # an editable package shows only after a restart"""
PLACE = """<p class="open"><a href="{colab}">Open in Colab</a> <a href="{binder}">Open in Binder</a></p>
<details class="open"><summary>On Colab, run this in a cell above all others</summary>
<pre>{cell}</pre>
<p>It takes some minutes. Colab keeps its own PyTorch; Binder installs the versions that were tested.</p></details>
"""


def repository_of(given=None, project=ROOT / "pyproject.toml"):
    """`owner/name` of what was given, or else of the project file; None if neither names one.

    ValueError: it is no address on GitHub
    """
    urls = tomllib.loads(project.read_text(encoding="utf-8"))["project"].get("urls", {})
    address = given or urls.get("Repository")
    if not address:
        return None
    found = re.fullmatch(r"(?:https://github\.com/)?([\w-]+/[\w.-]+?)(?:\.git)?/?", address)
    if not found:
        raise ValueError(f"repository {address!r}: it can be OWNER/NAME, or https://github.com/OWNER/NAME")
    return found[1]


def first_cell(repository, branch=BRANCH):
    """What a notebook needs on Colab before its own first cell."""
    return FIRST_CELL.format(repository=repository, branch=branch, name=repository.split("/")[1])


def links(lesson, repository):
    """The links of one lesson as HTML, with what Colab needs first; nothing without a repository."""
    if repository is None:
        return ""
    place = {"lesson": lesson, "repository": repository, "branch": BRANCH}
    cell = html.escape(first_cell(repository))
    return PLACE.format(colab=COLAB.format(**place), binder=html.escape(BINDER.format(**place)), cell=cell)
