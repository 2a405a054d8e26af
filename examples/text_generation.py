"""A model of text, character by character: train it, watch what it writes, measure it on text that it has not seen.

`python examples/text_generation.py [--text FILE] [--prompt TEXT] [--temperature T] [--top-k K] [--short]`
Reads Newton's Opticks (`apt-get install golang-1.19-src`), or any text file in UTF-8. The last tenth is held out. Saves
the model with its alphabet in --out; `--load FILE` only writes, with such a model. --short: a few pages of Python's
manual and two epochs.
"""

import argparse
from pathlib import Path

import numpy as np

import fastnn as fnn

#: Replaces characters that are not in the training text.
OTHER = "\N{REPLACEMENT CHARACTER}"


def text_of(file: str | None, short: bool) -> str:
    """The text: a file's, Newton's Opticks or, if it should be short, some of what Python's help() shows."""
    if short and file is None:
        from pydoc_data.topics import topics

        return "\n".join(str(topics[name]) for name in sorted(topics))[:60_000]
    return fnn.datasets.opticks(file)


def encoded(text: str, alphabet: str) -> np.ndarray:
    """The position of each character in the alphabet, int32; that of OTHER for a character that is not there."""
    places = {character: place for place, character in enumerate(alphabet)}
    return np.array([places.get(character, places[OTHER]) for character in text], np.int32)


def pairs(ids: np.ndarray, streams: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Streams of characters, and for each character the one that follows."""
    return fnn.datasets.streams(ids[:-1], streams, steps), fnn.datasets.streams(ids[1:], streams, steps)


def model(characters: int, units: int, dropout: float, seed: int) -> fnn.Network:
    """Predicts the probabilities of the next character from all before it."""
    layers = [
        fnn.Embedding(characters, 64),
        fnn.LSTM(units, return_sequences=True, dropout=0.1),
        fnn.Dropout(dropout),
        fnn.Dense(characters, "softmax"),
    ]
    return fnn.Sequential(layers, seed=seed)


def bits(net: fnn.Network, ids: np.ndarray, steps: int) -> float:
    """Bits per character: the mean of -log2 p(next character), with the text read from its beginning as one stream."""
    return net.evaluate(*pairs(ids, 1, steps), batch_size=1, stateful=True)["loss"] / float(np.log(2))


class Writer:
    """Continues a text, a character at a time: a stream keeps the state, so that each costs one step.

    temperature: probabilities become p^(1 / temperature), normalised; below 1, likely characters become more likely.
    top_k: how many of the likeliest characters to draw from, 0 for all.
    """

    def __init__(self, net: fnn.Network, temperature: float, top_k: int, seed: int) -> None:
        self.stream, self.alphabet = net.freeze(streaming=True), str(net.metadata["alphabet"])
        self.temperature, self.top_k, self.other = temperature, top_k, self.alphabet.index(OTHER)
        self.rng = np.random.default_rng(seed)

    def write(self, prompt: str, characters: int) -> str:
        """The prompt and that many characters after it, with the weights that the network has now."""
        self.stream.refresh()
        self.stream.reset()
        for place in encoded(prompt, self.alphabet):
            p = self.stream.step(place)
        written = []
        for _ in range(characters):
            p[self.other] = 0
            written.append(fnn.decode.draw(p, self.temperature, self.top_k, rng=self.rng, logits=False))
            p = self.stream.step(written[-1])
        return prompt + "".join(self.alphabet[place] for place in written)


class Report(fnn.Callback):
    """Prints after each epoch what the network writes, and how well it predicts the held-out text."""

    def __init__(self, held: np.ndarray, steps: int, writer: Writer, prompt: str, characters: int) -> None:
        self.held, self.steps = held, steps
        self.writer, self.prompt, self.characters = writer, prompt, characters

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        from tqdm import tqdm

        seen, unseen = logs["loss"] / np.log(2), bits(self.net, self.held, self.steps)
        sample = self.writer.write(self.prompt, self.characters)
        tqdm.write(f"\nepoch {epoch + 1}: bits per character {seen:.3f} in training, {unseen:.3f} held out\n{sample}")


def train(options: argparse.Namespace) -> fnn.Network:
    """Trains a model on a text, and prints how well it does on the last tenth."""
    text = text_of(options.text, options.short)
    cut = len(text) * 9 // 10
    alphabet = "".join(sorted({*text[:cut], OTHER}))
    ids, held = encoded(text[:cut], alphabet), encoded(text[cut:], alphabet)
    if len(ids) <= options.streams * options.steps or len(held) <= options.steps:
        raise SystemExit(f"the text has {len(text)} characters: too few for these --streams and --steps")
    options.out.mkdir(parents=True, exist_ok=True)
    print(f"{len(ids):,} characters to train on, {len(held):,} held out, {len(alphabet)} different ones")
    x, y = pairs(ids, options.streams, options.steps)
    net = model(len(alphabet), options.units, options.dropout, options.seed)
    net.metadata["alphabet"] = alphabet
    updates = options.epochs * (len(x) // options.streams)
    rate = fnn.schedules.OneCycle(options.rate, max(updates, 10))
    net.compile(fnn.Adam(rate, clip_norm=1.0), "cross_entropy")
    net.build((options.steps,))
    net.summary()
    writer = Writer(net, options.temperature, options.top_k, options.seed)
    report = Report(held, options.steps, writer, options.prompt, options.characters)
    net.fit(x, y, options.streams, options.epochs, shuffle=False, stateful=True, callbacks=[report])
    print(f"held out: {bits(net, held, options.steps):.3f} bits per character")
    net.save(options.out / "model.safetensors")
    print(f"model saved: {options.out / 'model.safetensors'}")
    return net


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", metavar="FILE", help="default: Newton's Opticks")
    parser.add_argument("--load", metavar="FILE", help="a model to write with")
    parser.add_argument("--out", type=Path, default=Path("text_model"), metavar="FOLDER")
    parser.add_argument("--prompt", default="The ")
    parser.add_argument("--characters", type=int, default=300, help="of a sample")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-k", type=int, default=0, metavar="K", help="draw from the K likeliest only; 0: from all")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--rate", type=float, default=5e-3, help="the highest learning rate: it rises and falls once")
    parser.add_argument("--streams", type=int, default=32, help="parts of the text that are read in parallel")
    parser.add_argument("--steps", type=int, default=64, help="how many characters a gradient goes back")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    if not options.temperature > 0 or options.top_k < 0 or options.characters < 1 or not options.prompt:
        parser.error("expected a temperature above 0, top-k of 0 or more, 1 character or more, and a prompt")
    if options.short:
        options.epochs, options.units, options.streams, options.characters = 2, 64, 8, 120

    try:
        net = fnn.load(options.load) if options.load else train(options)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    if "alphabet" not in net.metadata:
        raise SystemExit(f"{options.load}: not a model of this example: it has no alphabet")
    writer = Writer(net, options.temperature, options.top_k, options.seed + 1)
    print(f"\nand it writes:\n{writer.write(options.prompt, 3 * options.characters)}")


if __name__ == "__main__":
    main()
