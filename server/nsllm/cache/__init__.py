"""What is kept so that it need not be made again: vectors, and whole answers."""
