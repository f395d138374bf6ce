"""How much of an item survives its codec, beside a principal component analysis of the same width.

Pictures and spectra: mean squared error, levels scaled to [0, 1]. Captions: share of wrong tokens, where the
linear map works on one-hot tokens and the likeliest token is taken.
"""

from math import prod

import numpy as np
from sklearn.decomposition import PCA

SAMPLE = 4096  # train items that the linear map is fitted on


def errors(train: np.ndarray, test: np.ndarray, made: np.ndarray, width: int) -> dict[str, float]:
    """Errors of the codec's `made` and of a PCA with `width` components on (N, *shape) `test` items."""
    few = train[:: max(1, len(train) // SAMPLE)][:SAMPLE]
    tokens = int(max(few.max(), test.max())) + 1 if test.dtype == np.uint16 else 0
    components = min(width, len(few) - 1, prod(few.shape[1:]))
    pca = PCA(components, svd_solver="randomized", random_state=0).fit(as_numbers(few, tokens))
    linear = pca.inverse_transform(pca.transform(as_numbers(test, tokens)))
    if tokens:
        linear = linear.reshape(*test.shape, tokens).argmax(-1)
        return {"codec": float((made != test)[test > 0].mean()), "pca": float((linear != test)[test > 0].mean())}
    target = as_numbers(test, 0)
    return {
        "codec": float(((as_numbers(made, 0) - target) ** 2).mean()),
        "pca": float(((linear.clip(0, 1) - target) ** 2).mean()),
    }


def as_numbers(items: np.ndarray, tokens: int) -> np.ndarray:
    """(N, *shape) -> (N, values) float32: one-hot when there are `tokens`, else levels in [0, 1]."""
    if tokens:
        return np.eye(tokens, dtype=np.float32)[items].reshape(len(items), -1)
    return items.reshape(len(items), -1).astype(np.float32) / 255
