"""Logistic regression by Newton's method."""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]


def fit_logistic(rows: Rows, labels: Rows, weights: Rows, ridge: float = 1.0) -> Rows:
    """Fit labels in {0, 1} of weighted rows [n, features]; the last weight returned is the bias."""
    inputs = np.hstack([rows, np.ones((len(rows), 1))])
    theta = np.zeros(inputs.shape[1])
    penalty = ridge * np.eye(len(theta))
    penalty[-1, -1] = 0.0
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ theta, -40, 40)))
        gradient = inputs.T @ (weights * (chance - labels)) + penalty @ theta
        curvature = (inputs * (weights * chance * (1 - chance))[:, None]).T @ inputs + penalty
        theta -= np.linalg.solve(curvature, gradient)
    return theta
