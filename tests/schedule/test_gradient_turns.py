"""Gradients are taken seldom only where they are most of what a probe takes."""

from keras_babysit.schedule.gradient_turns import FIRST_FULL_PROBES, FULL_PROBE_EVERY, GradientTurns


def play(probes, full, forward, start_seconds=0.1, first=5.0):
    """Return for each probe whether it took gradients; the first of a kind takes longer."""
    turns, kinds = GradientTurns(start_seconds), []
    for _ in range(probes):
        takes = turns.takes_gradients()
        seconds = full if takes else forward
        turns.note(takes_gradients=takes, seconds=seconds if takes in kinds else seconds + first)
        kinds.append(takes)
    return kinds


def test_where_they_are_most_of_a_probe_every_fourth_takes_them():
    kinds = play(60, full=0.3, forward=0.1)
    assert all(kinds[:FIRST_FULL_PROBES])
    assert sum(kinds[20:]) == 40 // FULL_PROBE_EVERY


def test_where_they_are_not_all_take_them_but_the_two_that_found_out():
    kinds = play(60, full=0.3, forward=0.2)
    assert kinds.count(False) == 2


def test_a_graph_of_its_own_is_made_once_it_can_be_earned_back():
    kinds = play(60, full=0.01, forward=0.001, start_seconds=0.3)
    assert kinds.index(False) == 31  # the first one is paid once; thirty more took 0.3 s
    assert all(play(60, full=0.01, forward=0.001, start_seconds=30.0))
