import numpy as np

from keras_babysit.samples.data_facts import describe_data

RNG = np.random.default_rng(0)


def describe(x, y):
    facts = describe_data((x, y, None))
    return facts.inputs[0], facts.targets[0]


def test_a_table_with_a_constant_column():
    x = RNG.normal(size=(100, 5)).astype("float32")
    x[:, 3] = 0.7
    found, _ = describe(x, np.zeros(100))
    assert (found.constant_features, found.first_constant) == (1, 3)
    assert 0.5 < found.rms < 1.5
    assert found.offset < 1


def test_the_background_of_a_picture_is_no_constant_feature():
    x = RNG.random((100, 64)).astype("float32")
    x[:, :8] = 0
    assert describe(x, np.zeros(100))[0].constant_features == 0


def test_years_are_off_centre():
    x = RNG.normal(2000, 3, size=(100, 4)).astype("float32")
    assert describe(x, np.zeros(100))[0].offset > 100


def test_class_numbers_and_one_hot_rows():
    y = np.array([0] * 90 + [1] * 10)
    _, numbers = describe(np.zeros((100, 1)), y)
    _, rows = describe(np.zeros((100, 1)), np.eye(2)[y])
    assert numbers.largest_fraction == rows.largest_fraction == 0.9
    assert rows.is_one_hot
    assert not numbers.is_one_hot


def test_numbers_have_no_commonest_class():
    _, found = describe(np.zeros((100, 1)), RNG.normal(size=100))
    assert found.largest_fraction is None
    assert found.percentile_1 < found.mean < found.percentile_99


def test_text_and_what_is_not_finite_are_described_as_far_as_can_be():
    x = np.array([["a"], ["b"]])
    inputs, targets = describe(x, np.array([1.0, np.nan]))
    assert inputs.rms is None
    assert targets.mean is None


def share_of_stretch(y, batch_size):
    facts = describe_data((np.zeros((len(y), 1)), y, None), batch_size=batch_size)
    return facts.targets[0].largest_fraction_of_stretch


def test_the_order_of_classes_is_told_over_stretches_of_a_batch():
    by_class = np.repeat(np.arange(10), 100)
    assert share_of_stretch(by_class, 32) > 0.8
    assert share_of_stretch(np.eye(10)[by_class], 32) > 0.8
    assert share_of_stretch(RNG.permutation(by_class), 32) < 0.3


def test_the_order_within_a_batch_does_not_matter():
    balanced = np.tile(np.repeat([0, 1], 64), 8)
    assert share_of_stretch(balanced, 128) == 0.5


def test_few_stretches_have_no_order():
    assert share_of_stretch(np.repeat([0, 1], 60), 32) is None
    assert share_of_stretch(np.repeat([0, 1], 500), None) is None


def test_different_examples_are_counted_up_to_a_bound():
    few = np.repeat(np.eye(3, dtype="float32"), 50, axis=0)
    assert describe_data((few, np.zeros(150), None)).different_examples == 3
    two_inputs = [few, RNG.normal(size=(150, 2))]
    assert describe_data((two_inputs, np.zeros(150), None)).different_examples == 32
