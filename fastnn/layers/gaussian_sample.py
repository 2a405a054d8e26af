"""Samples of normal distributions that a network describes: the middle of a variational autoencoder."""

from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakSet

from fastnn import kernels
from fastnn.common import checks
from fastnn.kernels.gaussian_sample import Beta
from fastnn.layers.merge import Merge, Shapes
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value
from fastnn.schedules import Schedule


@dataclass(eq=False, repr=False)
class GaussianSample(Merge):
    """Called on [mean, log_variance], z = mean + exp(log_variance / 2) e in training, e normal; z = mean in prediction.

    All are (batch, ...). Gradients pass through the sample, [1]_, section 2.4. The Kullback-Leibler divergence of these
    distributions from the standard normal one, appendix B, is a penalty: beta times the mean over the batch of the sum
    over elements of (exp(log_variance) + mean^2 - 1 - log_variance) / 2 is added to the loss, also in `evaluate`, and
    the logs' "penalty" has it. e follows from the network's seed, the layer's place and the step.

    Parameters
    ----------
    beta : float or Schedule, default 1
        Weight of the divergence, >= 0, [2]_; 1 makes a negative log-likelihood and it the evidence lower bound. A
        Schedule gives the weight of each update, as a learning rate's, and of the next one in `evaluate`: a straight
        line from 0 to 1 is Polynomial(0, steps, end=1), and Cosine(0, steps, end=1, restarts=True) rises again and
        again, [3]_. Unlike other settings it may be set between runs, by a callback say, and takes effect at once.

    Raises
    ------
    TypeError, ValueError
        Unless beta >= 0; when called, for any number of inputs but two, and inputs of different shapes.

    References
    ----------
    .. [1] D. P. Kingma and M. Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
    .. [2] I. Higgins, L. Matthey, A. Pal, C. Burgess, X. Glorot, M. Botvinick, S. Mohamed and A. Lerchner, "beta-VAE:
       Learning Basic Visual Concepts with a Constrained Variational Framework", ICLR 2017.
    .. [3] H. Fu, C. Li, X. Liu, J. Gao, A. Celikyilmaz and L. Carin, "Cyclical Annealing Schedule: A Simple Approach to
       Mitigating KL Vanishing", NAACL 2019.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x = fnn.Input((8,))
    >>> h = fnn.Dense(16, "relu")(x)
    >>> z = fnn.GaussianSample(beta=0.5)([fnn.Dense(2)(h), fnn.Dense(2)(h)])
    >>> vae = fnn.Network(x, fnn.Dense(8)(z)).compile("adam", "mse")
    >>> list(vae.evaluate([[0.0] * 8], [[0.0] * 8]))
    ['loss', 'penalty']
    >>> annealed = fnn.GaussianSample(beta=fnn.schedules.Polynomial(0, steps=1000, end=1))
    """

    beta: float | Schedule = 1.0

    stepwise: ClassVar[bool] = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "beta":
            super().__setattr__(name, value)
            return
        value = value if isinstance(value, Schedule) else checks.real("GaussianSample: beta", value, least=0)
        object.__setattr__(self, "beta", value)
        for each in vars(self).get("_betas", ()):
            each.set(value)

    def __getstate__(self) -> dict[str, Any]:
        """A copy of the layer is in no plan."""
        return {name: value for name, value in vars(self).items() if name != "_betas"}

    def beta_of_a_plan(self) -> Beta:
        """beta where the Ops of a plan read it; it is told when beta is set."""
        beta = Beta(self.beta)
        vars(self).setdefault("_betas", WeakSet()).add(beta)
        return beta

    @property
    def deterministic(self) -> bool:
        return False

    def output(self, features: Shapes) -> tuple[int, ...]:
        if len(features) != 2:
            raise ValueError(f"{self.title()}: takes two inputs, got {len(features)}")
        if features[0] != features[1]:
            raise self.refuse(features)
        return features[0]

    def lower(self, lowering: Lowering, x: list[Value], weights: dict[str, Weight], index: int) -> Value:
        mean, spread = lowering.aligned(x)
        options = {"beta": self.beta_of_a_plan()}
        drawn = {"seed": lowering.seed, "stream": index}
        if lowering.varies:
            y = lowering.value(mean.columns, mean.trains or spread.trains, beside=mean)
            lowering.emit(kernels.GaussianSample, mean.buffer, spread.buffer, y.buffer, **drawn)
        else:
            y = Value(mean.buffer, mean.trains or spread.trains, origin=mean.ending)
        lowering.penalty(
            lambda loss: lowering.emit(kernels.NormalDivergence, mean.buffer, spread.buffer, loss, **options)
        )

        def backward() -> None:
            if not y.trains:
                return
            both = mean, spread
            gradients = [lowering.gradient(value) if value.trains else value.buffer.beside() for value in both]
            given = mean.buffer, spread.buffer, y.gradient, *gradients
            lowering.emit(kernels.GaussianSampleGradient, *given, **options, **drawn, sampled=lowering.varies)
            lowering.apply_derivative(mean)
            lowering.apply_derivative(spread)

        lowering.backward(backward)
        return y
