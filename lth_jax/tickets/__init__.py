"""What a ticket is made of, and what is done to it."""
