"""The measures themselves, over ranks, scores and per-question values; nothing here knows of files or searches."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf, log2

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000  # of a bootstrap: enough for the ends of a 95 % interval (Efron and Tibshirani 1993, section 14.2)
FLIPS = 10_000  # of a randomisation test
BINS = 10
SEED = 1  # fixed, so that the same outcomes always give the same intervals
AT_ONCE = 1_000_000  # numbers drawn at a time, to keep memory small


@dataclass(frozen=True, slots=True)
class Need:
    """One of the things that a question needs found: the best rank, from 1, of a hit that gives it."""

    rank: float = inf  # where no hit does
    gain: float = 1.0


Measure = Callable[[Sequence[Need], int], float]


def hit(needs: Sequence[Need], k: int) -> float:
    """Give 1 where any need is met within the first k hits, else 0; also known as Success@k."""
    return float(any(need.rank <= k for need in needs))


def mrr(needs: Sequence[Need], k: int) -> float:
    """Give 1 / rank of the first hit that meets a need, 0 beyond k (Voorhees 1999, TREC-8 question answering)."""
    first = min(need.rank for need in needs)
    return 1 / first if first <= k else 0.0


def ndcg(needs: Sequence[Need], k: int) -> float:
    """Give the discounted gain of the first k hits as a share of the best possible one.

    Each need gains once, at its first hit; further hits for the same need gain nothing. The best possible ranking
    meets one need a hit, those of most gain first, so a question whose evidence are alternatives, which is one need,
    has an ideal of one gain. Gains are linear and discounted by log2(1 + rank), as in trec_eval (Järvelin and
    Kekäläinen 2002).
    """
    found = sum(need.gain / log2(1 + need.rank) for need in needs if need.rank <= k)
    gains = sorted((need.gain for need in needs), reverse=True)
    return found / sum(gain / log2(1 + rank) for rank, gain in enumerate(gains[:k], start=1))


def recall(needs: Sequence[Need], k: int) -> float:
    """Give the share of the needs that are met within the first k hits."""
    return sum(need.rank <= k for need in needs) / len(needs)


def complete(needs: Sequence[Need], k: int) -> float:
    """Give 1 where all needs are met within the first k hits, else 0; for a comparison of two reports, both."""
    return float(all(need.rank <= k for need in needs))


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over questions with its 95 % interval."""

    mean: float
    low: float
    high: float


def figure(values: Sequence[float]) -> Figure:
    """Give mean and percentile bootstrap interval over questions (Efron and Tibshirani 1993; Sakai 2006).

    The questions are resampled, so the interval says how much another sample of questions like these could differ. It
    is too narrow for a handful of questions, and has no width where all values are equal.
    """
    low, high = np.quantile(_resampled_means(np.asarray(values, float)), (0.025, 0.975))
    return Figure(float(np.mean(values)), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Group:
    """Figures of the questions of one type, by measure; each over those of them that it applies to."""

    questions: int
    figures: dict[str, Figure]


def group(rows: Sequence[Mapping[str, float]], names: Iterable[str]) -> Group:
    """Give the figures of questions, each a row of the measures that apply to it; in the order of these names."""
    values = {name: [row[name] for row in rows if name in row] for name in names}
    return Group(len(rows), {name: figure(some) for name, some in values.items() if some})


def sign_flip_p(differences: Sequence[float]) -> float:
    """Give the two-sided p-value of a paired randomisation test on the mean (Smucker, Allan and Carterette 2007).

    Were the two systems alike, each question's difference could as well have the other sign. Of `FLIPS` random
    assignments of signs, the share that is as far from 0 as the real one; itself included, so never 0.
    """
    paired = np.asarray(differences, float)
    paired = paired[paired != 0]
    rng = np.random.default_rng(SEED)
    rows = max(1, AT_ONCE // max(1, len(paired)))
    least = abs(paired.sum()) - 1e-9  # sums of the same numbers in another order may differ in the last digit
    as_far = 0
    for start in range(0, FLIPS, rows):
        signs = rng.choice((-1.0, 1.0), (min(rows, FLIPS - start), len(paired)))
        as_far += int((abs(signs @ paired) >= least).sum())
    return (as_far + 1) / (FLIPS + 1)


@dataclass(frozen=True, slots=True)
class Bin:
    """Hits whose scores are near each other: what the scores promise, and what is true."""

    low: float
    high: float
    hits: int
    score: float  # mean
    relevant: float  # share


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far the scores can be read as chances. `auc` is None where only one kind of question was asked."""

    hits: int
    ece: float  # over bins of equal width
    ece_equal_mass: float
    brier: float
    bins: tuple[Bin, ...]  # of equal width; those without hits are left out
    auc: float | None  # of the first hit's score, answerable against unanswerable questions


def calibration(
    scores: Sequence[float], relevant: Sequence[bool], answerable: Sequence[float], unanswerable: Sequence[float]
) -> Calibration | None:
    """Compare scores with what was relevant; the last two are the top scores of questions. None without hits.

    Expected calibration error: mean distance of score and share of relevant hits over ten bins, weighted by their
    hits (Naeini, Cooper and Hauskrecht 2015, with bins of equal width; Nguyen and O'Connor 2015, of equal mass).
    Brier score: mean squared distance of score and truth (Brier 1950).
    """
    if not scores:
        return None
    chance, truth = np.asarray(scores, float), np.asarray(relevant, float)
    equal_width = np.minimum((chance * BINS).astype(int), BINS - 1)  # a score of 1 belongs to the last bin
    # Hits of one score stay together, in the bin of their first: else their order in the input would count.
    order = np.searchsorted(np.sort(chance), chance)
    equal_mass = order * BINS // len(chance)
    return Calibration(
        hits=len(scores),
        ece=_ece(chance, truth, equal_width),
        ece_equal_mass=_ece(chance, truth, equal_mass),
        brier=float(np.mean((chance - truth) ** 2)),
        bins=tuple(
            Bin(
                low=number / BINS,
                high=(number + 1) / BINS,
                hits=int(inside.sum()),
                score=float(chance[inside].mean()),
                relevant=float(truth[inside].mean()),
            )
            for number in range(BINS)
            if (inside := equal_width == number).any()
        ),
        auc=auc(answerable, unanswerable),
    )


def auc(higher: Sequence[float], lower: Sequence[float]) -> float | None:
    """Give the chance that one of `higher` is above one of `lower`, ties by half (Hanley and McNeil 1982)."""
    if not higher or not lower:
        return None
    gaps = np.asarray(higher)[:, None] - np.asarray(lower)
    return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))


@dataclass(frozen=True, slots=True)
class Risk:
    """The share of wrong answers among the surest ones, as far down as to this confidence."""

    coverage: float  # the share of all questions that they are
    risk: float
    confidence: float


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """How many answers are wrong where only the surest are given, from the one surest answer to all."""

    area: float
    points: tuple[Risk, ...]

    def at(self, coverage: float) -> float:
        """Give the risk where this share of the questions is answered at least."""
        return next(one.risk for one in self.points if one.coverage >= coverage - 1e-9)


def risk_coverage(confidences: Sequence[float], wrong: Sequence[bool]) -> RiskCoverage:
    """Give the risk-coverage curve and the area under it (El-Yaniv and Wiener 2010).

    The area is the mean of the risks at all coverages. Answers of one confidence cannot be told apart, so each counts
    as the share of them that is wrong, which is the mean over all orders of them. There must be an answer.
    """
    counts = Counter(confidences)
    of_wrong = Counter(one for one, is_wrong in zip(confidences, wrong, strict=True) if is_wrong)
    ordered = sorted(confidences, reverse=True)
    errors = accumulate(of_wrong[one] / counts[one] for one in ordered)
    points = tuple(
        Risk(coverage=number / len(ordered), risk=min(1.0, found / number), confidence=confidence)
        for number, (confidence, found) in enumerate(zip(ordered, errors, strict=True), start=1)
    )
    return RiskCoverage(area=sum(one.risk for one in points) / len(points), points=points)


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds that a search, or an answer, took."""

    median_ms: float
    p95_ms: float


def latency(took_ms: Sequence[float]) -> Latency:
    """Give the middle and the slow end of the times."""
    median, p95 = np.quantile(np.asarray(took_ms, float), (0.5, 0.95))
    return Latency(float(median), float(p95))


def _ece(chance: NDArray[np.float64], truth: NDArray[np.float64], bins: NDArray[np.int64]) -> float:
    gaps = np.bincount(bins, chance - truth)  # of each bin: hits times (mean score - share relevant)
    return float(np.abs(gaps).sum() / len(chance))


def _resampled_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rng = np.random.default_rng(SEED)
    rows = max(1, AT_ONCE // len(values))
    parts = [
        rng.choice(values, (min(rows, RESAMPLES - start), len(values))).mean(axis=1)
        for start in range(0, RESAMPLES, rows)
    ]
    return np.concatenate(parts)
