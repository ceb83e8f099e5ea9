"""Data without structure to compare with: one cloud that is like the data in margins and correlations, and columns that are unrelated."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import minimize_scalar
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

LEVELS = 10
"""A variable of up to so many values keeps its margin, and its correlations are polychoric."""
STRONGEST = 0.995
"""No latent correlation is taken to be nearer to ±1: there the likelihood of an ordinal table is flat."""
TRIMMED = 0.01
"""Share of the rows at each end in which a mode is not looked for: one customer far out would smooth everything away."""
BINS = 1024


@dataclass(frozen=True)
class Cloud:
    """One cloud: a Gaussian copula and one quantile function a column.

    factor    Cholesky factor of the latent correlations (columns × columns)
    margins   one a column: cumulative shares (ascending, 0–1) and the values that belong to them
    ordinal   one a column: whether its values are levels, which are not interpolated
    """

    factor: np.ndarray
    margins: tuple[tuple[np.ndarray, np.ndarray], ...]
    ordinal: tuple[bool, ...]

    def draw(self, rows: int, draw: np.random.Generator) -> np.ndarray:
        """Rows × columns of new data."""
        shares = ndtr(draw.standard_normal((rows, len(self.margins))) @ self.factor.T)
        parts = zip(shares.T, self.margins, self.ordinal, strict=True)
        return np.column_stack([_levels(u, *margin) if ordinal else np.interp(u, *margin) for u, margin, ordinal in parts])


def one_cloud(values: np.ndarray) -> Cloud:
    """The cloud that has the data's rank correlations and, but for their modes, its margins.

    values   rows × columns, none of them constant
    Source   Helgeson, Vock & Bair 2021, doi 10.1111/biom.13376 (the copula); Silverman 1981 (the critical bandwidth)
    """
    ordinal = tuple(len(np.unique(column)) <= LEVELS for column in values.T)
    margins = tuple(_steps(column) if o else _smoothed(column) for column, o in zip(values.T, ordinal, strict=True))
    return Cloud(np.linalg.cholesky(nearest_correlation(latent_correlations(values))), margins, ordinal)


def unrelated(values: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """The same columns, each in an order of its own: every margin stays, and nothing goes together."""
    return draw.permuted(values, axis=0)


def critical_bandwidth(column: np.ndarray) -> float:
    """The smallest standard deviation of a Gaussian kernel that leaves one mode (Silverman 1981), in the column's unit.

    The outermost hundredth of the rows at each end is not looked at (after Hall & York 2001, who look for modes in an interval).
    """
    low, high = np.quantile(column, [TRIMMED, 1 - TRIMMED])
    kept = column[(column >= low) & (column <= high)]
    spread = float(kept.std())
    if not spread:
        return 0.0
    edges = np.linspace(kept.min() - 3 * spread, kept.max() + 3 * spread, BINS + 1)
    counts, wide = np.histogram(kept, edges)[0].astype("float64"), edges[1] - edges[0]
    least, most = wide, 3 * spread
    if _modes(counts, least / wide) == 1:
        return float(least)
    for _ in range(20):  # the number of modes never grows with the bandwidth of a Gaussian kernel
        middle = np.sqrt(least * most)
        least, most = (middle, most) if _modes(counts, middle / wide) > 1 else (least, middle)
    return float(most)


def latent_correlations(values: np.ndarray) -> np.ndarray:
    """Correlations of the normal variables behind the columns, pair by pair; the matrix need not be positive definite.

    Two numbers: 2 sin(πρ/6) of Spearman's ρ (Pearson 1907). Two variables of up to ten levels: polychoric; one of each: polyserial
    (both by maximum likelihood in two steps, Olsson 1979; Olsson, Drasgow & Dorans 1982).
    """
    n, p = values.shape
    levels = [np.unique(column, return_inverse=True)[1] if len(np.unique(column)) <= LEVELS else None for column in values.T]
    ranks = np.column_stack([rankdata(column) for column in values.T])
    found = 2 * np.sin(np.pi / 6 * np.corrcoef(ranks, rowvar=False).reshape(p, p))
    scores = ndtri((ranks - 0.5) / n)
    for i in range(p):
        for j in range(i):
            if levels[i] is not None and levels[j] is not None:
                found[i, j] = polychoric(levels[i], levels[j])
            elif levels[i] is not None or levels[j] is not None:
                coded, number = (i, j) if levels[i] is not None else (j, i)
                found[i, j] = polyserial(levels[coded], scores[:, number])
            found[j, i] = found[i, j]
    np.fill_diagonal(found, 1.0)
    return found


def polychoric(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two normal variables of which only levels (0, 1, 2 …) are seen; thresholds from the margins (Olsson 1979)."""
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1.0)
    rows, columns = _thresholds(table.sum(axis=1)), _thresholds(table.sum(axis=0))

    def unlikely(rho: float) -> float:
        below = np.zeros((len(rows) + 2, len(columns) + 2))
        below[1:-1, 1:-1] = bivariate_normal(rows[:, None], columns[None, :], rho)
        below[-1, 1:-1], below[1:-1, -1], below[-1, -1] = ndtr(columns), ndtr(rows), 1.0
        return -float((table * np.log(np.maximum(np.diff(np.diff(below, axis=0), axis=1), 1e-12))).sum())

    return _likeliest(unlikely)


def polyserial(levels: np.ndarray, scores: np.ndarray) -> float:
    """Correlation of a normal variable of which only levels are seen with one that is seen as normal scores."""
    cuts = np.concatenate([[-np.inf], _thresholds(np.bincount(levels)), [np.inf]])
    low, high = cuts[levels], cuts[levels + 1]

    def unlikely(rho: float) -> float:
        left = np.sqrt(1 - rho * rho)
        return -float(np.log(np.maximum(ndtr((high - rho * scores) / left) - ndtr((low - rho * scores) / left), 1e-12)).sum())

    return _likeliest(unlikely)


def bivariate_normal(h: np.ndarray, k: np.ndarray, rho: float) -> np.ndarray:
    """P(X ≤ h, Y ≤ k) of two standard normal variables with correlation rho (the integral over the angle of Drezner & Wesolowsky 1990)."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    angle = np.arcsin(rho) * (nodes + 1) / 2
    h, k = h[..., None], k[..., None]
    density = np.exp(-(h * h + k * k - 2 * h * k * np.sin(angle)) / (2 * np.cos(angle) ** 2))
    return ndtr(h[..., 0]) * ndtr(k[..., 0]) + (density * weights).sum(axis=-1) * np.arcsin(rho) / (4 * np.pi)


def nearest_correlation(matrix: np.ndarray, least: float = 1e-6) -> np.ndarray:
    """The nearest correlation matrix with no eigenvalue below `least`, by alternating projections (Higham 2002)."""
    found, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(100):
        step = found - correction
        worth, directions = np.linalg.eigh(step)
        if worth[0] >= least and not correction.any():
            return found
        positive = (directions * np.maximum(worth, least)) @ directions.T
        correction, before = positive - step, found
        found = positive.copy()
        np.fill_diagonal(found, 1.0)
        if np.abs(found - before).max() < 1e-7:
            break
    # A diagonal of 1 again, exactly: what is left to correct is below the tolerance.
    positive += np.eye(len(matrix)) * max(0.0, least - float(np.linalg.eigvalsh(positive)[0]))
    scale = np.sqrt(np.diag(positive))
    found = positive / np.outer(scale, scale)
    np.fill_diagonal(found, 1.0)
    return found


def _smoothed(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative shares and values of the column's density at its critical bandwidth, drawn in so that mean and variance stay."""
    width, mean, spread = critical_bandwidth(column), float(column.mean()), float(column.std())
    edges = np.linspace(column.min() - 4 * width, column.max() + 4 * width, 4 * BINS + 1)
    density = gaussian_filter1d(
        np.histogram(column, edges)[0].astype("float64"), width / (edges[1] - edges[0]), mode="constant", truncate=6
    )
    shares = np.concatenate([[0.0], np.cumsum(density)]) / density.sum()
    kept = np.concatenate([[True], np.diff(shares) > 1e-12])
    return shares[kept], mean + (edges[kept] - mean) / np.sqrt(1 + (width / spread) ** 2)


def _steps(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, counts = np.unique(column, return_counts=True)
    return np.cumsum(counts) / len(column), values


def _levels(shares: np.ndarray, upper: np.ndarray, values: np.ndarray) -> np.ndarray:
    return values[np.minimum(np.searchsorted(upper, shares), len(values) - 1)]


def _thresholds(counts: np.ndarray) -> np.ndarray:
    return ndtri(np.cumsum(counts)[:-1] / counts.sum())


def _likeliest(unlikely) -> float:
    return float(minimize_scalar(unlikely, bounds=(-STRONGEST, STRONGEST), method="bounded", options={"xatol": 1e-4}).x)


def _modes(counts: np.ndarray, sigma: float) -> int:
    """Modes of binned rows under a Gaussian kernel; dips of less than a millionth of the highest density are rounding."""
    density = gaussian_filter1d(counts, sigma, mode="constant", truncate=6)
    slope = np.diff(np.round(density / density.max(), 6))
    slope = slope[slope != 0]
    return 1 + int(((slope[:-1] < 0) & (slope[1:] > 0)).sum())
