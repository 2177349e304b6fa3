"""What people look at: the tab Babysit in TensorBoard, and `kb-report` in the terminal.

Both read log folders: event files that `sinks.TensorBoard` wrote, and JSON lines.

    folder ─▶ library ─▶ source ─▶ run log ─▶ views ─▶ plugin ─▶ static/
              (find)     (read)    (remember)  (thin)   (serve)   (draw)

Nothing here is loaded by `import keras_babysit`.
"""
