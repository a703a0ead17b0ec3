"""Instability analysis: the error on the line between two copies of a network.

Reference:
    Jonathan Frankle, Gintare Karolina Dziugaite, Daniel M. Roy and Michael Carbin,
    "Linear Mode Connectivity and the Lottery Ticket Hypothesis", ICML 2020,
    arXiv:1912.05671.
"""
