"""What `Plan.profile` returns."""

from dataclasses import dataclass


@dataclass(eq=False)
class OpProfile:
    """An op, its seconds in a step, its floating-point operations, and the bytes of its tensors."""

    op: str
    seconds: float
    flops: float
    nbytes: float

    @property
    def gigaflops(self) -> float:
        """Floating-point operations per nanosecond."""
        return self.flops / self.seconds / 1e9 if self.seconds else 0.0

    @property
    def gigabytes(self) -> float:
        """Bytes per nanosecond, each tensor counted once."""
        return self.nbytes / self.seconds / 1e9 if self.seconds else 0.0


@dataclass(eq=False)
class Profile:
    """The ops of a plan at `rows` rows, the seconds of a step, and the peak of one core in GFLOP/s.

    The ops are those of one step, and add up to the time of another step that ran without reading the clock between
    its ops; the peak is that of multiply-adds on registers alone.

    Printed: time, share, GFLOP/s, fraction of that peak (above 100% on several cores) and GB/s of each op.
    """

    rows: int
    ops: list[OpProfile]
    step: float
    peak: float

    @property
    def seconds(self) -> float:
        """The sum over the ops."""
        return sum(op.seconds for op in self.ops)

    def __str__(self) -> str:
        total = self.seconds or 1.0
        lines = [f"{'us':>10} {'share':>6} {'GFLOP/s':>8} {'of peak':>8} {'GB/s':>7}  op ({self.rows} rows)"]
        for op in self.ops:
            figures = f"{op.gigaflops:8.1f} {op.gigaflops / self.peak:8.1%} {op.gigabytes:7.1f}"
            lines.append(f"{op.seconds * 1e6:10.2f} {op.seconds / total:6.1%} {figures}  {op.op}")
        whole = f"in all; {self.step * 1e6:.2f} us for a whole step; the peak of one core is {self.peak:.0f} GFLOP/s"
        return "\n".join([*lines, f"{self.seconds * 1e6:10.2f}  {whole}"])
