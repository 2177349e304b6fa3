"""Builds the documentation: `make docs`.

    docs/ ──────────────▶ stage ─────┐
    rules and their rows ▶ findings ─┼▶ build/docs-source ─▶ Sphinx ─▶ build/docs ─▶ links
    docs/gallery/*.py ──▶ notebooks ─┘

`stage` copies the pages and adapts their links, `findings` writes one page per condition (with
`chart`), `notebooks` converts and executes the gallery, `links` checks all links of the result.
"""
