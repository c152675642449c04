"""Run All in JupyterLab, in a headless Chromium: every cell ends, nothing is red, sliders answer, nobody else is asked.

Needs the extra `browser` and a Chromium; pictures of all notebooks are left in results/lab, to be looked at.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest
from test_course import NOTEBOOKS, smallest

from lib.run import ROOT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PANEL = "window.jupyterapp && window.jupyterapp.shell.currentWidget"
READY = f"() => {PANEL} && {PANEL}.sessionContext?.session?.kernel && {PANEL}.content.widgets.length > 3"
STATE = f"""() => {{
    const panel = {PANEL}, code = panel.content.widgets.filter(cell => cell.model.type === "code")
    const outputs = code.flatMap(cell => cell.model.outputs.toJSON())
    const red = outputs.filter(one => one.output_type === "error" || one.name === "stderr")
    return {{
        idle: panel.sessionContext.session.kernel.status === "idle",
        done: code.every(cell => cell.model.executionCount !== null),
        red: red.map(one => one.text || one.evalue),
    }}
}}"""
PICTURES = "() => [...document.querySelectorAll('.jupyter-widgets img, .widget-output img')].map(i => i.src).join()"
TALL = f"() => Math.max(...[...{PANEL}.node.querySelectorAll('*')].map(one => one.scrollHeight))"
TO_END = f"async () => {PANEL}.content.scrollToItem({PANEL}.content.widgets.length - 1, 'end')"
TO_TOP = f"() => {PANEL}.node.querySelectorAll('*').forEach(one => {{ if (one.scrollTop) one.scrollTop = 0 }})"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab in an empty folder.  -> (folder, address)"""
    folder = tmp_path_factory.mktemp("lab")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--expose-app-in-browser"]
    options += ["--IdentityProvider.token=", "--ServerApp.password=", f"--notebook-dir={folder}"]
    home = {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "PYTHONPATH": str(ROOT)}
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyter", "lab", *options], env={**os.environ, **home}, stdout=log, stderr=log
        )
    yield folder, f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason='pip install -e ".[browser]"')
    if CHROMIUM is None:  # playwright's own browser is a download that not every machine may make
        pytest.skip("it drives a browser: install Chromium or Chrome, on Debian by `apt install chromium`")
    with playwright.sync_playwright() as driver:
        yield driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


def opened(page, address):
    """Go there as soon as the server answers, and wait for the notebook's kernel."""
    for _ in range(60):
        try:
            page.goto(address, timeout=180_000)
            break
        except Exception:  # not listening yet
            time.sleep(2)
    page.wait_for_function(READY, timeout=300_000)


def photograph(page, file):
    """From the top, and once more from the end: what lies far below, JupyterLab leaves out of the first picture."""
    page.set_viewport_size({"width": 1200, "height": min(16_000, page.evaluate(TALL) + 250)})
    file.parent.mkdir(parents=True, exist_ok=True)
    for where, name in ((TO_TOP, file), (TO_END, file.with_stem(f"{file.stem}_end"))):
        page.wait_for_timeout(2000)
        page.evaluate(where)
        page.wait_for_timeout(3000)
        page.screenshot(path=str(name))


@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_run_all(path, lab, browser, tiny_shapes, tmp_path):
    folder, address = lab
    notebook, values = json.loads(path.read_text(encoding="utf-8")), smallest(path, tiny_shapes, tmp_path)
    tagged = next(cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", []))
    tagged["source"] = ["".join(tagged["source"]) + "\n" + "\n".join(f"{k} = {v!r}" for k, v in values.items())]
    (folder / path.name).write_text(json.dumps(notebook))
    page, asked = browser.new_page(viewport={"width": 1200, "height": 1000}), set()
    page.on("request", lambda request: asked.add(request.url.split("?")[0]))
    opened(page, f"{address}/lab/workspaces/{path.stem}/tree/{path.name}?reset")
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
    state, started = {"idle": False}, time.monotonic()
    while not (state["idle"] and (state["done"] or state["red"])) and time.monotonic() - started < 1500:
        page.wait_for_timeout(2000)
        state = page.evaluate(STATE)
    photograph(page, ROOT / "results" / "lab" / f"{path.stem}.png")
    assert state == {"idle": True, "done": True, "red": []}
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    if sliders := page.locator(".noUi-handle, .ui-slider-handle").all():
        before = page.evaluate(PICTURES)
        sliders[min(1, len(sliders) - 1)].focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"before => ({PICTURES})() !== before", arg=before, timeout=120_000)
    page.evaluate(f"() => {PANEL}.sessionContext.shutdown()")
    page.close()
