"""Pages that show what runs have found."""
