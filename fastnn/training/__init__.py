"""How networks are trained: fit, the custom loop, gradients, full-batch optimizers, the learning-rate test."""
