"""What to choose before anything big is trained: alternatives of equal cost, and a pilot."""
