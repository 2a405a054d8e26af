"""How a window slides along one axis of an image."""

from dataclasses import dataclass
from math import gcd
from typing import NamedTuple


@dataclass(eq=False, repr=False)
class Phase:
    """Each `step`-th output along an axis from `offset` on, all with taps first, first + tap_step, ...

    Output t sees the places t * stride + k * dilation - before of `size` for k = 0..taps-1, as fastnn_axis in csrc.
    """

    outputs: int
    size: int
    taps: int
    stride: int
    dilation: int
    before: int
    offset: int = 0
    step: int = 1
    first: int = 0
    tap_step: int = 1


class Axis(NamedTuple):
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

    @property
    def plain(self) -> bool:
        """Whether each output sees just its own place."""
        return (self.kernel, self.stride, self.before, self.after) == (1, 1, 0, 0)

    def phases(self, transposed: bool = False) -> list[Phase]:
        """The windows as a sum over their taps; transposed: what each place of the axis gets back from the windows.

        The latter are windows over the outputs again, of stride 1, one kind for each residue of the place by the
        stride: place i = offset + t * stride hears through tap k from output (i + before - k * dilation) / stride.
        """
        if not transposed:
            return [Phase(self.output, self.size, self.kernel, self.stride, self.dilation, self.before)]
        phases = []
        for offset in range(min(self.stride, self.size)):
            taps = [k for k in range(self.kernel) if (offset + self.before - k * self.dilation) % self.stride == 0]
            last = taps[-1] if taps else 0  # from it on the outputs ascend
            phases.append(
                Phase(
                    outputs=-(-(self.size - offset) // self.stride),
                    size=self.output,
                    taps=len(taps),
                    stride=1,
                    dilation=self.dilation // gcd(self.stride, self.dilation),
                    before=(last * self.dilation - offset - self.before) // self.stride,
                    offset=offset,
                    step=self.stride,
                    first=last,
                    tap_step=-self.stride // gcd(self.stride, self.dilation),
                )
            )
        return phases
