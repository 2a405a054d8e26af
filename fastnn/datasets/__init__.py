"""Data sets: the one that comes with the package, one that is found where it is installed, and readers of your own."""

from fastnn.datasets.digits import digits
from fastnn.datasets.fashion_mnist import FASHION_MNIST_CLASSES, fashion_mnist
from fastnn.datasets.idx import read_idx
from fastnn.datasets.image_folder import image_folder

__all__ = ["FASHION_MNIST_CLASSES", "digits", "fashion_mnist", "image_folder", "read_idx"]
