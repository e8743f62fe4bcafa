"""The browser of tests that open pages."""

import shutil

import pytest


@pytest.fixture(scope="module")
def browser():
    """Chromium as the system has it, else the one that Playwright has fetched."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra [browser]")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=path, args=["--no-sandbox"])  # as root there is none
        yield chromium
        chromium.close()
