"""Models that were not written for this project, watched for a few steps."""
