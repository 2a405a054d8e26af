"""A small, fast neural-network framework for the CPU: arrays in, arrays out, one native call a step."""

from fastnn.common import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__)
