"""The run directory: written, read back, checked."""
