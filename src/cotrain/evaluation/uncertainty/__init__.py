"""How far answers can be trusted: how sure they are, and how often wrong where they are sure."""
