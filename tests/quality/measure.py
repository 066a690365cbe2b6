"""Measure search on a question file, and fit the score to what was relevant.

    python -m tests.quality.measure INDEX QUESTIONS.jsonl

Run it on development questions only. A hit is relevant when it is on the page of a gold quote. Questions without an
answer count for the score, as what should be low, and not for the ranks.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from indexer.encoder import SentenceEncoder
from indexer.settings import Settings
from indexer.store import Store
from service.query import Query
from service.search import Hit, Searcher

K = 10


def main(folder: Path, questions: Path) -> None:
    searcher = Searcher(Store.open(folder), SentenceEncoder(Settings.load(index=folder)))
    page_ranks: list[float] = []
    took_ms: list[float] = []
    cosines: list[float] = []
    relevant: list[bool] = []
    for line in questions.read_text("utf-8").splitlines():
        question = json.loads(line)
        found = searcher.search(Query(question["question"], k=K))
        hits = found.hits
        took_ms.append(found.took_ms)
        marks = [any(_on_page(hit, gold) for gold in question["evidence"]) for hit in hits]
        if question["evidence"]:
            page_ranks.append(marks.index(True) + 1 if True in marks else math.inf)
        cosines += [hit.dense for hit in hits]
        relevant += marks
    ranks = np.array(page_ranks)
    print(f"{len(ranks)} answerable questions; right page first {np.mean(ranks == 1):.3f}, ", end="")
    print(f"in five {np.mean(ranks <= 5):.3f}, in ten {np.mean(ranks <= 10):.3f}, ", end="")
    print(f"MRR@10 {np.mean(np.where(ranks <= 10, 1 / ranks, 0)):.3f}")
    print(f"{np.median(took_ms[1:]):.0f} ms a search at the median, the first left out, which loads the model")
    slope, middle = _logistic(np.array(cosines), np.array(relevant, float))
    print(f"{sum(relevant)} relevant of {len(relevant)} hits; score slope {slope:.2f}, middle {middle:.3f}")


def _on_page(hit: Hit, gold: dict[str, Any]) -> bool:
    same_file = hit.citation.source == gold["path"]
    return same_file and any(page == gold["page"] for page, _, _ in hit.citation.spans)


def _logistic(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Fit 1 / (1 + exp(-slope * (x - middle))) by Newton's method; returns slope and middle."""
    design = np.stack([x, np.ones_like(x)], axis=1)
    weights = np.zeros(2)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (y - chance)
        hessian = (design * (chance * (1 - chance))[:, None]).T @ design + 1e-6 * np.eye(2)
        weights += np.linalg.solve(hessian, gradient)
    return float(weights[0]), float(-weights[1] / weights[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
