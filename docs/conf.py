"""Sphinx settings: MyST pages, tutorials executed on every build."""

from remnant import __version__

project = "remnant"
author = "The remnant developers"
copyright = "2026, The remnant developers"  # noqa: A001 - the name is Sphinx's
release = __version__
extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "jupyter_execute", "**/.jupyter_cache"]
html_theme = "furo"
html_title = "remnant"
html_static_path = ["_static"]
html_css_files = ["remnant.css"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
numpydoc_show_class_members = False
