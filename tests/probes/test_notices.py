"""What a run says it has not measured."""

import inspect

import pytest

from keras_babysit.probes import notices
from tests.probes import sentences
from tests.probes.sentences import NOTICES


def test_every_kind_of_sentence_is_shown():
    functions = inspect.getmembers(notices, inspect.isfunction)
    text = inspect.getsource(sentences)
    left_out = [name for name, _ in functions if f"notices.{name}(" not in text]
    assert left_out == ["seconds_in_words"]


@pytest.mark.parametrize("notice", NOTICES)
def test_a_notice_is_made_of_short_sentences(notice):
    parts = notice.removesuffix(".").split(". ")
    assert notice.endswith(".")
    assert max(len(part.split()) for part in parts) <= 25
