"""Weights that put what is relevant first."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]


def fit_listwise(
    examples: Sequence[tuple[NDArray[np.floating], NDArray[np.bool_]]], penalty: float
) -> NDArray[np.float64]:
    """Fit weights (m,) to questions with the signals (n, m) of their candidates and which of these are relevant (n,).

    The weights maximise the chance that a softmax over a question's candidates gives to its relevant ones (Cao et al.
    2007, "Learning to rank: from pairwise approach to listwise approach"), less the penalty on their squares, for
    signals made to spread alike. Each question has a relevant candidate.
    """
    together = np.concatenate([signals for signals, _ in examples])
    scale = np.where(together.std(0) > 0, together.std(0), 1.0)
    ready = [(signals / scale, relevant) for signals, relevant in examples]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, gradient = penalty * float(weights @ weights), 2 * penalty * weights
        for signals, relevant in ready:
            sums = signals @ weights
            chances = np.exp(sums - sums.max())
            chances /= chances.sum()
            share = chances[relevant].sum()
            total -= float(np.log(share))
            gradient -= signals.T @ (np.where(relevant, chances / share, 0) - chances)
        return total, gradient

    found: NDArray[np.float64] = minimize(loss, np.zeros(len(scale)), jac=True, method="L-BFGS-B").x / scale
    return found
