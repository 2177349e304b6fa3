"""Calls a sink in its own thread, so that a sink that hangs does not block training."""

import contextlib
import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from keras_babysit.history import History
from keras_babysit.sinks import Sink

WAIT_SECONDS = 30.0
"""Longest that training waits for one call of a sink: far above what a slow network drive takes. It
is lost at most once, because the sink is off afterwards."""

PARTING_SECONDS = 1.0
"""Longest wait for a sink to close its files: everything was written out before."""


_Calls = queue.SimpleQueue[tuple[Future[None], Callable[..., None], tuple[Any, ...]] | None]


class Delivery:
    """Calls one sink, and waits a bounded time for each call.

    Training waits for each call, so that a sink sees the history as it was when it was called,
    what the sink raises is known at once, and nothing is left to be written when `fit` returns.

    Args:
        sink: The sink.
    """

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._calls: _Calls = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        # Nobody may call `leave` after a run that broke off.
        self._end = weakref.finalize(self, self._calls.put, None)
        self._end.atexit = False

    def begin(self, history: History) -> None:
        """Start the sink; what it reads of this thread, it reads first.

        Raises:
            Exception: Whatever the sink raises.
        """
        getattr(self.sink, "before_start", lambda: None)()
        self("on_start", history)

    def __call__(self, method: str, argument: Any) -> None:
        """Call a method of the sink.

        Raises:
            TimeoutError: If the sink has not returned in time. It must not be called again.
            Exception: Whatever the sink raises.
        """
        call = getattr(self.sink, method)
        if not getattr(self.sink, "has_own_thread", True):
            call(argument)
            return
        done = self._ask(call, argument)
        try:
            done.result(WAIT_SECONDS)
        except TimeoutError:
            if done.done():  # the sink itself raised it, or returned at the last moment
                done.result()
                return
            self._end()
            self._thread = None
            raise TimeoutError(
                f"`{type(self.sink).__name__}.{method}` must return within {WAIT_SECONDS:g} "
                "seconds. A drive or a network that hangs may be why."
            ) from None

    def leave(self) -> None:
        """Let the sink close its files, and end its thread; nothing is raised here."""
        if not self._end.alive:
            return
        close = getattr(self.sink, "close", lambda: None)
        if not getattr(self.sink, "has_own_thread", True):
            with contextlib.suppress(Exception):
                close()
        elif self._thread is not None:
            self._ask(close)
        thread, self._thread = self._thread, None
        self._end()
        if thread is not None and thread is not threading.current_thread():
            thread.join(PARTING_SECONDS)

    def _ask(self, call: Callable[..., None], *arguments: Any) -> Future[None]:
        if self._thread is None:
            name = f"keras-babysit {type(self.sink).__name__}"
            self._thread = threading.Thread(
                target=_work, args=(self._calls,), name=name, daemon=True
            )
            self._thread.start()
        done: Future[None] = Future()
        self._calls.put((done, call, arguments))
        return done


def _work(calls: _Calls) -> None:
    """Make the calls in the order in which they arrive, until None arrives."""
    while (job := calls.get()) is not None:
        done, call, arguments = job
        try:
            call(*arguments)
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)
        del job, done, call, arguments  # keep nothing of the run alive while waiting
