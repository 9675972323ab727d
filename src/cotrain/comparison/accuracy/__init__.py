"""Training the large network and S networks of its cost, over seeds, and comparing them."""
