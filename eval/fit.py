"""Weights of `rag.relevance` by a listwise fit: among the sentences of one question those with the answer are to come first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]
Gold = NDArray[np.bool_]

_KEPT_SMALL = 0.002
"""Penalty on squared weights; with 250 questions others between 0.0005 and 0.02 give the same order."""


def fit_order(questions: Sequence[tuple[Features, Gold]]) -> NDArray[np.float64]:
    """Weights that make the gold sentences of each question likely under a softmax over all of its sentences.

    Args:
        questions: features (sentences, features) and which sentences carry the answer, shape (sentences,); at least one does.

    Returns:
        Shape (features,). Minimises the mean of -log P(a gold sentence) (ListNet's top-one probability, Cao et al. 2007).
    """
    from scipy.optimize import minimize

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total = 0.0
        slope = np.zeros_like(weights)
        for features, gold in questions:
            scores = features @ weights
            likely = np.exp(scores - scores.max())
            likely /= likely.sum()
            share = float(likely[gold].sum())
            total -= float(np.log(share + 1e-12))
            slope += features.T @ likely - features[gold].T @ (likely[gold] / (share + 1e-12))
        count = len(questions)
        return total / count + _KEPT_SMALL * float(weights @ weights), slope / count + 2 * _KEPT_SMALL * weights

    found = minimize(loss, np.zeros(questions[0][0].shape[1]), jac=True)
    return np.asarray(found.x, dtype=np.float64)


def fit_scale(best: Sequence[float], right: Sequence[bool]) -> tuple[float, float]:
    """Factor and intercept that turn the score of the best sentence into the probability that it answers (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=100.0).fit(np.asarray(best).reshape(-1, 1), np.asarray(right))
    return float(model.coef_[0][0]), float(model.intercept_[0])
