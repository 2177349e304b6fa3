"""What sinks, dashboard and checks share to show measurements and findings.

`wording`: phrases and numbers. `thinning`: fewer points of a long series. `drawing`: charts as SVG.
Add here what two of them need; what only one needs stays with it.
"""
