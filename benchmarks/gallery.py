"""Runs the examples of the lecture's applications in full, and writes what they print and draw to the docs.

`python benchmarks/gallery.py [NAME ...]` (`make gallery`) runs all, or those named, and writes docs/gallery.md and the
pictures in docs/images/gallery; the entries of the others stay. All take several hours.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE, PICTURES = ROOT / "docs" / "gallery.md", ROOT / "docs" / "images" / "gallery"
RESULTS = ROOT / "benchmarks" / "results" / "gallery.json"


@dataclass(frozen=True)
class Entry:
    """An example: its title in the gallery, its arguments, the picture that is shown, and what the program teaches."""

    title: str
    command: str
    picture: str
    teaches: str


ENTRIES = {
    "autoencoder": Entry(
        "Autoencoder: images through a bottleneck, and without noise",
        "autoencoder.py",
        "*.png",
        "encoders and decoders as parts of a network; noise as a layer; principal components as the reference",
    ),
    "vae": Entry(
        "Variational autoencoder: images from random numbers",
        "vae.py",
        "*.png",
        "sampling inside a network; a divergence as part of the loss; which numbers of a code are used",
    ),
    "gan": Entry(
        "Generative adversarial network",
        "gan.py",
        "samples.png",
        "two networks in a loop of one's own; the gradient with respect to images; averaged weights",
    ),
    "diffusion": Entry(
        "Diffusion: images out of noise",
        "image_generation.py",
        "samples.png",
        "batches made on the way; the time and a class as inputs; sampling in few steps; a check for copies",
    ),
    "deeper": Entry(
        "Ever deeper classifiers",
        "deeper_classifiers.py",
        "errors.png",
        "depth, convolutions, batch normalization and shortcuts, each next to what was before; standard errors",
    ),
    "garments": Entry(
        "Segmentation: garments on photographs",
        "segmentation.py",
        "scenes.png",
        "a class for each pixel; images of any size; the mean IoU",
    ),
    "stamps": Entry(
        "Segmentation: cut-outs on photographs",
        "segmentation.py stamps",
        "scenes.png",
        "the same in colour, with few objects to learn from",
    ),
    "nuclei": Entry(
        "Segmentation: cell nuclei, and how many they are",
        "segmentation.py nuclei",
        "nuclei.png",
        "one image, cut into pieces; a class of borders, so that things can be counted",
    ),
    "detection": Entry(
        "Detection: garments on photographs",
        "detection.py",
        "found.png",
        "several outputs with losses and weights of their own; boxes, their suppression, average precision",
    ),
    "detection-stamps": Entry(
        "Detection: cut-outs on photographs",
        "detection.py stamps",
        "found.png",
        "the same in colour, with few objects to learn from",
    ),
    "names": Entry(
        "Text classification: the languages and genders of names",
        "text_classification.py",
        "*.png",
        "sequences of different lengths; convolutions and recurrence on letters; naive Bayes as a strong baseline",
    ),
    "translation": Entry(
        "Translation: English verses in Spanish",
        "translation.py",
        "words.png",
        "an encoder and a decoder with attention; pieces of words; a beam search; BLEU",
    ),
    "digits": Entry(
        "Speech recognition: connected digits",
        "speech_recognition.py digits",
        "real_voice.png",
        "spectra as features; disturbed copies; labels that are not aligned (CTC); voices that were not heard before",
    ),
    "prompts": Entry(
        "Speech recognition: phonemes",
        "speech_recognition.py prompts",
        "*.png",
        "the same with little speech: regularization, and a beam search",
    ),
    "vowels": Entry(
        "Speech recognition: who says a vowel",
        "speech_recognition.py vowels",
        "*.png",
        "few sequences: noise, weight decay, the mean of several seeds; dynamic time warping as the baseline",
    ),
    "voice": Entry(
        "Voice generation: a WaveNet says digits",
        "voice_generation.py",
        "digits.png",
        "dilated causal convolutions; conditions; writing sample by sample through a stream",
    ),
    "self-driving": Entry(
        "Imitation learning: a car that drives by what it sees",
        "self_driving.py",
        "driving.gif",
        "imitation, and why the learner must drive itself (DAgger); an image and a number as inputs",
    ),
    "cart-pole": Entry(
        "Q-learning: CartPole",
        "dqn.py CartPole",
        "film.gif",
        "values of actions, a replay memory, a target network",
    ),
    "lunar-lander": Entry(
        "Q-learning: LunarLander",
        "dqn.py LunarLander-v3",
        "film.gif",
        "the same where exploration is harder",
    ),
    "ppo": Entry(
        "Proximal policy optimization: CartPole",
        "ppo.py CartPole",
        "returns.png",
        "policies, advantages, clipped steps",
    ),
    "breakout": Entry(
        "Proximal policy optimization from images: breakout",
        "ppo.py minatar:breakout",
        "film.gif",
        "the same from images",
    ),
    "space-invaders": Entry(
        "The same: space invaders",
        "ppo.py minatar:space_invaders",
        "film.gif",
        "the same from images, of more that moves",
    ),
    "tic-tac-toe": Entry(
        "Self-play: tic-tac-toe",
        "self_play.py tic-tac-toe",
        "*.png",
        "search with a network's advice; a perfect player as the judge",
    ),
    "connect-four": Entry(
        "Self-play: Connect Four",
        "self_play.py connect-four",
        "*.png",
        "the same in a game that is too large to be searched whole",
    ),
    "go-5x5": Entry(
        "Self-play: 5x5 Go",
        "self_play.py go-5x5",
        "*.png",
        "captures, symmetries and a komi; an opponent from another program",
    ),
}


def printed_by(command: str, folder: str) -> str:
    """What an example prints; folder: where it leaves the rest."""
    call = [sys.executable, *str(ROOT / "examples" / command).split(), "--out", folder]
    return subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True).stdout


def run(name: str, entry: Entry) -> dict[str, str]:
    """What the example prints, and the picture that it leaves, copied."""
    with tempfile.TemporaryDirectory() as folder:
        printed = printed_by(entry.command, folder)
        found = sorted(Path(folder).glob(entry.picture))
        shown = PICTURES / f"{name}{found[0].suffix}"
        PICTURES.mkdir(parents=True, exist_ok=True)
        shutil.copy(found[0], shown)
    lines = [line for line in printed.splitlines() if folder not in line]
    return {"printed": "\n".join(lines), "picture": shown.name}


def page(results: dict[str, dict[str, str]]) -> str:
    """The gallery."""
    parts = ["# Gallery", "", "What the examples draw and print; `make gallery` writes this page.", ""]
    for name, entry in ENTRIES.items():
        if name in results:
            found = results[name]
            parts += [f"## {entry.title}", "", f"![{entry.title}](images/gallery/{found['picture']})", ""]
            parts += [f"`python examples/{entry.command}` teaches: {entry.teaches}.", ""]
            parts += ["```text", found["printed"], "```", ""]
    return "\n".join(parts)


def main() -> None:
    """Runs the examples and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ENTRIES))
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in ENTRIES]
    if unknown:
        raise SystemExit(f"gallery.py: unknown: {', '.join(unknown)}; known: {', '.join(ENTRIES)}")
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in options.names or ENTRIES:
        print(f"{name}:", flush=True)
        results[name] = run(name, ENTRIES[name])
        print(results[name]["printed"], flush=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        PAGE.write_text(page(results))


if __name__ == "__main__":
    main()
