import pytest

from keras_babysit.callbacks.bad_batch_search import MAX_SEARCHED_STEPS, BadBatchSearch
from keras_babysit.recorder.health import Health, RunHealth


@pytest.mark.parametrize(
    ("epoch_steps", "searched"), [(3, 6), (None, MAX_SEARCHED_STEPS), (10**6, 400)]
)
def test_a_search_takes_two_epochs_at_most_and_begins_once(epoch_steps, searched):
    health = RunHealth()
    search = BadBatchSearch(health, epoch_steps)
    assert not search.is_on
    search.begin()
    for _ in range(searched):
        assert health.state is Health.SEARCHING
        search.note(1)
    assert not search.is_on
    assert search.is_over
    assert health.state is Health.LOST
    search.begin()
    assert not search.is_on


def test_a_cause_that_was_found_before_is_not_searched_for():
    health = RunHealth()
    search = BadBatchSearch(health, 3)
    search.end()
    search.begin()
    assert (search.is_on, search.is_over, health.state) == (False, True, Health.HEALTHY)


def test_a_run_that_is_off_is_not_searched():
    health = RunHealth(Health.OFF)
    search = BadBatchSearch(health, 3)
    search.begin()
    search.end()
    assert health.state is Health.OFF


def test_a_search_that_ends_leaves_a_lost_run():
    health = RunHealth(Health.SEARCHING)
    BadBatchSearch(health, 3).end()
    assert health.state is Health.LOST
