"""The Babysit tab of TensorBoard, and the command `kb-report`.

Both read log folders with event files written by `sinks.TensorBoard`, or with JSON lines.

    folder ─▶ library ─▶ source ─▶ run log ─▶ views ──────▶ plugin ─▶ static/
              (find)     (read)    (store)    (downsample)  (serve)   (draw)

`import keras_babysit` loads nothing of this package.
"""
