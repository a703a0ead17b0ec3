"""Rewinding to an early step: subnetworks become stable, and match deep networks.

Reference:
    Jonathan Frankle, Gintare Karolina Dziugaite, Daniel M. Roy and Michael Carbin,
    "Stabilizing the Lottery Ticket Hypothesis", 2020, arXiv:1903.01611.
"""
