"""Spoken digits, and what the programs about speech share: synthetic voices, real voices, and tones without any.

The synthetic voices are those of eSpeak NG and Flite (`apt-get install espeak-ng flite`), in many accents, variants,
speeds and pitches; the variants of the validation and of the test, and the accents of the test, are not among those to
learn from. A real voice is that of Asterisk's prompts (`apt-get install asterisk-core-sounds-en-wav`). Sounds are
float32 in [-1, 1], of 8000 samples per second.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import fastnn as fnn

RATE = 8000
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
#: Where the recordings of Asterisk's voice are.
ASTERISK = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
#: Variants of eSpeak NG's voices that sound like persons: the second of each six is for validation, the fifth a test.
VARIANTS = (
    *("Alex", "Alicia", "Andrea", "Andy", "Annie", "Denis", "Diogo", "Gene", "Henrique", "Hugo", "Jacky", "Lee"),
    *("Marco", "Mario", "Michael", "Mike", "adam", "anika", "antonio", "aunty", "belinda", "benjamin", "boris"),
    *("caleb", "david", "ed", "edward", "f1", "f2", "f3", "f4", "f5", "grandma", "grandpa", "iven", "john", "klatt"),
    *("klatt2", "klatt3", "klatt4", "linda", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "marcelo", "max"),
    *("michel", "miguel", "norbert", "pablo", "paul", "pedro", "quincy", "rob", "robert", "sandro", "shelby"),
    *("steph", "travis", "victor", "zac"),
)
FLITE = ("kal", "awb", "rms", "slt")
#: Of each part, its variants, its accents, and the voices of Flite.
PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "train": (
        tuple(name for i, name in enumerate(VARIANTS) if i % 6 not in (1, 4)),
        ("en-us", "en-gb", "en-gb-x-rp", "en-us-nyc"),
        FLITE,
    ),
    "validation": (VARIANTS[1::6], ("en-us", "en-gb-x-gbclan"), ()),
    "test": (VARIANTS[4::6], ("en-gb-scotland", "en-gb-x-gbcwmd", "en-029"), ()),
}

#: Tones of a telephone's keypad, in Hz: of its rows and of its columns.
KEYPAD = (697, 770, 852, 941), (1209, 1336, 1477)
#: Settings of `features`, and samples of the blocks of `trimmed`.
FRONT_END: dict[str, Any] = {"size": 200, "hop": 80, "bands": 40, "low": 100.0, "high": 3800.0}
BLOCK = 80
#: A sound, and the digit that is said in it.
Digit = tuple[np.ndarray, int]
#: A sound, and the labels of what is said in it, from 1 on: the blank of the CTC is 0.
Utterance = tuple[np.ndarray, list[int]]


class Voice(NamedTuple):
    """A synthetic voice. name: an accent and a variant of eSpeak NG, as "en-us+m3", or a voice of Flite.

    speed: words per minute, 80 to 300. pitch: 0 to 99.
    """

    name: str
    speed: int = 160
    pitch: int = 50

    @property
    def program(self) -> str:
        """The program that speaks."""
        return "flite" if self.name in FLITE else "espeak-ng"

    def say(self, text: str) -> np.ndarray:
        """The text as a sound."""
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/said.wav"
            if self.program == "flite":
                settings = f"duration_stretch={160 / self.speed}", f"int_f0_target_mean={80 + 1.6 * self.pitch}"
                options = ["-voice", self.name, "--setf", settings[0], "--setf", settings[1], "-o", path, "-t", text]
            else:
                options = ["-v", self.name, "-s", str(self.speed), "-p", str(self.pitch), "-w", path, text]
            subprocess.run([self.program, *options], check=True, capture_output=True)
            return fnn.audio.read(path, RATE)[0]


def voices(part: str, count: int, seed: int) -> list[Voice]:
    """Random voices of the part "train", "validation" or "test"; those of Flite are thrice as frequent as a variant."""
    rng = np.random.default_rng(seed)
    variants, accents, others = PARTS[part]
    names = [*variants, *3 * others]
    order = np.concatenate([rng.permutation(names) for _ in range(-(-count // len(names)))])[:count]
    return [
        Voice(
            str(name) if name in others else f"{rng.choice(accents)}+{name}",
            int(80 * 2.75 ** rng.random()),
            int(rng.integers(20, 80)),
        )
        for name in order
    ]


def said(texts: Sequence[tuple[Voice, str]], cache: Path) -> list[np.ndarray]:
    """The sounds of these texts, each in its voice. Those that `cache`, an .npz file, does not have are added."""
    known = dict(np.load(cache)) if cache.exists() else {}
    keys = [f"{voice.name} {voice.speed} {voice.pitch} {text}" for voice, text in texts]
    missing = {key: pair for key, pair in zip(keys, texts, strict=True) if key not in known}
    for program in sorted({voice.program for voice, _ in missing.values()}):
        if not shutil.which(program):
            raise SystemExit(f"{program} is missing: apt-get install {program}")
    for key, (voice, text) in tqdm(missing.items(), "speaking", disable=not missing):
        known[key] = (32767 * np.clip(voice.say(text), -1, 1)).astype(np.int16)
    if missing:
        np.savez(cache, **known)
    return [known[key].astype(np.float32) / 32768 for key in keys]


def digits(part: str, count: int, cache: Path, seed: int = 0) -> list[Digit]:
    """Isolated digits, trimmed, each of the ten in `count` random voices: ten of a voice follow one another."""
    texts = [(voice, word) for voice in voices(part, count, seed) for word in WORDS]
    return [(trimmed(sound), i % 10) for i, sound in enumerate(said(texts, cache))]


def sequences(part: str, count: int, cache: Path, seed: int = 0) -> list[Utterance]:
    """Utterances of one to five digits, each in a random voice, which says them with pauses or without."""
    rng = np.random.default_rng([seed, 1])
    labels = [rng.integers(10, size=rng.integers(1, 6)).tolist() for _ in range(count)]
    texts = [rng.choice([" ", ", "]).join(WORDS[digit] for digit in each) for each in labels]
    made = said(list(zip(voices(part, count, seed), texts, strict=True)), cache)
    return [(trimmed(sound), [1 + i for i in each]) for sound, each in zip(made, labels, strict=True)]


def asterisk() -> list[Digit]:
    """The ten digits of Asterisk's voice, trimmed."""
    if not (ASTERISK / "digits").exists():
        raise SystemExit("the real voice is missing: apt-get install asterisk-core-sounds-en-wav")
    return [(trimmed(fnn.audio.read(ASTERISK / f"digits/{i}.wav", RATE)[0]), i) for i in range(10)]


def tones(count: int, seed: int) -> list[Digit]:
    """The ten digits as a telephone's keypad sends them, two tones each, `count` times, of random length and level."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(10 * count):
        row, column = divmod((i - 1) % 10, 3) if i % 10 else (3, 1)
        times = np.arange(int(RATE * rng.uniform(0.1, 0.2))) / RATE
        waves = [np.sin(2 * np.pi * hertz * times) for hertz in (KEYPAD[0][row], KEYPAD[1][column])]
        made.append((np.asarray(sum(waves) * rng.uniform(0.1, 0.4), np.float32), i % 10))
    return made


def trimmed(sound: np.ndarray, below: float = 40.0) -> np.ndarray:
    """The sound without silence around it: 20 ms before and after what is within `below` decibels of the loudest."""
    parts = np.pad(sound, (0, -len(sound) % BLOCK)).reshape(-1, BLOCK)
    power = (parts**2).mean(axis=1)
    loud = np.flatnonzero(power >= power.max() * 10 ** (-below / 10))
    return sound[max(0, loud[0] - 2) * BLOCK : (loud[-1] + 3) * BLOCK]


def connected(digits: Sequence[Digit], count: int, rng: np.random.Generator) -> list[Utterance]:
    """Utterances of one to five digits of a voice, with pauses of up to 0.3 s or overlaps of up to 50 ms between them.

    digits: the ten of each voice follow one another.
    """
    made = []
    for _ in range(count):
        voice = 10 * rng.integers(len(digits) // 10)
        chosen = [digits[voice + i] for i in rng.integers(10, size=rng.integers(1, 6))]
        row = chosen[0][0]
        for sound, _ in chosen[1:]:
            pause = int(RATE * rng.uniform(-0.05, 0.3 if rng.random() < 0.5 else 0.05))
            start = max(0, len(row) + pause)
            row = np.pad(row, (0, start + len(sound) - len(row)))
            row[start:] += sound
        made.append((row, [1 + digit for _, digit in chosen]))
    return made


def disturbed(sound: np.ndarray, rng: np.random.Generator, spread: float) -> np.ndarray:
    """The sound of a larger or smaller speaker, in a room, through a line, with noise.

    Its rate changes by a factor of up to 1 + spread, and with it tempo, pitch and formants. A random filter, whose
    response decays in 1 to 100 ms, colours it and lets it reverberate. The noise, 10 to 45 dB below it, is between
    white and brown.
    """
    factor = (1 + spread) ** rng.uniform(-1, 1)
    sound = np.interp(np.arange(0, len(sound) - 1, factor), np.arange(len(sound)), sound)
    decay = RATE * 0.001 * 100 ** rng.random()
    response = rng.normal(size=int(3 * decay) + 2) * np.exp(-np.arange(int(3 * decay) + 2) / decay)
    response *= rng.uniform(0, 0.8) / np.linalg.norm(response)
    response[0] += 1
    size = 1 << (len(sound) + len(response)).bit_length()
    spectrum = np.fft.rfft(sound, size) * np.fft.rfft(response, size)
    heard = np.fft.irfft(spectrum, size)[: len(sound)]
    slope = np.maximum(np.arange(size // 2 + 1), 50 / RATE * size) ** -rng.uniform(0.3, 1)
    noise = np.fft.irfft(np.fft.rfft(rng.normal(size=size)) * slope, size)[: len(sound)]
    noise *= heard.std() / noise.std() * 10 ** (-rng.uniform(10, 45) / 20)
    return np.asarray(heard + noise, np.float32)


def features(sound: np.ndarray, front_end: dict[str, Any] = FRONT_END) -> np.ndarray:
    """What a network hears: the log-mel spectrum (frames, 40) in steps of 10 ms, normalized.

    High frequencies, which are weaker in speech, are raised before. What is then 43 dB or more below the loudest is
    silence, and equal, so that loudness and quiet noise do not matter.
    """
    raised = np.append(sound[:1], sound[1:] - 0.97 * sound[:-1])
    mel = fnn.audio.log_mel(raised, RATE, **front_end)
    return fnn.audio.normalize(np.maximum(mel, mel.max() - 10))


def probabilities(net: fnn.Network, heard: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Of each sound, the probabilities (outputs, 1 + classes)."""
    x, ends = fnn.data.padded([features(sound, net.metadata["front end"]) for sound in heard])
    p = net.predict(x, lengths=ends)
    return [each[: -(-end // net.metadata["stride"])] for each, end in zip(p, ends, strict=True)]


def decoded(p: np.ndarray, width: int) -> list[int]:
    """The labels of probabilities: the likeliest alignment's for a width of 1, otherwise by a beam search."""
    found = fnn.decode.ctc_greedy(p[None])[0] if width == 1 else fnn.decode.ctc_beam(p[None], width=width)[0][0][0]
    return [int(label) for label in found]


def recognise(net: fnn.Network, sound: np.ndarray, width: int = 8) -> list[str]:
    """The classes that are said in a sound of RATE samples per second."""
    (p,) = probabilities(net, [sound])
    return [net.metadata["classes"][label - 1] for label in decoded(p, width)]


def listen(net: fnn.Network, path: Path) -> None:
    """Prints what is said in a file."""
    try:
        sound, rate = fnn.audio.read(path)
    except (OSError, ValueError, ImportError) as error:
        raise SystemExit(str(error)) from None
    if rate < RATE:
        raise SystemExit(f"{path}: {rate} samples per second; expected {RATE} or more")
    if rate > RATE:
        print(f"{path}: resampled from {rate} to {RATE} samples per second")
    said = recognise(net, trimmed(fnn.audio.resample(sound, rate, RATE)))
    print(f"{path}: {' '.join(said)}")


def warped(one: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """The distances of a sequence (frames, n) from others by dynamic time warping, over the sum of both lengths."""
    padded, ends = fnn.data.padded(others)
    products = np.tensordot(one, padded, (1, 2)).transpose(0, 2, 1)
    steps = np.sqrt(np.maximum((one**2).sum(axis=1)[:, None, None] + (padded**2).sum(axis=2).T - 2 * products, 0))
    costs = np.full((len(one) + 1, padded.shape[1] + 1, len(others)), np.inf)
    costs[0, 0] = 0
    for i, row in enumerate(steps):
        for j, step in enumerate(row):
            costs[i + 1, j + 1] = step + np.minimum(np.minimum(costs[i, j], costs[i, j + 1]), costs[i + 1, j])
    found: np.ndarray = costs[-1, ends, np.arange(len(others))] / (len(one) + ends)
    return found


def nearest(known: Sequence[np.ndarray], labels: Sequence[int], asked: Sequence[np.ndarray]) -> list[int]:
    """The label of the nearest of `known`, for each of `asked`."""
    return [labels[int(warped(one, known).argmin())] for one in asked]
