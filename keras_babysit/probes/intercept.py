"""Run code around the next step of Keras: its batch, and the variables before and after."""


def intercept(model, attribute, before, after):
    """Run `before` and `after` around the next call of one of the model's step functions.

    The function is put back as soon as that call begins. Several callbacks may intercept the same
    function.

    Args:
        model: The model in `fit`.
        attribute: `"train_function"` or `"test_function"`.
        before: Called with the arguments of the step; returns the arguments to use instead, and
            anything that `after` needs. It must not raise once it has taken a batch.
        after: Called with that and with the result of the step.

    Returns:
        A function that cancels the interception if it has not happened yet.
    """
    if getattr(model, attribute) is None:  # outside of `fit` Keras makes it when it is called
        getattr(model, f"make_{attribute}")()
    inner = getattr(model, attribute)
    is_on = True

    def once(*arguments):
        if not cancel():
            return inner(*arguments)
        arguments, known = before(arguments)
        result = inner(*arguments)
        after(known, result)
        return result

    def cancel():
        nonlocal is_on
        was_on, is_on = is_on, False
        if getattr(model, attribute) is once:
            setattr(model, attribute, inner)
        return was_on

    once.inner = inner
    setattr(model, attribute, once)
    return cancel
