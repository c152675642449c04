"""The static site: whole, without a request to anywhere, its formulas drawn, its words found."""

import json
import re
from urllib.parse import unquote

import nbformat
import pytest

from bench.report.pages import write as pages
from bench.report.pages.execute import executed

FORMULA = (
    "**Exercises**\n\nThe shift moves by $s_t$ frames, and `cost=$5` is code.\n\n$$y = x$$\n\n**Next:** `00_toy` again."
)

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def cells(*sources):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_markdown_cell(text) for text in sources]
    return notebook


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    notebook = cells("# Toy: a <b>title</b>", FORMULA)
    printed = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in ("zebra\n", "gnu\n")]
    figure = nbformat.v4.new_output("display_data", data={"image/png": PIXEL})
    code = nbformat.v4.new_code_cell("print('zebra')", outputs=[*printed, figure])
    notebook.cells.append(code)
    nbformat.write(notebook, folder / "00_toy.ipynb")
    pages.write_site(folder / "out", [folder / "00_toy.ipynb"])
    return folder / "out"


def test_pages_ask_nobody_outside(site):
    for file in [*site.glob("*.html"), *site.glob("*.css"), *site.glob("*.js")]:
        text = file.read_text(encoding="utf-8")
        loaded = re.findall(r'(?:src=|<link[^>]*href=|url\(|@import\s*)["\']?([^"\')\s>]+)', text)
        assert not [address for address in loaded if re.match(r"(https?:)?//", address)], file.name


def test_every_link_inside_leads_somewhere(site):
    for file in site.glob("*.html"):
        for address in re.findall(r'(?:src|href)="([^"#]+)[^"]*"', file.read_text(encoding="utf-8")):
            if not re.match(r"(https?|data|mailto):", address):
                address = unquote(address)
                assert (site / address).exists(), f"{file.name}: {address}"


def anchors(page):
    return {unquote(name) for name in re.findall(r' id="([^"]+)"', page.read_text(encoding="utf-8"))}


def test_a_link_to_a_place_finds_it(site):
    """Links to differences, claims and tuning all led to the top of one page."""
    for file in site.glob("*.html"):
        for page, name in re.findall(r'href="([\w]*(?:\.html)?)#([^"]+)"', file.read_text(encoding="utf-8")):
            assert unquote(name) in anchors(site / page if page else file), f"{file.name}: {page}#{name}"
    home = (site / "index.html").read_text(encoding="utf-8").split("<main>")[1]
    for place in ("results.html#standard-differences", "results.html#standard-claims", "results.html#deals-runs"):
        assert f'href="{place}"' in home
    for place in ("tuning.html", "suites.html"):
        assert f'href="{place}"' in home


@pytest.mark.parametrize("page", ["results", "published"])
def test_every_heading_table_and_figure_can_be_linked_and_every_table_is_at_hand(site, page):
    body = (site / f"{page}.html").read_text(encoding="utf-8").split("<main>")[1]
    assert not re.findall("<(?:h2|details|figure)>", body) and "id=" in body
    names = re.findall(r' id="([^"]+)"', body)
    assert len(names) == len(set(names))
    home = pages.ROOT / "results" / {"results": "shipped", "published": "published"}[page]
    linked = {unquote(name) for name in re.findall(r'href="tables/([^"]+)"', body)}
    assert linked == {str(file.relative_to(home)) for file in home.rglob("*.csv") if "runs" not in file.parts}


def test_a_caption_is_not_the_text_for_those_who_do_not_see(site):
    for page in ("results", "published"):
        body = (site / f"{page}.html").read_text(encoding="utf-8")
        told = re.findall(r'alt="([^"]+)"><figcaption>([^<]+)<', body)
        assert len(told) > 4 and all(alt != caption for alt, caption in told)


def test_the_page_of_results_is_short_enough_to_be_read(site):
    """It held every cell of every table, 900 kB."""
    assert (site / "results.html").stat().st_size < 300_000


def test_exercises_can_be_linked(site):
    assert '<strong id="Exercises">' in (site / "00_toy.html").read_text(encoding="utf-8")


def test_a_warning_of_a_lesson_is_seen_and_told(site, tmp_path, capsys):
    notebook = cells("# Toy")
    output = nbformat.v4.new_output("stream", name="stderr", text="UserWarning: gnu")
    notebook.cells.append(nbformat.v4.new_code_cell("warn('gnu')", outputs=[output]))
    nbformat.write(notebook, tmp_path / "00_toy.ipynb")
    assert "UserWarning: gnu" in pages.notebook_page(tmp_path / "00_toy.ipynb").body
    assert capsys.readouterr().out == "00_toy.ipynb: 1 outputs on stderr are in its page; look at them\n"
    rule = re.search(r"\.output_stderr[^}]*}", (site / "site.css").read_text(encoding="utf-8"))[0]
    assert "none" not in rule, "it was hidden"


def test_formulas_are_drawn_and_code_is_left_alone(site):
    body = (site / "00_toy.html").read_text(encoding="utf-8")
    assert "<msub>" in body and "$s_t$" not in body and "cost=$5" in body


def test_a_wide_formula_scrolls_by_itself(site):
    assert '<span class="formula"><math' in (site / "00_toy.html").read_text(encoding="utf-8")
    assert ".formula { display: block; overflow-x: auto" in (site / "site.css").read_text(encoding="utf-8")


def test_a_figure_says_of_which_section_it_is(site):
    page = (site / "00_toy.html").read_text(encoding="utf-8")
    assert page.count("<img") == 1 and 'alt="Figure of the section: Toy: a ' in page


def test_what_a_loop_printed_is_one_text(site):
    assert "zebra\ngnu\n" in (site / "00_toy.html").read_text(encoding="utf-8")


def test_a_lesson_that_is_named_is_linked(site):
    assert '<a href="00_toy.html"><code>00_toy</code></a>' in (site / "00_toy.html").read_text(encoding="utf-8")


def test_shipped_tables_are_folded_and_what_names_them_leads_there(site):
    results = (site / "results.html").read_text(encoding="utf-8")
    published = (site / "published.html").read_text(encoding="utf-8")
    for page in (results, published):
        folded = re.findall(r"<details id=[^>]+><summary>", page)
        assert page.count("<table") == len(folded) > 0 and 'alt=""' not in page
    assert results.count("<li><strong>") == 5, "a line per claim stands over the table of claims"
    assert "CAKES123D_P" in published and published.count("<figure id=") > 4
    home = (site / "index.html").read_text(encoding="utf-8")
    for page in ("models", "results", "columns", "course", "published"):
        assert f'href="{page}.html' in home.split("<main>")[1]


def test_a_word_of_an_output_is_found(site):
    script = (site / "search.js").read_text(encoding="utf-8")
    index = json.loads(script.removeprefix("const PAGES = ").split(";\n", 1)[0])
    assert [page["name"] for page in index if "zebra" in page["text"]] == ["00_toy"]
    documents = {name for name, _ in pages.DOCUMENTS.values()}
    assert {page["name"] for page in index} == {"00_toy", "published", "results", *documents}


def test_titles_cannot_break_a_page(site):
    assert "<title>Toy: a &lt;b&gt;title&lt;/b&gt;</title>" in (site / "00_toy.html").read_text(encoding="utf-8")


def test_a_notebook_is_executed_again_only_if_it_changed(tmp_path, capsys):
    source, kept = tmp_path / "source", tmp_path / "kept"
    source.mkdir()
    notebook = cells("# Toy")
    notebook.cells.append(nbformat.v4.new_code_cell("print(6 * 7)"))
    notebook.metadata.kernelspec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    nbformat.write(notebook, source / "00_toy.ipynb")
    for _ in range(2):
        (file,) = executed(kept, source)
    assert capsys.readouterr().out.count("executing") == 1
    assert nbformat.read(file, 4).cells[1].outputs[0].text == "42\n"


def test_a_warning_is_no_less_seen_in_the_pages(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    notebook = cells("# Toy")
    notebook.cells.append(nbformat.v4.new_code_cell("import warnings\nwarnings.warn('gnu')"))
    notebook.metadata.kernelspec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    nbformat.write(notebook, source / "00_toy.ipynb")
    (file,) = executed(tmp_path / "kept", source)
    (output,) = nbformat.read(file, 4).cells[1].outputs
    assert output.name == "stderr" and "UserWarning: gnu" in output.text


@pytest.mark.parametrize("variables", [{"MPLBACKEND": "agg"}, {"IPYTHONDIR": "user"}, {"JUPYTER_PATH": "user"}])
def test_a_figure_is_in_the_pages_whatever_the_environment_is(variables, tmp_path, monkeypatch):
    """The command's own back end writes files alone; a user's start-up file and kernel are not the lesson's."""
    source, user = tmp_path / "source", tmp_path / "user"
    startup, spec = user / "profile_default/startup/a.py", user / "kernels/python3/kernel.json"
    for path, text in ((startup, "raise SystemExit"), (spec, '{"argv": ["false"], "language": "python"}')):
        path.parent.mkdir(parents=True)
        path.write_text(text.replace("raise SystemExit", "import matplotlib; matplotlib.use('agg')"))
    for name, value in variables.items():
        monkeypatch.setenv(name, str(user) if value == "user" else value)
    notebook = cells("# Toy")
    notebook.cells.append(nbformat.v4.new_code_cell("import matplotlib.pyplot as plt\nplt.plot([1, 2]);"))
    notebook.metadata.kernelspec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    source.mkdir()
    nbformat.write(notebook, source / "00_toy.ipynb")
    (file,) = executed(tmp_path / "kept", source)
    assert "image/png" in nbformat.read(file, 4).cells[1].outputs[-1].data
