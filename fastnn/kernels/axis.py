"""How a window slides along one axis of a picture."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """A window along an axis of `size`, with `before` and `after` added to it.

    Output i sees i * stride - before + k * dilation for k = 0..kernel-1.
    """

    size: int
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    @property
    def reach(self) -> int:
        """Elements from the first that a window sees to the last."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def output(self) -> int:
        """How many windows there are: less than 1 where not one fits."""
        return (self.size + self.before + self.after - self.reach) // self.stride + 1
