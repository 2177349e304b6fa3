"""`Expectation`: what is expected on the faulty program of a report."""

from dataclasses import dataclass

from benchmarks.diagnosis.reports.conditions import rules_of

MORE = ("capacity", "more units", "more layers", "wider", "deeper", "larger network")
LONGER = ("longer", "more epochs", "epochs=")
REGULARIZE = ("dropout", "weight decay", "weight_decay", "regulariz", "more training data")
FASTER = ("raise the learning rate", "increase the learning rate", "higher learning rate")
SLOWER = ("lower the learning rate", "reduce the learning rate", "decrease the learning rate")
CLIP = ("clipnorm", "clip the gradient", "clip gradient")
START = ("initializ", "lsuv")


@dataclass(frozen=True)
class Expectation:
    """What is expected on the faulty program of a report.

    Args:
        names: Conditions of which one is a right answer.
        symptoms: Conditions that are true as well but are effects.
        wrong: Words, in lower case, of remedies that do nothing or harm.
        note_counts: Whether a note that names it is a right answer, because the fault costs little
            or shows only in a number that misleads.
    """

    names: tuple[str, ...]
    symptoms: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    note_counts: bool = False

    @property
    def rules(self) -> frozenset[str]:
        """The rules that name it."""
        return rules_of(*self.names)

    @property
    def symptom_rules(self) -> frozenset[str]:
        """The rules of its symptoms."""
        return rules_of(*self.symptoms) - self.rules
