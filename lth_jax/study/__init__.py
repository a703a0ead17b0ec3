"""The method, level by level."""
