"""Which networks to ask first, and where their answer is sure enough: fitted, and tested."""
