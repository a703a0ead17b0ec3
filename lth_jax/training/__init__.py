"""One training, and many as lanes of one program."""
