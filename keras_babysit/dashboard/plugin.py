"""The server side of the Babysit tab in TensorBoard."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import werkzeug
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from keras_babysit.dashboard.bounds import MAX_RESPONSE_BYTES
from keras_babysit.dashboard.heat_map import heat_map
from keras_babysit.dashboard.layer_view import layer_view
from keras_babysit.dashboard.library import Library, Run
from keras_babysit.dashboard.overview import overview
from keras_babysit.dashboard.run_list import run_list
from keras_babysit.sinks.records import PLUGIN

TYPES = {".js": "text/javascript", ".css": "text/css"}

MAX_STEP = 2**53
"""Larger integers are not exact in JavaScript."""


class BadRequestError(ValueError):
    """An argument of a request is invalid."""


class BabysitPlugin(base_plugin.TBPlugin):  # type: ignore[misc]
    """Serves the page of the tab, and the data of the runs in the log folder.

    Every response is JSON of at most `MAX_RESPONSE_BYTES` bytes. An error is
    `{"error": "..."}` with a status code of 400 or above.

    Args:
        context: The context that TensorBoard passes to its plugins.
    """

    plugin_name = PLUGIN

    def __init__(self, context: base_plugin.TBContext) -> None:
        self.library = Library(_folders(context))

    def is_active(self) -> bool:
        """Whether there is a run to show; otherwise TensorBoard hides the tab."""
        return not self.library.is_empty()

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """The entry point of the page, and the name of the tab."""
        return base_plugin.FrontendMetadata(
            es_module_path="/static/index.js", tab_name="Babysit", remove_dom=False
        )

    def get_plugin_apps(self) -> dict[str, Callable[..., Any]]:
        """The routes, below `data/plugin/babysit`."""
        return {
            "/static/*": _serve_static,
            "/runs": _json(self.runs),
            "/run": _json(self.run),
            "/heat": _json(self.heat),
            "/layer": _json(self.layer),
        }

    def runs(self, request: wrappers.Request) -> dict[str, Any]:
        """Return the list of runs; with `read=1`, read the state of some that were not read yet."""
        return run_list(self.library, read=request.args.get("read") == "1")

    def run(self, request: wrappers.Request) -> dict[str, Any]:
        """Return the overview of a run."""
        return self._of_run(request, lambda run: overview(run, _window(request)))

    def heat(self, request: wrappers.Request) -> dict[str, Any]:
        """Return the heat map of one quantity."""
        quantity = request.args.get("quantity", "")
        return self._of_run(request, lambda run: heat_map(run.log, quantity, _window(request)))

    def layer(self, request: wrappers.Request) -> dict[str, Any]:
        """Return the layer that a series belongs to."""
        series, step = _integer(request, "series"), _integer(request, "step")
        return self._of_run(request, lambda run: layer_view(run.log, series, step))

    def _of_run(
        self, request: wrappers.Request, view: Callable[[Run], dict[str, Any]]
    ) -> dict[str, Any]:
        with self.library.open(request.args.get("run", "")) as run:
            return view(run)


def _json(view: Callable[[wrappers.Request], dict[str, Any]]) -> Callable[..., Any]:
    """Return an application that responds with the result of `view`, or with an error."""

    @wrappers.Request.application
    @functools.wraps(view)
    def serve(request: wrappers.Request) -> wrappers.Response:
        try:
            code, answer = 200, view(request)
        except BadRequestError as error:
            code, answer = 400, {"error": str(error)}
        except (KeyError, IndexError):
            code, answer = 404, {"error": "This run, quantity or layer does not exist (any more)."}
        except OSError as error:
            code, answer = 503, {"error": f"The run cannot be read: {error.strerror or error}"}
        text = json.dumps(answer, allow_nan=False, separators=(",", ":"))
        if len(text) > MAX_RESPONSE_BYTES:
            code, text = 500, '{"error": "The response is too large to be shown."}'
        response: wrappers.Response = http_util.Respond(
            request, text, "application/json", code=code
        )
        return response

    return serve


@wrappers.Request.application
def _serve_static(request: wrappers.Request) -> wrappers.Response:
    path = request.path.rpartition("/static/")[2]
    if path not in _static_files():
        raise werkzeug.exceptions.NotFound
    content = files(__package__).joinpath("static", *path.split("/")).read_bytes()
    kind = TYPES[os.path.splitext(path)[1]]
    response: wrappers.Response = http_util.Respond(request, content, kind)
    return response


@functools.cache
def _static_files() -> frozenset[str]:
    """Return the files that may be served; any other path is not found."""
    root = files(__package__).joinpath("static")
    found = [(folder, entry) for folder in ("", "vendor/") for entry in (root / folder).iterdir()]
    names = (folder + entry.name for folder, entry in found if entry.is_file())
    return frozenset(name for name in names if os.path.splitext(name)[1] in TYPES)


def _window(request: wrappers.Request) -> tuple[int, int] | None:
    """Return the requested range of steps; None for all."""
    if "from" not in request.args and "to" not in request.args:
        return None
    first, last = _integer(request, "from"), _integer(request, "to")
    if not first < last:
        raise BadRequestError(f"`from < to` must hold. Received: from={first}, to={last}")
    return first, last


def _integer(request: wrappers.Request, key: str) -> int:
    received = request.args.get(key, "")
    if not received.isascii() or not received.isdigit() or len(received) > 16:
        raise BadRequestError(
            f"Argument `{key}` must be a whole number. Received: {received[:40]!r}"
        )
    return min(int(received), MAX_STEP)


def _folders(context: base_plugin.TBContext) -> dict[str, str]:
    """Return the log folders, by the prefix of their run names."""
    if context.logdir:
        return {"": str(context.logdir)}
    spec = getattr(context.flags, "logdir_spec", "") or ""
    folders = {}
    for part in filter(None, spec.split(",")):
        name, _, path = part.partition(":")
        is_named = path and not path.startswith("//") and "/" not in name
        folders[name if is_named else part] = path if is_named else part
    return folders
