"""Records out to files that other programs read, and back."""
