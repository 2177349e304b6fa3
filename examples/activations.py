"""Plot activation functions, their slopes, and what they do to a signal.

python examples/activations.py --save docs/images
"""

import argparse
from pathlib import Path

from keras_babysit.activations import plot, profile


def main(arguments=None):
    """Save the plot of all activations, and print their mean output and slope."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", type=Path, default=Path("out"))
    save = parser.parse_args(arguments).save
    save.mkdir(parents=True, exist_ok=True)
    profiles = profile(with_cost=False)
    plot(profiles).savefig(save / "activations.png", dpi=90)
    print(profiles)
    return profiles


if __name__ == "__main__":
    main()
