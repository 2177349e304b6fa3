"""Settings of Sphinx; `make docs` runs it on the pages that `tools/site` has prepared."""

import os
import re

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from keras_babysit import __version__

project = "keras-babysit"
author = "The keras-babysit authors"
copyright = "The keras-babysit authors"
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["gallery/work", "gallery/files", "**/.ipynb_checkpoints"]

myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline", "colon_fence"]
nb_execution_mode = "off"  # they were executed before
nb_number_source_lines = False

default_role = "code"  # docstrings put code in single backticks
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True  # `rules=DEFAULT_RULES`, not the names of all of them
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [
    ("Input shape", "notes_style"),
    ("Output shape", "notes_style"),
    ("Call arguments", "params_style"),
    ("Reference", "notes_style"),
]
python_display_short_literal_types = True

html_theme = "furo"
html_title = f"keras-babysit {version}"
html_static_path = ["_static"]
html_css_files = ["site.css", "card.css"]
html_copy_source = False
html_show_sphinx = False
html_show_search_summary = False  # browsers do not let a page without a server read others
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


# Links to other sites, by `make docs-links`.
linkcheck_anchors = False  # sites that draw their pages by script have none
linkcheck_allow_unauthorized = True  # publishers turn programs away
linkcheck_retries = 2
linkcheck_timeout = 20


def setup(app):
    """Let Sphinx read docstrings as they are written here."""
    app.connect("autodoc-process-docstring", _as_rst)


def _as_rst(app, what, name, obj, options, lines):
    """Turn what Markdown and reStructuredText write differently: plurals of code, and tables.

    Of a package only the first paragraph is for its users; the rest says where its next part goes.
    """
    if what == "module" and "" in lines:
        lines[lines.index("") :] = [""]
    found = []
    for line in lines:
        line = re.sub(r"(?<!`)`([^`]+)`(?=[A-Za-z])", r"`\1`\ ", line)
        if line.startswith("|"):
            if not (found and found[-1].startswith("    |")):
                found += ["::", ""]
            line = f"    {line}"
        found.append(line)
    lines[:] = found
