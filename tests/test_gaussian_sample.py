"""Gaussian samples, their gradients and divergence against their twins and PyTorch, and variational autoencoders."""

import copy
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
import reference_layers as twins
from check import TAILS, assert_close, assert_same_bits, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.tensor import Tensor
from fastnn.kernels import GaussianSample, GaussianSampleGradient, NormalDivergence, Penalties
from fastnn.kernels.gaussian_sample import Beta
from fastnn.schedules import Schedule

SEED = 0xFEDCBA9876543210
WEIGHT = 0.7


def test_ops(isa: str, num_threads: int) -> None:
    for columns in TAILS:
        rows = 3 if num_threads == 1 else 20_000 // columns
        if num_threads == 2 and columns % 23:
            continue  # the twin is slow
        mean, s, dz = normal(rows, columns), normal(rows, columns, start=1), normal(rows, columns, start=2)
        drawn = {"seed": SEED + columns, "stream": columns}
        z, dmean, ds = (empty(rows + columns % 3, columns) for _ in range(3))
        given = [tensor(x, z.rows) for x in (mean, s)]
        run(GaussianSample(*given, z, **drawn), z, rows=rows, step=columns << 32)
        expected = twins.GaussianSample(mean, s, **drawn, step=columns << 32)
        assert_close(written(z, rows), expected, np.abs(mean) + np.abs(expected - mean), 3e-6)
        for sampled in (False, True):
            options = {**drawn, "sampled": sampled}
            op = GaussianSampleGradient(*given, tensor(dz, z.rows), dmean, ds, beta=Beta(WEIGHT), **options)
            run(op, dmean, ds, rows=rows, step=columns << 32)
            both = twins.GaussianSampleGradient(mean, s, dz, weight=WEIGHT, **options, step=columns << 32)
            for found, wanted in zip((dmean, ds), both, strict=True):
                assert_close(written(found, rows), wanted, 1 + np.exp(s) * (1 + np.abs(dz)), 3e-6)


def test_divergence(isa: str, num_threads: int) -> None:
    for columns in TAILS:
        rows = 3 if num_threads == 1 else 60_000 // columns
        mean, s, meter = normal(rows, columns), normal(rows, columns, start=1), Penalties()
        run(NormalDivergence(tensor(mean), tensor(s), meter, beta=Beta(WEIGHT)))
        assert meter.last == pytest.approx(twins.NormalDivergence(mean, s, weight=WEIGHT), rel=1e-6)


def test_same_bits_on_threads(isa: str) -> None:
    given = [tensor(normal(60_005, start=i)) for i in range(3)]

    def sample() -> tuple[GaussianSample, Tensor]:
        z = empty(60_005)
        return GaussianSample(*given[:2], z, seed=1, stream=2), z

    def gradient() -> tuple[GaussianSampleGradient, Tensor, Tensor]:
        both = empty(60_005), empty(60_005)
        return GaussianSampleGradient(*given, *both, beta=Beta(WEIGHT), seed=1, stream=2), *both

    def divergence() -> tuple[NormalDivergence, Tensor]:
        mean, result, meter = tensor(normal(20_000, 5)), empty(1), Penalties()
        op = NormalDivergence(mean, tensor(normal(20_000, 5, start=1)), meter, beta=Beta(WEIGHT))
        op()
        result.array[...] = meter.last
        return op, result

    assert_same_on_threads(sample)
    assert_same_on_threads(divergence)
    assert_same_on_threads(gradient)


def test_arguments_are_checked() -> None:
    x, other = Tensor((2, 3)), Tensor((2, 4))
    with pytest.raises(ValueError, match="GaussianSample: expected equal shapes"):
        GaussianSample(x, other, x, seed=0, stream=0)
    with pytest.raises(ValueError, match="NormalDivergence: expected equal shapes"):
        NormalDivergence(x, other, Penalties(), beta=Beta(WEIGHT))
    with pytest.raises(TypeError, match="beta"):
        NormalDivergence(x, x, Penalties(), beta=None)
    a, b = fnn.Input((3,)), fnn.Input((2,))
    with pytest.raises(ValueError, match=r"GaussianSample\(1.0\): cannot join"):
        fnn.GaussianSample()([a, b])
    with pytest.raises(ValueError, match="takes two inputs, got 1"):
        fnn.GaussianSample()(a)
    for beta in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="GaussianSample: beta must be a number >= 0"):
            fnn.GaussianSample(beta)
    layer = fnn.GaussianSample(0.5)
    with pytest.raises(ValueError, match="beta must be"):
        layer.beta = -1
    with pytest.raises(TypeError, match="beta must be"):
        layer.beta = "1"
    with pytest.raises(AttributeError, match="sample"):
        layer.sample = True
    assert layer.beta == 0.5


def autoencoder(beta: float | Schedule = 1.0, optimizer: object = "sgd", several: bool = False) -> fnn.Network:
    """4 -> 2 x 2 -> 4."""
    x = fnn.Input((4,))
    h = fnn.Dense(8, "tanh")(x)
    z = fnn.GaussianSample(beta, name="code")([fnn.Dense(2, name="mean")(h), fnn.Dense(2, "tanh", name="spread")(h)])
    outputs = [fnn.Dense(4, name="y")(z)] + ([fnn.Dense(1, name="other")(h)] if several else [])
    return fnn.Network(x, outputs, seed=0).compile(optimizer, "mse")


def moments(net: fnn.Network, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    w = net.weights
    h = np.tanh(x @ w["dense_0.weight"] + w["dense_0.bias"])
    return h @ w["mean.weight"] + w["mean.bias"], np.tanh(h @ w["spread.weight"] + w["spread.bias"])


def test_the_penalty_in_evaluate_and_fit() -> None:
    """The mean over all samples, whatever the batches, apart from the loss without it; z is the mean in prediction."""
    x = normal(23, 4)
    net, plain = autoencoder(0.5, fnn.SGD(0.0)), autoencoder(0.0, fnn.SGD(0.0))
    expected = twins.NormalDivergence(*moments(net, x), weight=0.5)
    assert_same_bits(net.predict(x), plain.predict(x))
    np.testing.assert_allclose(net.predict(x), moments(net, x)[0] @ net.weights["y.weight"], atol=1e-5)
    for batch in (23, 10, 4):
        found = net.evaluate(x, x, batch)
        assert found["penalty"] == pytest.approx(expected, rel=1e-5)
        assert found["loss"] - found["penalty"] == pytest.approx(plain.evaluate(x, x)["loss"], rel=1e-5)
        history = net.fit(x, x, batch, 1, validation_data=(x, x), verbose=0).history
        assert history["penalty"] == pytest.approx([expected], rel=1e-5) == history["val_penalty"]
    several = autoencoder(0.5, several=True)
    logs = several.evaluate(x, [x, x[:, :1]], 10)
    penalty = twins.NormalDivergence(*moments(several, x), weight=0.5)
    assert logs["penalty"] == pytest.approx(penalty, rel=1e-5)
    assert logs["loss"] == pytest.approx(logs["y_loss"] + logs["other_loss"] + penalty, rel=1e-5)


def test_gradients() -> None:
    """By finite differences at z = mean, where only the divergence reaches the log variance."""
    net, x = autoencoder(0.5), normal(23, 4)
    fnn.check_gradients(net, x, x)
    fnn.check_gradients(autoencoder(0.5, several=True), x, [x, x[:, :1]])
    assert net.gradient(x, x)[1]["spread.weight"].any()


def test_as_pytorch() -> None:
    """A training step on the same noise, which the twin knows."""
    torch = pytest.importorskip("torch", reason="PyTorch is what is compared with")
    net, x = autoencoder(0.5, fnn.SGD(0.0)), normal(23, 4)
    stream = 1 + [node.name for node in net.graph.nodes].index("code") - 1
    noise = twins.GaussianSample(np.zeros((23, 2)), np.zeros((23, 2)), seed=net.seed, stream=stream)
    loss = net.train_on_batch(x, x)
    w = {name: torch.tensor(view, dtype=torch.float64, requires_grad=True) for name, view in net.weights.items()}
    given = torch.tensor(x, dtype=torch.float64)
    h = torch.tanh(given @ w["dense_0.weight"] + w["dense_0.bias"])
    mean = h @ w["mean.weight"] + w["mean.bias"]
    spread = torch.tanh(h @ w["spread.weight"] + w["spread.bias"])
    q = torch.distributions.Normal(mean, torch.exp(spread / 2))
    y = (mean + torch.exp(spread / 2) * torch.tensor(noise)) @ w["y.weight"] + w["y.bias"]
    divergence = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    total = ((y - given) ** 2).mean() + 0.5 * divergence
    total.backward()
    assert loss == pytest.approx(float(total.detach()), rel=1e-6)
    for name, view in net.gradients.items():
        assert_close(view, w[name].grad.numpy(), tolerance=1e-5)


def test_beta_may_be_set() -> None:
    """By a callback between epochs, as a plain attribute; what exists already takes it."""
    net, x = autoencoder(0.0, fnn.SGD(0.0)), normal(23, 4)
    layer = net.graph.layers["code"]
    assert isinstance(layer, fnn.GaussianSample)
    weighed = twins.NormalDivergence(*moments(net, x), weight=1.0)

    class Warmup(fnn.Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            layer.beta = epoch / 2

    history = net.fit(x, x, epochs=3, callbacks=[Warmup()], verbose=0).history
    assert history["penalty"] == pytest.approx([0, weighed / 2, weighed], rel=1e-5)
    assert net.evaluate(x, x)["penalty"] == pytest.approx(weighed, rel=1e-5)


def test_a_copy_has_a_beta_of_its_own() -> None:
    """Of a network, and of a layer."""
    net, x = autoencoder(0.5, fnn.SGD(0.0)), normal(9, 4)
    before, twin, layer = net.evaluate(x, x), copy.copy(net), net.graph.layers["code"]
    assert twin.evaluate(x, x) == before
    assert twin.train_on_batch(x, x) == net.train_on_batch(x, x)
    for other in (twin.graph.layers["code"], copy.copy(layer)):
        assert isinstance(other, fnn.GaussianSample)
        other.beta = 3
        assert net.evaluate(x, x) == before
    assert twin.evaluate(x, x)["penalty"] == pytest.approx(6 * before["penalty"])


def test_noise_follows_from_the_seed() -> None:
    x = normal(23, 4)
    nets = [autoencoder(optimizer=fnn.Adam(0.01)) for _ in range(2)]
    losses = [net.fit(x, x, 8, 3, verbose=0).history["loss"] for net in nets]
    assert losses[0] == losses[1]
    drawn = nets[0].forward(x, training=True)
    assert np.abs(drawn - nets[0].predict(x)).max() > 0.01


def test_from_a_file_and_frozen(tmp_path: Path) -> None:
    net, x = autoencoder(0.25), normal(23, 4)
    net.save(tmp_path / "net.fnn")
    again = fnn.load(tmp_path / "net.fnn")
    assert again.evaluate(x, x) == net.evaluate(x, x)
    np.testing.assert_array_equal(net.freeze(23)(x), net.predict(x))


def test_sequences_with_lengths() -> None:
    """A code for each step: padding has no part in the divergence."""
    x = fnn.Input((5, 3))
    h = fnn.LSTM(4, return_sequences=True)(x)
    z = fnn.GaussianSample()([fnn.Dense(2)(h), fnn.Dense(2)(h)])
    net = fnn.Network(x, fnn.Dense(1)(fnn.LSTM(3)(z)), seed=0).compile("sgd", "mse")
    data, y, lengths = normal(6, 5, 3), normal(6, 1), np.array([5, 2, 1, 4, 3, 5])
    padded = data.copy()
    padded[1, 2:] = 9
    assert net.evaluate(data, y, lengths=lengths) == net.evaluate(padded, y, lengths=lengths)
    fnn.check_gradients(net, data, y, lengths=lengths)
