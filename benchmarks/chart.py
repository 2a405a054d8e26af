"""The chart of the README: a dot for each rival and workload, at its time relative to fastnn."""

from pathlib import Path
from typing import Any

#: The rivals' names, in the order of the columns; the best of its forms counts.
RIVALS = {
    "NumPy": ["numpy"],
    "PyTorch": ["torch", "torch_last", "torch_steps", "torch_compiled"],
    "JAX": ["jax"],
    "ONNX Runtime": ["onnxruntime"],
    "scikit-learn": ["sklearn"],
}
#: The groups of the chart, and each workload's name in it.
GROUPS = {
    "Dense networks, a training step": {
        "mlp_mnist": "784-512-256-10, batch 128",
        "mlp_small": "64-100-10, batch 32",
        "mlp_tiny": "2-16-16-2, batch 16",
    },
    "Predictions": {
        "infer_batch": "1024 samples, 784-512-256-10",
        "infer_one": "one sample, 784-128-10",
        "infer_tiny": "one sample, 8-32-32-4",
        "infer_cnn": "one image, small CNN",
        "lstm_stream": "one time step, LSTM 64-256",
    },
    "Images, a training step": {
        "cnn_mnist": "CNN on 28x28x1, batch 64",
        "cnn_cifar": "CNN on 32x32x3, batch 32",
        "resnet": "ResNet-20 on 32x32x3, batch 64",
        "depthwise": "depthwise convolution alone",
    },
    "Sequences, a training step": {
        "lstm_char": "LSTM 64-256, 64 steps",
        "gru_char": "GRU 64-256, 64 steps",
        "lstm_small": "LSTM 8-32, 30 steps",
        "lengths": "LSTM 64-256, 1 to 64 steps",
    },
    "Matrix products": {
        "packed": "128x784x512, packed weights",
        "product": "128x784x512",
        "product_2048": "2048x2048x2048",
        "input_gradient": "128x784x512, input gradient",
        "weight_gradient": "128x784x512, weight gradient",
    },
}
#: A colour and a marker for each rival.
LOOKS = dict(
    zip(RIVALS, [("#4c78a8", "s"), ("#e45756", "o"), ("#54a24b", "^"), ("#b279a2", "D"), ("#9d755d", "v")], strict=True)
)


def ratios(us: dict[str, float]) -> dict[str, float]:
    """Each rival's time over fastnn's."""
    best = {rival: min((us[form] for form in forms if form in us), default=None) for rival, forms in RIVALS.items()}
    return {rival: time / us["fastnn"] for rival, time in best.items() if time is not None}


def draw(results: dict[str, Any], path: Path) -> None:
    """Draws a dot for each rival and workload, at its time relative to fastnn."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FixedLocator, NullLocator

    mpl.rcParams["svg.hashsalt"] = "fastnn"  # the same results give the same file
    workloads = results["workloads"]
    groups = {name: {key: label for key, label in rows.items() if key in workloads} for name, rows in GROUPS.items()}
    groups = {name: rows for name, rows in groups.items() if rows}
    found = {key: ratios(workloads[key]["us"]) for rows in groups.values() for key in rows}
    heights = [len(rows) + 0.5 for rows in groups.values()]
    figure, axes = plt.subplots(
        len(groups), sharex=True, squeeze=False, height_ratios=heights, layout="constrained",
        figsize=(8, 0.22 * sum(heights) + 0.3 * len(groups) + 0.9),
    )  # fmt: skip
    for axis, (name, rows) in zip(axes[:, 0], groups.items(), strict=True):
        for rival, (colour, marker) in LOOKS.items():
            points = [(found[key][rival], place) for place, key in enumerate(rows) if rival in found[key]]
            axis.scatter(
                *zip(*points, strict=True) if points else ([], []), s=34, color=colour, marker=marker, zorder=3
            )
        axis.set_title(name, loc="left", fontsize=9, fontweight="bold")
        axis.set_yticks(range(len(rows)), list(rows.values()), fontsize=8.5)
        axis.set_ylim(len(rows) - 0.4, -0.6)
        axis.grid(axis="x", color="#dddddd", linewidth=0.6)
        axis.axvline(1, color="black", linewidth=1.2)
        axis.tick_params(length=0)
        axis.spines[["top", "right", "left"]].set_visible(False)
    reach = [ratio for each in found.values() for ratio in each.values()]
    last = axes[-1, 0]
    last.set_xscale("log")
    last.set_xlim(0.9 * min(1, *reach), 1.15 * max(2, *reach))
    ticks = [tick for tick in (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200) if tick <= 1.15 * max(reach)]
    last.xaxis.set_major_locator(FixedLocator(ticks))
    last.xaxis.set_minor_locator(NullLocator())
    last.xaxis.set_major_formatter(lambda tick, _: f"{tick:g}")
    last.set_xlabel("time relative to fastnn (1 = as fast, 2 = twice as slow)", fontsize=9)
    handles = [Line2D([], [], color=colour, marker=marker, linestyle="") for colour, marker in LOOKS.values()]
    figure.legend(handles, list(LOOKS), loc="outside upper right", ncols=len(LOOKS), frameon=False, fontsize=9)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=130)
    plt.close(figure)
