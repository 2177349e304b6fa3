"""Models that were not written for this project, monitored for a few steps."""
