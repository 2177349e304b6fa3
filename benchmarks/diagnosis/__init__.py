"""How well the rules diagnose: programs with labels, their recordings, and the verdict on them."""
