"""What to do after pruning: fine-tune, rewind the weights, or rewind the learning rate.

Reference:
    Alex Renda, Jonathan Frankle and Michael Carbin, "Comparing Rewinding and
    Fine-tuning in Neural Network Pruning", ICLR 2020, arXiv:2003.02389.
"""
