"""The lottery ticket hypothesis: winning tickets, and what makes them win.

Reference:
    Jonathan Frankle and Michael Carbin, "The Lottery Ticket Hypothesis: Finding Sparse,
    Trainable Neural Networks", ICLR 2019, arXiv:1803.03635.
"""
