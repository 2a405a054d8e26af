"""Voice generation: a WaveNet says digits, one sample after another.

`python examples/voice_generation.py [--say DIGITS] [--recogniser FILE] [--out FOLDER] [--short]`
Learns the ten digits as one synthetic voice says them at many speeds and pitches, at 8000 samples per second (`apt-get
install espeak-ng`); some of these settings are held out. A sample is one of 256 levels, spaced by the mu-law. Dilated
causal convolutions with gates [1] predict it from the thousand samples before it, the digit, and how far the digit has
gone; the baseline is what most often follows the sample before. Then the network speaks: each sample is drawn from the
probabilities that it gives, and is what the next one follows from. Writes the digits as .wav files and draws their
spectrograms; a model of speech_recognition.py (--recogniser FILE) tells how many are recognised. --short: the tones of
a telephone, a small network.

1. A. van den Oord et al., "WaveNet: A Generative Model for Raw Audio", arXiv:1609.03499, 2016.
"""

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastnn as fnn
import figures
import sounds

LEVELS, SILENT = 256, 128
#: Each digit is cut into as many parts of the same length; one more "part" is the silence between digits.
PARTS = 24
SILENCE = 10 * PARTS
#: Samples of a silence, and of a window that is learnt.
PAUSE, WINDOW = 480, 2048
VOICE = "en-us+f2"


class Track(NamedTuple):
    """A row of digits: the level of each sample, and the part that it belongs to."""

    levels: np.ndarray
    parts: np.ndarray


def settings(count: int, seed: int) -> list[sounds.Voice]:
    """The voice at random speeds and pitches."""
    rng = np.random.default_rng(seed)
    return [sounds.Voice(VOICE, int(rng.integers(130, 191)), int(rng.integers(40, 61))) for _ in range(count)]


def spoken(count: int, seed: int, folder: Path) -> list[sounds.Digit]:
    """The ten digits with each of `count` settings."""
    texts = [(voice, word) for voice in settings(count, seed) for word in sounds.WORDS]
    said = sounds.said(texts, folder / "digits.npz")
    return [(sounds.trimmed(sound), i % 10) for i, sound in enumerate(said)]


def parts(digit: int, length: int) -> np.ndarray:
    """The parts of a digit of `length` samples, with a silence before it."""
    found: np.ndarray = digit * PARTS + np.arange(length) * PARTS // length
    return np.concatenate([np.full(PAUSE, SILENCE), found])


def track(digits: list[sounds.Digit]) -> Track:
    """Digits one after the other, equally loud."""
    quiet = np.zeros(PAUSE, np.float32)
    sound = np.concatenate([part for each, _ in digits for part in (quiet, 0.8 * each / np.abs(each).max())])
    return Track(fnn.audio.mu_law(sound, LEVELS), np.concatenate([parts(digit, len(each)) for each, digit in digits]))


def windows(given: Track) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """x and y: the samples before each sample of a window, its part, and itself."""
    count = len(given.levels) // WINDOW
    levels, each = (a[: count * WINDOW] for a in given)
    before = np.concatenate([[SILENT], levels[:-1]])
    return {"before": before.reshape(-1, WINDOW), "part": each.reshape(-1, WINDOW)}, levels.reshape(-1, WINDOW)


def wavenet(channels: int, dilations: list[int], seed: int) -> fnn.Network:
    """Logits of each sample's level."""
    before, part = fnn.Input((None,), "before"), fnn.Input((None,), "part")
    h = fnn.Embedding(LEVELS, channels)(before)
    skips: list[Any] = []
    for dilation in dilations:
        h = fnn.Add()([h, skips[-1]]) if skips else h
        filtered, gate = (
            fnn.Activation(activation)(
                fnn.Add()(
                    [
                        fnn.Conv1D(channels, 2, dilation=dilation, padding="causal")(h),
                        fnn.Embedding(SILENCE + 1, channels)(part),
                    ]
                )
            )
            for activation in ("tanh", "sigmoid")
        )
        skips.append(fnn.Dense(channels)(fnn.Multiply()([filtered, gate])))
    y = fnn.Dense(2 * channels, "relu")(fnn.Activation("relu")(fnn.Add()(skips)))
    return fnn.Network([before, part], fnn.Dense(LEVELS)(y), seed=seed)


def follows(train: Track, held: Track) -> float:
    """The baseline: bits per sample, from how often a level follows the one before it."""
    counts = np.ones((LEVELS, LEVELS))
    np.add.at(counts, (train.levels[:-1], train.levels[1:]), 1)
    likely = counts / counts.sum(axis=1, keepdims=True)
    return float(-np.log2(likely[held.levels[:-1], held.levels[1:]]).mean())


def say(net: fnn.Network, digits: list[int], seed: int) -> tuple[list[np.ndarray], float]:
    """The digits as sounds, and the seconds that a second of sound took."""
    lengths, rng = net.metadata["lengths"], np.random.default_rng(seed)
    f, found, start = net.freeze(streaming=True), [], time.perf_counter()
    for digit in digits:
        f.reset()
        each = np.concatenate([parts(digit, int(lengths[digit])), np.full(PAUSE, SILENCE)])
        levels = np.empty(len(each), np.int64)
        level = SILENT
        for t, part in enumerate(each):
            levels[t] = level = fnn.decode.draw(f.step(level, part), rng=rng, logits=True)
        found.append(fnn.audio.inverse_mu_law(levels, LEVELS).astype(np.float32))
    return found, (time.perf_counter() - start) * sounds.RATE / sum(len(each) for each in found)


def recognised(net: fnn.Network, held: list[sounds.Digit], judge: fnn.Network, seed: int) -> None:
    """Prints how many digits the recogniser hears right: of a hundred that are generated, and of those held out."""
    wanted = 10 * [*range(10)]
    generated = list(zip(say(net, wanted, seed + 1)[0], wanted, strict=True))
    for name, given in (("generated", generated), ("held-out", held)):
        right = [sounds.recognise(judge, sounds.trimmed(sound)) == [sounds.WORDS[digit]] for sound, digit in given]
        print(f"recognised, of {len(right)} {name} digits: {np.mean(right):.0%}")


def draw(path: Path, rows: list[tuple[str, list[np.ndarray]]]) -> None:
    """A row of spectrograms for each list of digits."""
    if not (pyplot := figures.pyplot()):
        return
    figure, axes = pyplot.subplots(len(rows), 10, figsize=(15, 2 * len(rows)), layout="constrained", squeeze=False)
    for row, (name, each) in zip(axes, rows, strict=True):
        for i, (plot, sound) in enumerate(zip(row, each, strict=True)):
            mel = fnn.audio.log_mel(sound, sounds.RATE)
            plot.imshow(mel.T, origin="lower", aspect="auto", cmap="magma", vmin=mel.max() - 8)
            plot.set_xticks([])
            plot.set_yticks([])
            plot.set_title(f"{name}: {sounds.WORDS[i]}" if i == 0 else sounds.WORDS[i], fontsize=9)
    figure.savefig(path, dpi=90)
    pyplot.close(figure)
    print(f"drawn: {path}")


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--say", default="0123456789", metavar="DIGITS")
    parser.add_argument("--recogniser", type=Path, default=Path("speech_model/digits.safetensors"), metavar="FILE")
    parser.add_argument("--out", type=Path, default=Path("voice_generation"), metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    if not (options.say.isascii() and options.say.isdecimal()):
        parser.error(f"--say: expected digits, got {options.say!r}")
    options.out.mkdir(parents=True, exist_ok=True)
    if options.short:
        train, held, epochs = sounds.tones(8, 0), sounds.tones(2, 1), 12
        channels, dilations = 16, [1, 2, 4, 8]
    else:
        train, held = spoken(40, 0, options.out), spoken(6, 1, options.out)
        channels, dilations, epochs = 48, 2 * [2**i for i in range(9)], 10
    net = wavenet(channels, dilations, options.seed)
    (x, y), held_out = windows(track(train)), windows(track(held))
    rate = fnn.schedules.OneCycle(2e-3, epochs * -(-len(y) // 4))
    net.compile(fnn.Adam(rate, clip_norm=1.0), fnn.losses.CrossEntropy())
    start = time.process_time()
    net.fit(x, y, 4, epochs, validation_data=held_out)
    print(f"{time.process_time() - start:.0f} CPU seconds, {len(y) * WINDOW / sounds.RATE:.0f} s of speech")
    lengths = [float(np.mean([len(sound) for sound, each in train if each == digit])) for digit in range(10)]
    net.metadata.update(lengths=lengths)
    net.save(options.out / "model.safetensors")
    net = fnn.load(options.out / "model.safetensors")
    bits = net.evaluate(*held_out)["loss"] / np.log(2)
    print(f"held out, bits a sample: {bits:.2f}; from the sample before alone {follows(track(train), track(held)):.2f}")
    made, seconds = say(net, [int(digit) for digit in options.say], options.seed)
    print(f"a second of sound takes {seconds:.2f} s")
    for i, sound in enumerate(made):
        fnn.audio.write(options.out / f"{i}_{options.say[i]}.wav", sound, sounds.RATE)
    if options.recogniser.exists():
        recognised(net, held, fnn.load(options.recogniser), options.seed)
    else:
        print(f"{options.recogniser} is missing, so nobody listens: python examples/speech_recognition.py digits")
    if options.say == "0123456789":
        draw(options.out / "digits.png", [("held out", [sound for sound, _ in held[:10]]), ("generated", made)])


if __name__ == "__main__":
    main()
