"""What `Plan.profile` returns."""

from dataclasses import dataclass


@dataclass(eq=False)
class OpProfile:
    """An op, the seconds of its fastest run, and its floating-point operations."""

    op: str
    seconds: float
    flops: float

    @property
    def gigaflops(self) -> float:
        """Floating-point operations per nanosecond."""
        return self.flops / self.seconds / 1e9 if self.seconds else 0.0


@dataclass(eq=False)
class Profile:
    """The ops of a plan at `rows` rows. Printed: time, share and GFLOP/s of each."""

    rows: int
    ops: list[OpProfile]

    @property
    def seconds(self) -> float:
        """The sum over the ops."""
        return sum(op.seconds for op in self.ops)

    def __str__(self) -> str:
        total = self.seconds or 1.0
        lines = [f"{'us':>10} {'share':>6} {'GFLOP/s':>8}  op ({self.rows} rows)"]
        lines += [f"{op.seconds * 1e6:10.2f} {op.seconds / total:6.1%} {op.gigaflops:8.1f}  {op.op}" for op in self.ops]
        return "\n".join([*lines, f"{self.seconds * 1e6:10.2f}  in all"])
