"""How Sphinx builds the site: ``make docs``. The pages lie where they belong in the repository; none is copied."""

import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))

project = "minivit"
copyright = "The minivit authors"
html_title = "minivit"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "myst_nb",
    "site_pages",
    "answer_pages",
    "step_pages",
]

root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "notebooks/*.ipynb",
    "minivit/course/exercises/*.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
]
exclude_patterns = [".*", "build", "site", "dist", "runs", "venv", "**/__pycache__", "docs/images", "docs/_*"]
exclude_patterns += ["mathjax/[!ot]*", "mathjax/tex-[!c]*", "mathjax/tex-chtml-*"]  # of MathJax only what is used

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
nb_render_markdown_format = "myst"  # links in what a cell shows are links of its page
nb_execution_mode = "off"  # the lectures are shown as they lie in the repository: run, and with their outputs

autodoc_default_options = {"members": True, "member-order": "bysource", "ignore-module-all": True}
add_module_names = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
viewcode_line_numbers = True
viewcode_follow_imported_members = False

nitpicky = True  # a reference that leads nowhere is a warning, and a warning ends the build
nitpick_ignore_regex = [(r"py:(?!func|meth|mod).*", r"(?!minivit\b).*")]  # types of Python, NumPy and others

# MathJax from the package, not from elsewhere; as an extension it would forbid Sphinx to read pages in parallel
html_static_path = ["_static", str(Path(find_spec("sphinx-mathjax-offline").origin).parent / "static")]
html_css_files = ["site.css"]
mathjax_path = "mathjax/tex-chtml.js"

html_theme = "furo"
templates_path = ["_templates"]
html_additional_pages = {"index": "redirect.html"}
html_show_sourcelink = False
html_copy_source = False
