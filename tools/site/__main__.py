"""`python -m tools.site`: builds the documentation into `build/docs`."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from tools.site import findings, links, notebooks, stage
from tools.site.paths import SITE, SOURCE


def main() -> int:
    """Build the site, and return 0 if there was no warning and no broken link."""
    parser = argparse.ArgumentParser(prog="python -m tools.site", description=__doc__)
    parser.add_argument("--no-notebooks", action="store_true", help="leave them unexecuted")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="notebooks at a time, at 1 GB each"
    )
    parser.add_argument(
        "--other-sites", action="store_true", help="check the links to other sites, and build none"
    )
    arguments = parser.parse_args()
    stage.write(SOURCE)
    findings.write(SOURCE / "findings")
    is_read_only = arguments.no_notebooks or arguments.other_sites
    notebooks.write(SOURCE / "gallery", execute=not is_read_only, jobs=arguments.jobs)
    if arguments.other_sites:
        return sphinx("linkcheck", SITE.with_name("links"))
    shutil.rmtree(SITE, ignore_errors=True)
    if sphinx("html", SITE):
        return 1
    shutil.copytree(SOURCE / "gallery" / notebooks.FILES, SITE / "gallery", dirs_exist_ok=True)
    broken = links.broken(SITE)
    print("\n".join(broken) or f"{SITE / 'index.html'}")
    return 1 if broken else 0


def sphinx(builder: str, folder: Path) -> int:
    """Run Sphinx, with warnings as errors, and return its exit status."""
    options = ["-q", "-W", "--keep-going", "-b", builder, "-d", str(SOURCE.with_name("doctrees"))]
    return build_main([*options, str(SOURCE), str(folder)])


if __name__ == "__main__":
    sys.exit(main())
