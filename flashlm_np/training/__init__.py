"""Training: optimizer steps, whole runs, their checkpoints, metrics and reports."""
