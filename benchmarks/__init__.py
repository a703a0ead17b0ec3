"""Speed, measured beside peers: ``lth bench`` or ``make bench``."""
