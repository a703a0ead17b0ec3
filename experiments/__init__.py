"""One file per figure or study; run one with ``lth run NAME``."""
