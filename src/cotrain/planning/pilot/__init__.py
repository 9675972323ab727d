"""A few short runs that say which S is ahead, before the big run."""
