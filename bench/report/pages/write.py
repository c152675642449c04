"""Pages from executed notebooks, the README and the shipped tables. One template, one style sheet, one small script.

Formulas become MathML, which browsers draw without a script; figures lie in the pages or beside them.
"""

import html
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.report.csv_files import read_table
from bench.report.pages.links import links
from bench.report.text import folded
from lib.files import write_text
from lib.run import ROOT

HERE = Path(__file__).parent
MATH = re.compile(r"\\\[(?P<block>.+?)\\\]|\$\$(?P<display>.+?)\$\$|\$(?P<line>[^$\n]+?)\$", re.S)
WORDS = 4000  # of a page that can be searched
# a document of the clone: its page's name and title
DOCUMENTS = {
    "README": ("index", "efficient3d"),
    "notebooks/README": ("course", "The course"),
    "results/README": ("columns", "Columns and units"),
    "results/shipped/models": ("models", "All nets"),
    "results/shipped/support": ("support", "What works with which net"),
    "bench/published/README": ("from_the_originals", "Coming from the original code"),
    "data_prep/README": ("data_prep", "Files that people have"),
    "CONTRIBUTING": ("contributing", "Contributing"),
    "THIRD_PARTY": ("third_party", "What this stands on"),
}
FOLDERS = {"results/shipped/": "results.html", "results/published": "published.html"}  # what is named in them
PUBLISHED_IS = """<p>Each row is one training of one net by one team, under the protocol that stands in it. Rows of
different protocols, data or teams are no ranking. An empty cell was not published, or is not known to us.</p>"""


@dataclass(frozen=True)
class Page:
    """One page: its file's stem, its title, and the HTML of its body."""

    name: str
    title: str
    body: str

    @property
    def text(self):
        """What a search looks through."""
        plain = re.sub(r"<(script|style|math)\b.*?</\1>|<[^>]+>", " ", self.body, flags=re.S)
        return " ".join(html.unescape(plain).split()[:WORDS])


def notebook_page(file, lessons=(), repository=None):
    """An executed notebook, its cells and outputs; below its title where else it runs, if `repository` is known.

    lessons  names of those that have a page: they are linked where they are named
    """
    import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.read(file, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_formulas(cell.source)
        for output in cell.get("outputs", []):
            if "text/markdown" in output.get("data", {}):
                output.data["text/markdown"] = with_formulas(output.data["text/markdown"])
        _join_streams(cell)
    _describe_figures(notebook)
    body, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
    body = with_lessons_linked(body, lessons).replace("</h1>", f"</h1>\n{links(Path(file).stem, repository)}", 1)
    return Page(Path(file).stem, title, body)


def _join_streams(cell):
    """What a loop printed is one text, however many messages brought it."""
    joined = []
    for output in cell.get("outputs", []):
        if joined and output.get("name", "") == joined[-1].get("name") and output.output_type == "stream":
            joined[-1].text += output.text
        else:
            joined.append(output)
    if joined:
        cell.outputs = joined


def _describe_figures(notebook):
    """Figures say, to whom cannot see them, of which section they are: the text before them tells what they show."""
    section = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (headings := re.findall(r"^#+ +(.+)$", cell.source, re.MULTILINE)):
            section = headings[-1]
        for output in cell.get("outputs", []):
            for kind in set(output.get("data", ())) & {"image/png", "image/svg+xml"}:
                output.metadata.setdefault(kind, {})["alt"] = f"Figure of the section: {section}"


def with_lessons_linked(body, lessons):
    """HTML in which a lesson's name, as code, leads to its page, if it has one."""
    for name in lessons:
        body = body.replace(f"<code>{name}</code>", f'<a href="{name}.html"><code>{name}</code></a>')
    return body


def with_formulas(markdown):
    """Markdown whose TeX is MathML; code stays as it is."""
    parts = re.split(r"(```.*?```|`[^`\n]*`)", markdown, flags=re.S)
    return "".join(part if i % 2 else MATH.sub(_formula, part) for i, part in enumerate(parts))


def _formula(found):
    from latex2mathml.converter import convert

    if block := found["block"] or found["display"]:
        return f'<span class="formula">{convert(block, display="block")}</span>'
    return convert(found["line"])


def document_page(document, name, title, lessons):
    """A Markdown document of the clone; what has a page is linked, other files of the clone are only named."""
    from nbconvert.filters.markdown import markdown2html

    targets = {f"{stem}.md": f"{page}.html" for stem, (page, _) in DOCUMENTS.items()}
    here = Path(document).parent

    def link(found):
        if re.match(r"https?:|#", found["to"]):
            return found[0]
        file = os.path.normpath(here / found["to"].split("#")[0])
        target = targets.get(file) or next((page for home, page in FOLDERS.items() if file.startswith(home)), None)
        return f'<a href="{target}">{found["text"]}</a>' if target else found["text"]

    body = markdown2html((ROOT / document).read_text(encoding="utf-8"))
    body = re.sub(r'src="results/shipped/([^"]+\.(?:png|svg))"', r'src="figures/\1"', body)
    body = re.sub(r'<a href="(?P<to>[^"]*)">(?P<text>.*?)</a>', link, body, flags=re.S)
    return Page(name, title, with_lessons_linked(body, lessons))


def _figure(source, told):
    told = html.escape(told.replace("_", " "))
    return f'<figure><img src="figures/{source}" alt="{told}"><figcaption>{told}</figcaption></figure>'


def results_page(shipped):
    """Every shipped table and figure."""
    parts = ["<h1>Shipped tables and figures</h1>"]
    for suite in sorted(path for path in Path(shipped).iterdir() if path.is_dir()):
        parts.append(f"<h2>{html.escape(suite.name)}</h2>")
        for figure in sorted(suite.rglob("*.svg")):
            parts.append(_figure(figure.relative_to(shipped), f"suite {suite.name}: {figure.stem}"))
        parts += [folded(table.stem, read_table(table)) for table in sorted(suite.rglob("*.csv"))]
    return Page("results", "Tables and figures", "\n".join(parts))


def published_page(published):
    """What the papers and their repositories print: a figure per dataset, a table per source."""
    parts = ["<h1>What the papers published</h1>", PUBLISHED_IS]
    for figure in sorted(Path(published).glob("*.svg")):
        parts.append(_figure(figure.name, f"published accuracy against published cost: {figure.stem}"))
    parts += [folded(table.stem, read_table(table)) for table in sorted(Path(published).glob("*.csv"))]
    return Page("published", "What the papers published", "\n".join(parts))


def write_site(out, files, shipped=ROOT / "results" / "shipped", repository=None):
    """Write the pages of executed notebooks, documents, the shipped and the published results into `out`.  -> index

    repository  `owner/name` on GitHub, where lessons can be opened from; None: no links
    """
    out = Path(out)
    lessons = [Path(file).stem for file in files]
    published = ROOT / "results" / "published"
    course = [*(notebook_page(file, lessons, repository) for file in files), published_page(published)]
    course.append(results_page(shipped))
    first, second, *more = [document_page(f"{stem}.md", *page, lessons) for stem, page in DOCUMENTS.items()]
    pages = [first, second, *course, *more]
    for home in (shipped, published):
        _copy_figures(home, out / "figures")
    template = (HERE / "page.html").read_text(encoding="utf-8")
    for page in pages:
        write_text(out / f"{page.name}.html", _fill(template, page, "\n".join(_link(p, p is page) for p in pages)))
    index = [{"name": page.name, "title": page.title, "text": page.text} for page in pages]
    write_text(out / "search.js", f"const PAGES = {json.dumps(index)};\n{(HERE / 'search.js').read_text()}")
    shutil.copyfile(HERE / "site.css", out / "site.css")
    return out / "index.html"


def _copy_figures(shipped, folder):
    for picture in [*Path(shipped).rglob("*.svg"), *Path(shipped).rglob("*.png")]:
        target = folder / picture.relative_to(shipped)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, target)


def _fill(template, page, contents):
    values = {"title": html.escape(page.title), "contents": contents, "body": page.body}
    return re.sub(r"\{(title|contents|body)\}", lambda found: values[found[1]], template)


def _link(page, here):
    current = ' aria-current="page"' if here else ""
    number = f"<span>{page.name[:2]}</span> " if page.name[:2].isdigit() else ""
    return f'<a href="{page.name}.html"{current}>{number}{html.escape(page.title.split(":")[0])}</a>'
