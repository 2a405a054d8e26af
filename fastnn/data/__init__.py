"""What comes in: users' arrays, and the weights of classes."""
