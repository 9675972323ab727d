"""Large against divided: how accurate, how fast, and as the paper reports it."""
