"""The README's table of speeds and the chart beside it, from the figures that run.py stored.

`python benchmarks/report.py` writes them anew from benchmarks/results/speed.json.
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README, CHART = HERE.parent / "README.md", HERE / "results" / "speed.png"
BEGIN, END = "<!-- speed: written by benchmarks/report.py -->", "<!-- end of speed -->"
#: The rivals' names, in the order of the columns; the best of its forms counts.
RIVALS = {
    "NumPy": ["numpy"],
    "PyTorch": ["torch", "torch_last", "torch_steps", "torch_compiled"],
    "JAX": ["jax"],
    "ONNX Runtime": ["onnxruntime"],
    "scikit-learn": ["sklearn"],
}

#: What the table says of versions, by the key in the environment.
VERSIONS = {
    "NumPy": "NumPy",
    "PyTorch": "torch",
    "JAX": "jax",
    "ONNX Runtime": "onnxruntime",
    "scikit-learn": "scikit-learn",
}


def write(results: dict[str, Any]) -> None:
    """Rewrites the README's part between the markers, and the chart."""
    text = README.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n{section(results)}{END}{after}")
    draw(results)


def ratios(us: dict[str, float]) -> dict[str, float]:
    """Each rival's time over fastnn's."""
    best = {rival: min((us[form] for form in forms if form in us), default=None) for rival, forms in RIVALS.items()}
    return {rival: time / us["fastnn"] for rival, time in best.items() if time is not None}


def duration(us: float) -> str:
    """A time with three digits."""
    return f"{us / 1000:.3g} ms" if us >= 1000 else f"{us:.3g} us"


def section(results: dict[str, Any]) -> str:
    """What stands between the markers."""
    machine, threads = results["environment"], results["environment"]["threads"]
    peak, peak_of_all = results["peak"]["1"], results["peak"][str(threads)]
    named = [f"{name} {machine[key]}" for name, key in VERSIONS.items() if key in machine]
    lines = [
        "",
        f"Measured on {machine['day']} by `make bench`: {machine['cpu']}, {machine['instruction set'].split()[0]}, "
        f"{threads} threads for everyone, {', '.join(named)}. In each row fastnn's time, on all threads and on one, "
        "and how many times as long each rival takes:",
        "",
        f"| unit of work | fastnn | on one thread | {' | '.join(RIVALS)} |",
        f"|---|---|---|{'---|' * len(RIVALS)}",
    ]
    products = []
    for figures in results["workloads"].values():
        us = figures["us"]
        alone = us["fastnn, 1 thread"] if threads > 1 else us["fastnn"]
        found = ratios(us)
        cells = [f"{found[rival]:.2f}" if rival in found else "" for rival in RIVALS]
        unit = figures["unit"]
        if unit.startswith("the product") or "1024 samples" in unit:
            shares = figures["flops"] / alone / 1e3 / peak, figures["flops"] / us["fastnn"] / 1e3 / peak_of_all
            products.append(f"| {unit} | {shares[0]:.1%} | {shares[1]:.1%} |")
        lines.append(f"| {unit} | {duration(us['fastnn'])} | {duration(alone)} | {' | '.join(cells)} |")
        if "fit" in us and "numpy" in us:
            cells = [f"{us['numpy'] / us['fit']:.2f}", *[""] * (len(RIVALS) - 1)]
            lines.append(f"| the same through `fit` | {duration(us['fit'])} | | {' | '.join(cells)} |")
    lines += [
        "",
        "Part of the peak, multiply-adds on registers alone, measured in the same run: "
        f"{peak:.0f} GFLOP/s on one core, {peak_of_all:.0f} on {threads}:",
        "",
        f"| unit of work | one thread | {threads} threads |",
        "|---|---|---|",
        *products,
        "",
        f"![How many times as long the rivals take](benchmarks/results/{CHART.name})",
        "",
    ]
    return "\n".join(lines)


def draw(results: dict[str, Any]) -> None:
    """Draws a group of bars for each workload: how many times as long as fastnn each rival takes."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = [(figures["unit"], ratios(figures["us"])) for figures in results["workloads"].values()]
    colours = dict(zip(RIVALS, ["#4c78a8", "#e45756", "#54a24b", "#b279a2", "#9d755d"], strict=True))
    height = sum(len(found) + 1 for _, found in rows)
    figure, axes = plt.subplots(figsize=(10, 0.24 * height + 1), layout="constrained")
    place, ticks, seen = 0.0, [], set()
    for unit, found in rows:
        ticks.append((place + (len(found) - 1) / 2, unit))
        for rival, ratio in found.items():
            axes.barh(place, ratio, 0.85, color=colours[rival], label=None if rival in seen else rival)
            axes.text(ratio * 1.03, place, f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}", va="center", fontsize=7)
            seen.add(rival)
            place += 1
        place += 1
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(*zip(*ticks, strict=True), fontsize=8)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlabel("time as a multiple of fastnn's, which is the line at 1; longer bars are slower")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(CHART, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    write(json.loads((HERE / "results" / "speed.json").read_text()))
