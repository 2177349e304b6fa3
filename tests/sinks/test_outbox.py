import logging
import threading

import pytest

from keras_babysit.sinks import _outbox
from keras_babysit.sinks._outbox import Outbox


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    monkeypatch.setattr(_outbox, "FIRST_WAIT", 0.0)


def away(error):
    return False


def test_messages_arrive_in_order_after_a_server_was_away():
    attempts, received = [], []

    def first():
        attempts.append(1)
        if len(attempts) < 4:
            raise ConnectionError("away")
        received.append("first")

    outbox = Outbox("server", away)
    outbox.put(first)
    outbox.put(lambda: received.append("second"))
    outbox.finish(seconds=60)
    assert received == ["first", "second"]


def test_refusal_is_raised_at_the_next_message_and_nothing_is_sent_after_it():
    received, refused = [], threading.Event()

    def refuse():
        refused.set()
        raise PermissionError("wrong password")

    outbox = Outbox("server", lambda error: isinstance(error, PermissionError))
    outbox.put(refuse)
    refused.wait()
    outbox._thread.join()
    with pytest.raises(ConnectionError, match="server refused a message: wrong password"):
        outbox.put(lambda: received.append(1))
    with pytest.raises(ConnectionError, match="has not received 1 message: wrong password"):
        outbox.finish(seconds=60)
    assert received == []


def test_a_server_that_hangs_delays_the_end_no_longer_than_asked():
    free = threading.Event()
    outbox = Outbox("server", away)
    outbox.put(free.wait)
    outbox.put(lambda: None)
    with pytest.raises(ConnectionError, match="has not received 2 messages: it has not answered"):
        outbox.finish(seconds=0)
    free.set()
    outbox.finish(seconds=60)


def test_the_first_and_the_latest_messages_stay_if_there_are_too_many(monkeypatch):
    monkeypatch.setattr(_outbox, "MAX_MESSAGES", 3)
    received, free = [], threading.Event()
    outbox = Outbox("server", away)
    outbox.put(lambda: (free.wait(), received.append(0)))
    for number in range(1, 6):
        outbox.put(lambda number=number: received.append(number))
    free.set()
    with pytest.raises(ConnectionError, match="has not received 3 messages"):
        outbox.finish(seconds=60)
    assert received == [0, 4, 5]


def test_only_its_own_attempts_are_kept_out_of_the_log(caplog):
    logger, done = logging.getLogger("attempts"), threading.Event()

    def send():
        logger.warning("one of many attempts")
        done.set()

    outbox = Outbox("server", away, noisy=("attempts",))
    outbox.put(send)
    outbox.finish(seconds=60)
    done.wait()
    logger.warning("of the user")
    assert [record.getMessage() for record in caplog.records] == ["of the user"]
