"""The page of the default model on a shape: how long it takes to make, to open, and to go from step to step.

    python benchmarks/step_page.py            # needs the extra [browser], and a Chromium or Chrome

Walking presses the right arrow, as a reader does; jumping takes links in an order that is drawn; between two steps the
reader looks for a moment. A step is there when it stands in the page, laid out; what the screen adds, up to a sixtieth
of a second, is not in it.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from machine import cpu_name

import minivit as mv
from minivit.train.kinds import kind_of

SECONDS_TO_LOOK = 0.1
"""Between two steps: what the reader takes, and the page unpacks others in."""

GO = """([act, name]) => new Promise(done => {
    const main = document.querySelector("main"), start = performance.now();
    const there = () => {
        if (main.dataset.shown !== name) return;
        watching.disconnect();
        main.offsetHeight;  // where everything stands is computed now
        done(performance.now() - start);
    };
    const watching = new MutationObserver(there);
    watching.observe(main, {attributes: true});
    if (act === "walk") main.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}));
    else location.hash = name;
    there();
})"""


def main() -> None:
    """Measure, and print a line for each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "step.html")
        start = perf_counter()
        make_page(path)
        made = perf_counter() - start
        found = in_browser(path)
        size = path.stat().st_size / 1e6
    print(f"on {cpu_name()}, {os.cpu_count()} processors, of which {os.getloadavg()[0]:.1f} are busy")
    print(f"made in {made:.1f} s, {size:.2f} MB, opened in {found['load']:.2f} s")
    for act in ("walk", "jump"):
        times = np.array(found[act])
        half, most = np.percentile(times, [50, 90])
        said = f"half in {half:.0f} ms, nine of ten in {most:.0f}, the slowest in {times.max():.0f}"
        print(f"{act}: {len(times)} steps, {said}")


def make_page(path: Path) -> None:
    """Record the default model on pixels, as ``minivit step`` does, and write the page."""
    shapes, model = mv.data.shapes(1, 10, seed=0), mv.create_model("vit_micro_patch4_32")
    image, label = shapes.test.images[0], int(shapes.test.labels[0])
    options = {"normalize": kind_of(shapes).normalize, "class_names": shapes.class_names}
    mv.step(model, image, label, **options).save(path)


def in_browser(path: Path) -> dict[str, Any]:
    """Seconds to open the page, and milliseconds of each step."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 720})
        start = perf_counter()
        tab.goto(path.as_uri())
        tab.wait_for_selector("body[data-ready]")
        load = perf_counter() - start
        names = json.loads(tab.evaluate("JSON.stringify(run.levels[level].map(call => call.name))"))
        elsewhere = [str(name) for name in np.random.default_rng(0).permutation(names)]
        found = {"load": load, "walk": [], "jump": []}
        for act, steps in (("walk", names[1:]), ("jump", elsewhere)):
            tab.reload()  # nothing is unpacked
            tab.wait_for_selector("body[data-ready]")
            for name in steps:
                tab.wait_for_timeout(1000 * SECONDS_TO_LOOK)
                found[act].append(tab.evaluate(GO, [act, name]))
        browser.close()
    return found


if __name__ == "__main__":
    main()
