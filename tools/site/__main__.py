"""`python -m tools.site [--no-notebooks]`: builds the documentation into `build/docs`."""

import argparse
import shutil
import sys

from sphinx.cmd.build import build_main

from tools.site import findings, links, notebooks, stage
from tools.site.paths import SITE, SOURCE


def main() -> int:
    """Build the site, and return 0 if there was no warning and no broken link."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-notebooks", action="store_true", help="leave them unexecuted")
    arguments = parser.parse_args()
    stage.write(SOURCE)
    findings.write(SOURCE / "findings")
    notebooks.write(SOURCE / "gallery", execute=not arguments.no_notebooks)
    shutil.rmtree(SITE, ignore_errors=True)
    options = ["-q", "-W", "--keep-going", "-b", "html", "-d", str(SOURCE.parent / "doctrees")]
    if build_main([*options, str(SOURCE), str(SITE)]):
        return 1
    broken = links.broken(SITE)
    print("\n".join(broken) or f"{SITE / 'index.html'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
