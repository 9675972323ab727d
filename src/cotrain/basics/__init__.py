"""The ground that every room stands on: errors, files, seeds, the machine, a run's folder."""
