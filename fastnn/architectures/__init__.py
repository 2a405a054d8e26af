"""Well-known networks, built from the public layers alone: to be used as they are, or to be read and changed.

Each function returns a `Network` that is not compiled; its last layer gives probabilities.
"""

from fastnn.common import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    {
        "fastnn.architectures.classifiers": "alexnet lenet resnet vgg",
        "fastnn.architectures.segmentation": "unet",
        "fastnn.architectures.speech": "conformer",
        "fastnn.architectures.transformers": "gpt transformer",
    },
)
