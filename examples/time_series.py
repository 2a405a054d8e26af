"""Forecasts: sunspots a year ahead, and carbon dioxide in the air twelve months ahead, compared with naive forecasts.

`python examples/time_series.py [--layer GRU|LSTM] [--out FILE.png] [--short]`
The series come with statsmodels (`pip install fastnn-cpu[series]`). The last fifth of each is held out: every forecast
there is made from what came before it. naive: the last value is repeated; seasonal: the value of a season ago is
repeated; seasonal + drift: the change since then is added. Settings were chosen on a part of what comes before.
--short: a few epochs.
"""

import argparse
from dataclasses import dataclass

import numpy as np

import fastnn as fnn

NEEDS = "time_series.py needs statsmodels: pip install fastnn-cpu[series]"


@dataclass(frozen=True)
class Series:
    """A series, and how it is forecast: `ahead` values, named a horizon, from the `window` before; times in years.

    relative: the network's inputs and outputs are differences from the last value, which suits a series that grows.
    """

    name: str
    unit: str
    horizon: str
    times: np.ndarray
    values: np.ndarray
    ahead: int
    season: int
    window: int
    relative: bool
    units: int
    epochs: int

    @property
    def cut(self) -> int:
        """Where the held-out part begins."""
        return len(self.values) * 4 // 5

    def windows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All windows (n, window), what follows each (n, ahead), and the positions (n,) where that begins."""
        both = np.lib.stride_tricks.sliding_window_view(self.values, self.window + self.ahead)
        return both[:, : self.window], both[:, self.window :], np.arange(len(both)) + self.window

    def naive(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Forecasts (n, ahead) from windows (n, window) by rules of thumb."""
        last, before = x[:, -1:], x[:, -1 - self.season, None]
        season = x[:, [step % self.season - self.season for step in range(self.ahead)]]
        return {
            "naive": np.repeat(last, self.ahead, axis=1),
            "seasonal": season,
            "seasonal + drift": season + last - before,
        }


def sunspots() -> Series:
    """Sunspots a year, from 1700 to 2008; a cycle takes about 11 years."""
    from statsmodels.datasets import sunspots

    data = sunspots.load_pandas().data
    times, values = data["YEAR"].to_numpy(float), data["SUNACTIVITY"].to_numpy(float)
    return Series("sunspots", "number", "a year", times, values, 1, 11, 22, relative=False, units=16, epochs=60)


def carbon_dioxide() -> Series:
    """CO2 above Mauna Loa, from 1958 to 2001: monthly means of weekly values, gaps filled by linear interpolation."""
    from statsmodels.datasets import co2

    months = co2.load_pandas().data["co2"].resample("MS").mean().interpolate()
    times = months.index.year.to_numpy() + (months.index.month.to_numpy() - 0.5) / 12
    values = months.to_numpy(float)
    return Series("carbon dioxide", "ppm", "12 months", times, values, 12, 12, 60, relative=True, units=32, epochs=60)


def forecast(series: Series, layer: str, epochs: int, seed: int) -> np.ndarray:
    """The forecasts, (n, ahead), of a network with a recurrent layer, trained on all windows before the cut."""
    x, y, places = series.windows()
    before = series.values[: series.cut]
    if series.relative:
        base = x[:, -1:]
        scale = (before[series.season :] - before[: -series.season]).std()
    else:
        base = np.full((len(x), 1), before.mean())
        scale = before.std()
    inputs, targets = ((x - base) / scale)[..., None], (y - base) / scale
    known = places + series.ahead <= series.cut
    recurrent = {"GRU": fnn.GRU, "LSTM": fnn.LSTM}[layer](series.units)
    net = fnn.Sequential([recurrent, fnn.Dense(series.ahead)], seed=seed)
    rate = fnn.schedules.Cosine(5e-3, epochs * -(-int(known.sum()) // 16))
    net.compile(fnn.Adam(rate, clip_norm=1.0), "mse")
    net.fit(inputs[known], targets[known], batch_size=16, epochs=epochs)
    found: np.ndarray = net.predict(inputs) * scale + base
    return found


def draw(shown: list[tuple[Series, dict[str, np.ndarray]]], path: str) -> None:
    """Draws what was held out and forecasts of it, each from where the one before ended."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("nothing is drawn: that needs matplotlib, pip install fastnn-cpu[plot]")
        return
    figure = Figure(figsize=(10, 7), layout="constrained", dpi=110)
    for axes, (series, forecasts) in zip(figure.subplots(len(shown), 1), shown, strict=True):
        axes.plot(series.times[series.cut :], series.values[series.cut :], "k.-", lw=1, ms=4, label="measured")
        for (name, found), style in zip(forecasts.items(), (":", "--", "-"), strict=True):
            rows = found[:: -series.ahead][::-1]
            axes.plot(series.times[-rows.size :], rows.ravel(), style, lw=1.3, label=name)
        axes.set(title=f"{series.name}, {series.horizon} ahead", ylabel=series.unit)
        axes.grid(alpha=0.3)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise SystemExit(f"nothing is drawn: {error}") from None
    print(f"drawn: {path}")


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layer", choices=("GRU", "LSTM"), default="GRU")
    parser.add_argument("--out", default="time_series.png", metavar="FILE", help="where the forecasts are drawn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()

    try:
        every = [sunspots(), carbon_dioxide()]
    except ImportError:
        raise SystemExit(NEEDS) from None
    shown = []
    for series in every:
        x, y, places = series.windows()
        held = places >= series.cut
        found = forecast(series, options.layer, 3 if options.short else series.epochs, options.seed)
        forecasts = {**series.naive(x[held]), options.layer: found[held]}
        begin = series.times[series.cut]
        print(f"{series.name}, {series.horizon} ahead, held out from {begin:.0f} on: {held.sum()} forecasts")
        print(f"{'':18}{'RMSE':>8}{'MAE':>8}   {series.unit}")
        for name, values in forecasts.items():
            errors = values - y[held]
            print(f"{name:18}{np.sqrt((errors**2).mean()):8.2f}{np.abs(errors).mean():8.2f}")
        shown.append((series, {name: forecasts[name] for name in ("naive", "seasonal", options.layer)}))
    draw(shown, options.out)


if __name__ == "__main__":
    main()
