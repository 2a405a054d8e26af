"""Workloads on images: convolutional networks as lists of layers, which each contender builds in its own framework."""

import math
from dataclasses import dataclass

import numpy as np

#: The number of different batches that take turns.
BATCHES = 4

#: A layer and its settings: ("conv", filters, "same" or "valid"), 3x3 with relu; ("pool",), 2x2 max pooling;
#: ("dense", units), with relu except in the last; ("stem", filters), a convolution without bias, BatchNorm and relu;
#: ("block", filters, stride), a residual block of two of these (He et al. 2016), its shortcut 1x1 with BatchNorm where
#: the shape changes; ("mean",), over all pixels; ("depthwise",), 3x3 "same" with a bias.
Layer = tuple[str | int, ...]


@dataclass(frozen=True)
class Pictures:
    """A unit of work on `batch` images of a shape (height, width, channels), of a `kind`.

    "train": a step with softmax cross-entropy; "one": the output for a single image; "gradients": forward and backward
    through one layer, including the gradient with respect to the images.
    """

    name: str
    kind: str
    title: str
    shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    batch: int
    optimizer: str = ""
    rate: float = 1e-3

    @property
    def unit(self) -> str:
        """The unit of work in words."""
        size = "x".join(map(str, self.shape))
        if self.kind == "one":
            return f"one picture {size} through {self.title}"
        what = f"{self.title} on {size}"
        if self.kind == "train":
            return f"a training step of {what}, {self.optimizer}, batch {self.batch}"
        return f"{what}, batch {self.batch}, forward and backward"

    @property
    def flops(self) -> float:
        """Floating-point operations of products and convolutions, counted from direct sums over the taps."""
        total, first, (height, width, channels) = 0.0, 0.0, self.shape
        for kind, *settings in self.layers:
            layer = 0.0
            if kind in ("conv", "stem", "block"):
                filters, stride = int(settings[0]), int(settings[1]) if kind == "block" else 1
                if settings[-1] == "valid":
                    height, width = height - 2, width - 2
                height, width = math.ceil(height / stride), math.ceil(width / stride)
                taps = 9 * channels
                if kind == "block":
                    taps += 9 * filters + (channels if stride > 1 else 0)
                layer, channels = 2.0 * height * width * filters * taps, filters
            elif kind == "depthwise":
                layer = 2.0 * height * width * channels * 9
            elif kind == "pool":
                height, width = height // 2, width // 2
            elif kind == "mean":
                height = width = 1
            else:
                layer = 2.0 * height * width * channels * int(settings[0])
                height, width, channels = 1, 1, int(settings[0])
            total += layer
            first = first or layer
        if self.kind == "one":
            return total
        spared = first if self.kind == "train" else 0.0  # training needs no gradient with respect to the images
        return self.batch * (3 * total - spared)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(self.layers[-1][1])

    def batches(self) -> list[tuple[np.ndarray, ...]]:
        """The arguments of each unit: images float32, channels-last, and for a training step labels int64."""
        rng = np.random.default_rng(0)
        shape = self.shape if self.kind == "one" else (self.batch, *self.shape)
        x = [rng.random(shape, np.float32) for _ in range(BATCHES)]
        if self.kind != "train":
            return [(each,) for each in x]
        return [(each, rng.integers(0, self.classes, self.batch)) for each in x]


_SMALL: tuple[Layer, ...] = (
    *(("conv", 32, "valid"), ("pool",), ("conv", 64, "valid"), ("pool",)),
    *(("dense", 128), ("dense", 10)),
)
_LARGE: tuple[Layer, ...] = (
    *(("conv", 64, "same"), ("conv", 64, "same"), ("pool",), ("conv", 128, "same"), ("conv", 128, "same"), ("pool",)),
    *(("conv", 256, "same"), ("pool",), ("dense", 10)),
)
_STAGES = ((16, 1), (16, 1), (16, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1))
_RESNET: tuple[Layer, ...] = (("stem", 16), *(("block", *each) for each in _STAGES), ("mean",), ("dense", 10))

PICTURES = {
    workload.name: workload
    for workload in (
        Pictures("cnn_mnist", "train", "a CNN of 32 and 64 filters", (28, 28, 1), _SMALL, 64, "Adam"),
        Pictures("cnn_cifar", "train", "a CNN of 64 to 256 filters", (32, 32, 3), _LARGE, 32, "SGD", 0.01),
        Pictures("resnet", "train", "ResNet-20", (32, 32, 3), _RESNET, 64, "SGD", 0.01),
        Pictures("infer_cnn", "one", "the CNN of 32 and 64 filters", (28, 28, 1), _SMALL, 1),
        Pictures("depthwise", "gradients", "a depthwise convolution 3x3", (56, 56, 96), (("depthwise",),), 16),
    )
}
