"""TensorBoard in a real browser."""

import contextlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]

SHOTS = Path(__file__).parents[2] / "out" / "dashboard"
"""Folder for screenshots; the README uses one of them."""

PATIENCE = 180_000
"""Milliseconds until a wait fails, long enough for a busy machine."""

expect.set_options(timeout=PATIENCE)


@contextlib.contextmanager
def tensorboard(folder):
    """Start TensorBoard on a log folder, and yield its address."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--reload_interval", "1"], stderr=subprocess.PIPE, text=True
    )
    with process:
        said = []
        try:
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"http://(localhost|127\.)\S+", line):
                    yield found[0].rstrip("/")
                    return
            raise AssertionError(f"TensorBoard did not start: {''.join(said)}")
        finally:
            process.terminate()


@contextlib.contextmanager
def browser():
    """Yield a headless browser."""
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield opened
        opened.close()


class Tab:
    """The Babysit tab in a new page; collects the errors of that page.

    Attributes:
        page: TensorBoard's page.
        inside: The frame of the tab.
        errors: What the console reports as an error, and dialogs that opened.
        hosts: Every host that was asked for something.
    """

    def __init__(self, browser, address, **kwargs):
        self.context = browser.new_context(**{"viewport": {"width": 1320, "height": 900}} | kwargs)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.errors, self.hosts = [], set()
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.errors.append("dialog"), dialog.dismiss()))
        self.page.on("request", lambda r: self.hosts.add(re.split(r"[/:]+", r.url)[1]))
        self.page.goto(f"{address}/#babysit", wait_until="commit")
        self.inside = self.page.frame_locator("iframe")

    def heat(self, index=0):
        """Return the heat map at an index, once it is drawn."""
        found = self.inside.locator("canvas.cells").nth(index)
        found.wait_for()
        return found

    def run(self, name):
        """Return the button of a run."""
        return self.inside.locator(".runs .run").filter(
            has=self.inside.get_by_text(name, exact=True)
        )

    def reload(self):
        """Press TensorBoard's button for it."""
        self.page.get_by_role("button", name=re.compile("Last Updated")).click()

    def keep(self, name):
        """Keep a screenshot."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", animations="disabled")

    def assert_clean(self):
        """Assert that nothing went wrong and nothing was asked from outside."""
        assert self.errors == []
        assert self.hosts <= {"localhost", "127.0.0.1", "data", "blob"}
