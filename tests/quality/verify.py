"""Measure how quotes are verified on an index: its own sentences, mutated ones, and ones that are not there.

    python -m tests.quality.verify INDEX [--sentences 1000] [--seed 1] [--strangers FILE]

- *own*: a sentence of a passage must be exact, and its own place among the matches; where more documents hold the
  same words than are shown, it is asked for in its own document.
- *mutations*: each sentence is changed in one token. It must come out altered, unless the changed sentence stands in
  some document all the same, as the rest of a sentence does that has lost its first word; those are counted apart,
  by a plain search through the text of all documents that shares no code with what is measured.
- *strangers*: sentences with their words in another order, thirds of three sentences after one another, and
  with `--strangers FILE` the lines of a text on other matters. The more of them are absent the better; a third that
  is the most of its new sentence is rightly told as altered.
"""

import argparse
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from indexer.embedded import Embedded
from indexer.encoder import SentenceEncoder
from indexer.records import Span
from indexer.settings import Settings
from service.search import Searcher
from service.verification import FEWEST_WORDS, LONGEST_QUOTE, Kind, Verdict, Verification, verify

GRADES = ("inadequate", "requires improvement", "good", "outstanding")
DIGITS = "0123456789"
CALLED = {
    "digit": Kind.NUMBER,
    "not removed": Kind.NEGATION,
    "not added": Kind.NEGATION,
    "grade": Kind.GRADE,
}


@dataclass(frozen=True)
class Sentence:
    """A sentence of a passage, with the document and page it begins on."""

    text: str
    doc_id: str
    page: int


class Plain:
    """The text of all documents, for a search that knows nothing of words and passages."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._all = "\n\n".join(" ".join(letters(text).split()) for text in texts)

    def holds(self, text: str) -> bool:
        """Tell whether some words stand somewhere, as whole words, without regard to signs and case."""
        wanted = re.escape(" ".join(letters(text).split()))
        return bool(re.search(rf"(?<!\w){wanted}(?!\w)", self._all))


def letters(text: str) -> str:
    """Write a text in small letters, with white space for signs other than points and commas inside numbers."""
    return re.sub(r"[^\w\s]|_", " ", text.casefold().replace("\u00ad", ""))


def mutations(sentence: str, vocabulary: Sequence[str], rng: random.Random) -> Iterator[tuple[str, str]]:
    """Give the sentence with one token changed in each way that it allows."""
    words = sentence.split()
    at = rng.randrange(len(words))
    other = rng.choice([word for word in rng.sample(vocabulary, 20) if word != letters(words[at]).strip()])
    yield "substitution", " ".join([*words[:at], other, *words[at + 1 :]])
    if len(words) > FEWEST_WORDS:
        yield "deletion", " ".join(words[:at] + words[at + 1 :])
    yield "insertion", " ".join([*words[:at], other, *words[at:]])
    figures = [match.start() for match in re.finditer(r"\d", sentence)]
    if figures:
        place = rng.choice(figures)
        digit = rng.choice([one for one in DIGITS if one != sentence[place]])
        yield "digit", sentence[:place] + digit + sentence[place + 1 :]
    negated = re.sub(r"\bnot\s", "", sentence, count=1)
    if negated != sentence:
        yield "not removed", negated
    else:
        yield "not added", " ".join([*words[:at], "not", *words[at:]])
    if match := re.search(r"\b(inadequate|requires improvement|good|outstanding)\b", sentence, re.IGNORECASE):
        swapped = rng.choice([one for one in GRADES if one != match[0].lower()])
        yield "grade", sentence[: match.start()] + swapped + sentence[match.end() :]


def main(folder: Path, count: int, seed: int, strangers: Path | None) -> None:
    settings = Settings(index=folder)
    searcher = Searcher(Embedded.open(folder), SentenceEncoder(settings))
    rng = random.Random(seed)
    sentences, texts, dates = read(searcher)
    chosen = rng.sample(sentences, min(count, len(sentences)))
    plain = Plain(texts)
    vocabulary = sorted({word for one in chosen for word in letters(one.text).split() if word.isalpha()})
    print(f"{len(chosen)} of {len(sentences)} sentences; generation {searcher.generation()}, {dates} documents")
    timed: list[float] = []

    def ask(text: str) -> Verification:
        started = perf_counter()
        found = verify(text, searcher)
        timed.append((perf_counter() - started) * 1000)
        return found

    own(chosen, searcher, ask)
    report_times("own", timed)
    mutated(chosen, vocabulary, plain, ask, rng)
    report_times("mutated", timed)
    shuffled(chosen, ask, rng)
    report_times("shuffled", timed)
    joined(chosen, ask, rng)
    report_times("spliced", timed)
    if strangers:
        lines = [one for one in strangers.read_text("utf-8").splitlines() if len(one.split()) > FEWEST_WORDS]
        verdicts = Counter(ask(one).verdict for one in lines)
        print(f"strangers: {dict(verdicts)}")
        report_times("strangers", timed)


def read(searcher: Searcher) -> tuple[list[Sentence], list[str], int]:
    """Give all sentences that can be verified, and the text of each document."""
    sentences, texts = [], []
    with searcher.opened() as (reader, generation):
        documents = generation.catalogue.documents
        for document in documents:
            whole = []
            for stored in reader.passages(reader.passage_ids(document.doc_id)).values():
                passage = stored.passage
                whole.append(passage.text)
                for start, end in passage.sentences:
                    text = passage.text[start:end]
                    words = [word for word in text.split() if re.search(r"[^\W\d_]", word)]
                    if len(words) > FEWEST_WORDS and len(text) <= LONGEST_QUOTE:
                        sentences.append(Sentence(text, document.doc_id, page_of(passage.spans, start)))
            texts.append("\n".join(whole))
    return sentences, texts, len(documents)


def page_of(spans: Sequence[Span], start: int) -> int:
    """Give the page of a character of a passage."""
    at = 0
    for span in spans:
        at += span.end - span.start + 1
        if start < at:
            break
    return span.page


def is_at_its_place(one: Sentence, found: Verification) -> bool:
    """Tell whether a match is in the sentence's own document, and on its page."""
    return any(
        match.citation.doc_id == one.doc_id and match.citation.page <= one.page <= match.citation.page_end
        for match in found.matches
    )


def own(sentences: Sequence[Sentence], searcher: Searcher, ask: Callable[[str], Verification]) -> None:
    """Verify sentences as they stand."""
    verdicts, places = Counter[str](), Counter[str]()
    for one in sentences:
        found = ask(one.text)
        verdicts[found.verdict] += 1
        if is_at_its_place(one, found):
            places["at its own place"] += 1
        elif found.verdict == Verdict.EXACT and is_at_its_place(one, verify(one.text, searcher, document=one.doc_id)):
            places["at its own place where its document is named"] += 1
        else:
            places["elsewhere"] += 1
            print(f"  elsewhere: {found.verdict} {one.text!r}")
        if found.verdict != Verdict.EXACT:
            print(f"  {found.verdict}: {one.text!r}")
    print(f"own sentences: {dict(verdicts)}, {dict(places)}")


def mutated(
    sentences: Sequence[Sentence],
    vocabulary: Sequence[str],
    plain: Plain,
    ask: Callable[[str], Verification],
    rng: random.Random,
) -> None:
    """Verify sentences with one token changed."""
    verdicts: dict[str, Counter[str]] = {}
    called: dict[str, Counter[str]] = {}
    shown: Counter[str] = Counter()
    for one in sentences:
        for kind, text in mutations(one.text, vocabulary, rng):
            found = ask(text)
            is_there = found.verdict in {Verdict.EXACT, Verdict.NORMALISED} and plain.holds(text)
            verdicts.setdefault(kind, Counter())["stands there" if is_there else found.verdict] += 1
            if found.verdict == Verdict.ALTERED and kind in CALLED:
                kinds = {difference.kind for difference in found.matches[0].differences}
                called.setdefault(kind, Counter())["called out" if CALLED[kind] in kinds else "not called out"] += 1
            if not is_there and found.verdict != Verdict.ALTERED and shown[kind] < 4:
                shown[kind] += 1
                print(f"  {kind}, {found.verdict}: {text!r} from {one.text!r}")
    total = Counter[str]()
    for kind, counts in verdicts.items():
        total.update(counts)
        print(f"{kind}: {line(counts)}")
    print(f"all mutations: {line(total)}")
    print(f"by kind: { {kind: dict(counts) for kind, counts in called.items()} }")


def line(counts: Counter[str]) -> str:
    """Write counts, and the share of altered among those that do not stand there."""
    changed = counts.total() - counts["stands there"]
    return f"{counts[Verdict.ALTERED] / max(1, changed):.4f} altered of {changed}; {dict(counts)}"


def shuffled(sentences: Sequence[Sentence], ask: Callable[[str], Verification], rng: random.Random) -> None:
    """Verify sentences with their words in another order."""
    verdicts = Counter[str]()
    for one in sentences[: len(sentences) // 2]:
        words = one.text.split()
        rng.shuffle(words)
        found = ask(" ".join(words))
        verdicts[found.verdict] += 1
    print(f"words in another order: {dict(verdicts)}")


def joined(sentences: Sequence[Sentence], ask: Callable[[str], Verification], rng: random.Random) -> None:
    """Verify sentences invented from thirds of three others."""
    lengths: dict[str, Counter[str]] = {}
    for _ in range(len(sentences) // 2):
        thirds = []
        for place, one in enumerate(rng.sample(list(sentences), 3)):
            words = one.text.split()
            third = len(words) // 3 or 1
            thirds += words[place * third : (place + 1) * third]
        found = ask(" ".join(thirds)) if len(thirds) >= FEWEST_WORDS else None
        if found:
            name = "under 8" if len(thirds) < 8 else "8 to 15" if len(thirds) < 16 else "16 and more"
            lengths.setdefault(name, Counter())[found.verdict] += 1
    print(f"thirds of three sentences, by words: { {name: dict(counts) for name, counts in lengths.items()} }")


def report_times(what: str, timed: list[float]) -> None:
    """Print how long the last ones took, and begin anew."""
    ordered = sorted(timed)
    last = ordered[int(0.99 * (len(ordered) - 1))]
    print(f"{what}: median {median(ordered):.1f} ms, 99 of 100 within {last:.1f} ms, at most {ordered[-1]:.1f} ms")
    timed.clear()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strangers", type=Path, help="a text with a sentence a line")
    arguments = parser.parse_args()
    main(arguments.index, arguments.sentences, arguments.seed, arguments.strangers)
