"""Input data: users' arrays, and the weights of classes."""
