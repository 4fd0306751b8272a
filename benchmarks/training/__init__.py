"""Training on a scheduler of many workers."""
