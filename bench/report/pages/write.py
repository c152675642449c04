"""Pages from executed notebooks, the README and the shipped tables. One template, one style sheet, one small script.

Formulas become MathML, which browsers draw without a script; figures lie in the pages or beside them.
"""

import html
import json
import os
import re
import shutil
from pathlib import Path

from bench.report.pages.links import links
from bench.report.pages.page import Page
from bench.report.pages.results import copy_files, place_of, published_page, results_page
from lib.files import write_text
from lib.run import ROOT

HERE = Path(__file__).parent
MATH = re.compile(r"\\\[(?P<block>.+?)\\\]|\$\$(?P<display>.+?)\$\$|\$(?P<line>[^$\n]+?)\$", re.S)
# a document of the clone: its page's name and title
DOCUMENTS = {
    "README": ("index", "efficient3d"),
    "notebooks/README": ("course", "The course"),
    "results/README": ("columns", "Columns and units"),
    "results/shipped/models": ("models", "All nets"),
    "results/shipped/support": ("support", "What works with which net"),
    "results/shipped/tuning/README": ("tuning", "How standard was chosen"),
    "bench/README": ("suites", "Suites on other machines"),
    "bench/published/README": ("from_the_originals", "Coming from the original code"),
    "data_prep/README": ("data_prep", "Files that people have"),
    "CONTRIBUTING": ("contributing", "Contributing"),
    "THIRD_PARTY": ("third_party", "What this stands on"),
}
# texts of lessons that are no headings, as things to link to
MARKS = ("You will learn", "Exercises")


def notebook_page(file, lessons=(), repository=None):
    """An executed notebook, its cells and outputs; below its title where else it runs, if `repository` is known.

    lessons  names of those that have a page: they are linked where they are named
    """
    import nbformat
    from nbconvert import HTMLExporter

    notebook, warned = nbformat.read(file, as_version=4), 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_formulas(cell.source)
        for output in cell.get("outputs", []):
            if "text/markdown" in output.get("data", {}):
                output.data["text/markdown"] = with_formulas(output.data["text/markdown"])
        _join_streams(cell)
        warned += sum(output.get("name") == "stderr" for output in cell.get("outputs", []))
    if warned:
        print(f"{Path(file).name}: {warned} outputs on stderr are in its page; look at them")
    _describe_figures(notebook)
    body, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
    for mark in MARKS:
        body = body.replace(f"<strong>{mark}", f'<strong id="{mark.replace(" ", "-")}">{mark}', 1)
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
        named, _, heading = found["to"].partition("#")
        file = os.path.normpath(here / named)
        target = f"{targets[file]}#{heading}".rstrip("#") if file in targets else place_of(file)
        return f'<a href="{target}">{found["text"]}</a>' if target else found["text"]

    body = markdown2html((ROOT / document).read_text(encoding="utf-8"))
    body = re.sub(r'src="results/shipped/([^"]+\.(?:png|svg))"', r'src="figures/\1"', body)
    body = re.sub(r'<a href="(?P<to>[^"]*)">(?P<text>.*?)</a>', link, body, flags=re.S)
    return Page(name, title, with_lessons_linked(body, lessons))


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
        copy_files(home, out)
    template = (HERE / "page.html").read_text(encoding="utf-8")
    for page in pages:
        write_text(out / f"{page.name}.html", _fill(template, page, "\n".join(_link(p, p is page) for p in pages)))
    index = [{"name": page.name, "title": page.title, "text": page.text} for page in pages]
    write_text(out / "search.js", f"const PAGES = {json.dumps(index)};\n{(HERE / 'search.js').read_text()}")
    shutil.copyfile(HERE / "site.css", out / "site.css")
    return out / "index.html"


def _fill(template, page, contents):
    values = {"title": html.escape(page.title), "contents": contents, "body": page.body}
    return re.sub(r"\{(title|contents|body)\}", lambda found: values[found[1]], template)


def _link(page, here):
    current = ' aria-current="page"' if here else ""
    number = f"<span>{page.name[:2]}</span> " if page.name[:2].isdigit() else ""
    return f'<a href="{page.name}.html"{current}>{number}{html.escape(page.title.split(":")[0])}</a>'
