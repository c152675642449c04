"""The pages of results: figures, the tables that people read, links to the others; every one of them has an anchor."""

import html
import re
import shutil
from pathlib import Path

from bench.report.csv_files import read_table
from bench.report.pages.page import Page
from bench.report.text import folded, shown

# tables that are on the page, as people read them: the others are files beside it
READ = {
    "trade_off": "nets: accuracy and costs",
    "claims": "what became of the papers' claims",
    "searches": "what the searches found, and their rivals",
    "rematch": "asked on top of the searches: what was found, trained again; and nets that another search trained",
    "differences": "every pair of nets, and what may be said of it",
    "runs": "every training",
}
NETS = "Top-1 of every net, against GMACs where they differ"
SEARCH = "Top-1 of what the search found, and of its rivals"
PUBLISHED = "Top-1 as published, against the cost that was printed with it"
RESULTS_ARE = """<p>Our own runs, a section per suite. <a href="columns.html">Columns and units</a> explains the tables;
here they have fewer columns than their files, which are linked.</p>"""
PUBLISHED_IS = """<p>Each row is one training of one net by one team, under the protocol that stands in it. Rows of
different protocols, data or teams are no ranking. An empty cell was not published, or is not known to us. The figures
leave out rows without a cost, what users report, and weights that were only measured once more by those who
ported them. A filled point is a printed figure that compares along its axis; of others the list says why not.</p>"""


def anchor(*names):
    """The id of a suite, or of its table or figure: "standard-differences"."""
    return re.sub(r"[^\w-]+", "-", "-".join(names)).lower()


def place_of(file):
    """Where on the site the results at `file` are, a path in the clone; None if it is none of results/."""
    home, kind, *rest = [*Path(file).parts, "", ""]
    if home != "results" or kind not in ("shipped", "published"):
        return None
    names = [Path(name).stem for name in rest if name]
    page = "published.html" if kind == "published" else "results.html"
    return f"{page}#{anchor(*names)}" if names else page


def results_page(shipped):
    """Every shipped figure, the tables that are read, and where the others are."""
    parts = ["<h1>Shipped tables and figures</h1>", RESULTS_ARE]
    for suite in sorted(path for path in Path(shipped).iterdir() if path.is_dir()):
        parts.append(f'<h2 id="{anchor(suite.name)}">{html.escape(suite.name)}</h2>')
        for figure in sorted(suite.glob("*.svg")):
            told = NETS if figure.stem == "trade_off" else SEARCH
            parts.append(_figure(figure.relative_to(shipped), told, anchor(suite.name, figure.stem, "figure")))
        tables = [suite / f"{name}.csv" for name in READ]
        parts += [_table(table) for table in tables if table.exists()]
        parts.append(_others(suite, shipped))
    parts += ['<h2 id="devices">Of devices</h2>', _others(Path(shipped), shipped)]
    return Page("results", "Tables and figures", "\n".join(parts))


def published_page(published):
    """What the papers and their repositories print: a figure per dataset, a table per source."""
    parts = ["<h1>What the papers published</h1>", PUBLISHED_IS, '<h2 id="figures">A figure per dataset</h2>']
    parts += [_figure(figure.name, PUBLISHED, anchor(figure.stem)) for figure in sorted(Path(published).glob("*.svg"))]
    parts.append('<h2 id="tables">A table per source</h2>')
    for table in sorted(Path(published).glob("*.csv")):
        parts.append(folded(table.stem, read_table(table), anchor(table.stem), _link(table, published)))
    return Page("published", "What the papers published", "\n".join(parts))


def copy_files(home, out):
    """Figures and tables under `home`, for the pages to show and to link."""
    for folder, kinds in (("figures", ("svg", "png")), ("tables", ("csv",))):
        for file in [file for kind in kinds for file in Path(home).rglob(f"*.{kind}")]:
            target = Path(out) / folder / file.relative_to(home)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


def _figure(source, told, name):
    """The caption says what it is; who cannot see it learns where its numbers stand."""
    stem = html.escape(Path(source).stem.replace("_", " "))
    alt = f"Figure {stem}: its numbers stand in the tables below."
    image = f'<img src="figures/{html.escape(str(source))}" alt="{alt}">'
    return f'<figure id="{name}">{image}<figcaption>{told}: {stem}</figcaption></figure>'


def _table(file):
    name, home = anchor(file.parent.name, file.stem), file.parent.parent
    table = folded(f"{file.stem}: {READ[file.stem]}", shown(read_table(file)), name, _link(file, home))
    return _above(file.with_suffix(".md")) + table


def _above(file):
    """What the Markdown of a table says before it; links are to the clone's files, so their text alone."""
    from nbconvert.filters.markdown import markdown2html

    told = file.read_text(encoding="utf-8").partition("| ")[0] if file.is_file() else ""
    return markdown2html(re.sub(r"\[(.*?)\]\(.*?\)", r"\1", told)) if told else ""


def _link(file, home):
    """A link to a table's file; a part of the site since `copy_files`."""
    return f'<a href="tables/{html.escape(file.relative_to(home).as_posix())}">{html.escape(file.name)}</a>'


def _others(folder, shipped):
    """A list of the tables in `folder` that are not on the page."""
    rest = [file for file in sorted(folder.glob("*.csv")) if file.stem not in READ]
    names = [anchor(*(() if folder == Path(shipped) else (folder.name,)), file.stem) for file in rest]
    items = [
        f'<li id="{name}">{_link(file, shipped)}, {len(read_table(file))} rows</li>'
        for name, file in zip(names, rest, strict=True)
    ]
    return "<ul>\n" + "\n".join(items) + "\n</ul>" if items else ""
