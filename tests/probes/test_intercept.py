from types import SimpleNamespace

from keras_babysit.probes.intercept import intercept


def model_with_step(log):
    def step(*arguments):
        log.append(("step", arguments))
        return sum(arguments)

    return SimpleNamespace(train_function=step), step


def watch(log, name):
    def before(arguments):
        log.append((name, "before"))
        return arguments, name

    def after(known, result):
        log.append((known, "after", result))

    return before, after


def test_one_call_is_seen_and_the_function_is_put_back():
    log = []
    model, step = model_with_step(log)
    intercept(model, "train_function", *watch(log, "a"))
    assert model.train_function(1, 2) == 3
    assert model.train_function is step
    assert log == [("a", "before"), ("step", (1, 2)), ("a", "after", 3)]


def test_two_watchers_nest():
    log = []
    model, step = model_with_step(log)
    intercept(model, "train_function", *watch(log, "a"))
    intercept(model, "train_function", *watch(log, "b"))
    model.train_function(1)
    assert model.train_function is step
    assert [entry[0] for entry in log] == ["b", "a", "step", "a", "b"]


def test_a_watcher_below_another_can_be_called_off():
    log = []
    model, step = model_with_step(log)
    call_off = intercept(model, "train_function", *watch(log, "a"))
    intercept(model, "train_function", *watch(log, "b"))
    assert call_off()
    assert not call_off()
    model.train_function(1)
    assert [entry[0] for entry in log] == ["b", "step", "b"]
    model.train_function(1)
    assert model.train_function is step
