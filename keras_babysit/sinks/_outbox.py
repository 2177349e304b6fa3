"""Sends to a server in the background, in order, and again if the server does not answer."""

from __future__ import annotations

import collections
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds between two attempts, doubled each time: a server that restarts is back within some."""

MAX_MESSAGES = 10_000
"""Messages that are kept while a server is away; beyond that the oldest are lost. A run is measured
some hundred times."""


class Outbox:
    """A queue of messages and the thread that sends them.

    Args:
        receiver: Name of the server for error messages.
        is_lasting: Whether an error will stay however often the message is sent again, such as a
            password that is refused. After such an error nothing is sent any more.
        noisy: Names of loggers that report every attempt; they are silent for this thread.

    Example:
        >>> received = []
        >>> outbox = Outbox("the list", is_lasting=lambda error: True)
        >>> outbox.put(lambda: received.append(1))
        >>> outbox.finish(seconds=10)
        >>> received
        [1]
    """

    def __init__(
        self, receiver: str, is_lasting: Callable[[Exception], bool], noisy: tuple[str, ...] = ()
    ) -> None:
        self.receiver = receiver
        self._is_lasting = is_lasting
        self._noisy = noisy
        self._messages: collections.deque[Callable[[], None]] = collections.deque()
        self._lost = 0
        self._error: Exception | None = None  # of the latest attempt
        self._has_given_up = False
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(
            target=self._work, name=f"keras-babysit outbox of {receiver}", daemon=True
        )
        self._thread.start()

    @property
    def has_given_up(self) -> bool:
        """Whether a message was refused for good."""
        return self._has_given_up

    def put(self, send: Callable[[], None]) -> None:
        """Add a message; it is sent after those before it.

        Raises:
            ConnectionError: If an earlier message was refused for good.
        """
        with self._changed:
            if self._has_given_up:
                raise ConnectionError(f"{self.receiver} refused a message: {self._error}")
            if len(self._messages) >= MAX_MESSAGES:
                # The first one stays: it opens the run.
                del self._messages[1]
                self._lost += 1
            self._messages.append(send)
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until everything is sent, or until a message is refused for good."""
        with self._changed:
            while self._messages and not self._has_given_up:
                self._changed.wait()

    def finish(self, seconds: float) -> None:
        """Wait until everything is sent, at most `seconds`; the thread goes on after that.

        Raises:
            ConnectionError: If something is not sent by then.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            while self._messages and not self._has_given_up:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            missing = len(self._messages) + self._lost
            if missing:
                reason = self._error or "it has not answered yet"
                what = "1 message" if missing == 1 else f"{missing:,} messages"
                raise ConnectionError(f"{self.receiver} has not received {what}: {reason}")

    def close(self) -> None:
        """Let the thread end once everything is sent."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _work(self) -> None:
        with self._quiet():
            wait = FIRST_WAIT
            while (send := self._next()) is not None:
                try:
                    send()
                except Exception as error:
                    if self._fail(error):
                        return
                    time.sleep(wait)
                    wait = min(2 * wait, LONGEST_WAIT)
                else:
                    wait = FIRST_WAIT
                    self._done()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._messages and not self._is_closed:
                self._changed.wait()
            return self._messages[0] if self._messages else None

    def _done(self) -> None:
        with self._changed:
            self._messages.popleft()
            self._error = None
            self._changed.notify_all()

    def _fail(self, error: Exception) -> bool:
        with self._changed:
            self._error = error
            self._has_given_up = self._is_lasting(error)
            self._changed.notify_all()
            return self._has_given_up

    @contextlib.contextmanager
    def _quiet(self) -> Iterator[None]:
        """Keep the loggers of single attempts silent in this thread."""
        mine = threading.get_ident()

        def is_of_another(record: logging.LogRecord) -> bool:
            return record.thread != mine

        loggers = [logging.getLogger(name) for name in self._noisy]
        for logger in loggers:
            logger.addFilter(is_of_another)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeFilter(is_of_another)
