"""Writes tests/golden/inlp.json: INLP's classifiers by scikit-learn (LIBLINEAR) and numpy, of features that a formula
makes, here and in tests/unit/stages/test_inlp.c.

    python make_inlp.py [OUTPUT]      by default beside this file

Needs numpy and scikit-learn.
"""

import json
import pathlib
import sys

import numpy
from sklearn.svm import LinearSVC

HERE = pathlib.Path(__file__).resolve().parent
ROUNDS = 3
ROWS = 8  # of P that are written


def features(n, d, k):
    """Rows whose classes differ in some columns."""
    i, j = numpy.arange(n)[:, None], numpy.arange(d)[None, :]
    label = numpy.arange(n) * 7 % 11 % k
    noise = (i * 7919 + j * 104729 + i * j * 31) % 2048 / 1024 - 1  # exact in float32
    return noise + 0.75 * (j % k == label[:, None]), label


def optimum(x, y, w):
    """From LIBLINEAR's solution, some 1e-8 to 1e-6 off, to the optimum: the normal equations of the rows inside the margin."""
    inside = 1 - y * (x @ w) > 0
    while True:
        rows = x[inside]
        w = numpy.linalg.solve(numpy.eye(x.shape[1]) + 2 * rows.T @ rows, 2 * rows.T @ y[inside])
        before, inside = inside, 1 - y * (x @ w) > 0
        if (before == inside).all():
            return w


def classifiers(x, label):
    svm = LinearSVC(fit_intercept=False, dual=False, C=1, tol=1e-10, max_iter=100000, random_state=0)
    found = svm.fit(x, label).coef_
    classes = [1] if len(found) == 1 else range(len(found))
    best = numpy.array([optimum(x, numpy.where(label == c, 1.0, -1.0), w) for c, w in zip(classes, found)])
    assert numpy.abs(best - found).max() < 1e-5 * numpy.abs(found).max()
    return best


def inlp(n, d, k):
    x, label = features(n, d, k)
    p, first, agrees = numpy.eye(d), None, []
    for _ in range(ROUNDS):
        w = classifiers(x @ p, label)
        first = w if first is None else first
        agrees.append(float((numpy.argmax(x @ p @ w.T, 1) == label).mean() if k > 2 else
                            ((x @ p @ w[0] > 0) == (label == 1)).mean()))
        for row in w:
            row = p @ row  # the rows so far are orthogonal: P is I - sum of q q^T
            row /= numpy.linalg.norm(row)
            p = p - numpy.outer(row, row)
    return {"n": n, "d": d, "k": k, "first": first.tolist(), "projection": p[:ROWS].tolist(), "accuracy": agrees}


if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else HERE / "inlp.json"
    path.write_text(json.dumps([inlp(60, 8, 2), inlp(400, 64, 3), inlp(1100, 12, 3)]) + "\n")
