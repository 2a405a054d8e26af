"""Data sets: generated, bundled, or found where they are installed; and readers for your own files."""

from fastnn.datasets.adding_problem import adding_problem
from fastnn.datasets.digits import digits
from fastnn.datasets.fashion_mnist import FASHION_MNIST_CLASSES, fashion_mnist
from fastnn.datasets.idx import read_idx
from fastnn.datasets.image_folder import ImageFolder, image_folder
from fastnn.datasets.opticks import opticks
from fastnn.datasets.streams import streams

__all__ = [
    "FASHION_MNIST_CLASSES",
    "ImageFolder",
    "adding_problem",
    "digits",
    "fashion_mnist",
    "image_folder",
    "opticks",
    "read_idx",
    "streams",
]
