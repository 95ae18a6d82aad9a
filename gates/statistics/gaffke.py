"""Where can the mean of paired differences in [-1, 1] be, by one look at few queries? Gaffke's bounds.

Rules (why: docs/decision-rule.md; how often they err: docs/offline-characteristics.md):
- W = w_0 + sum w_i d_i, Dirichlet(1, ..., 1) weights: the data, and one observation more at the best possible value.
- P(W >= -t) is the p-value of "the mean is at least -t". U is where it falls to alpha; L(d) is -U(-d).
- No draws. With e iid Exp(1), P(W >= -t) = P(sum a_j e_j >= 0), where a is 1 + t and each d_i + t. Its transform
  prod 1/(1 - z a_j) is inverted along the vertical line through the saddlepoint; equal differences are one factor.
- Where two values of a are left (0/1 data, or whole losses at t = 0) the tail is a binomial one: Clopper-Pearson.
"""

import numpy as np
from numpy.typing import NDArray

from gates.errors import EvidenceError, GateError
from gates.statistics.pvalues import halved, p_rate_above

Array = NDArray[np.float64]
HALVINGS = 30  # of [-1, 1] until a bound is told: to 2e-9
FIRST_STEP = 1 / 3  # of the trapezoid rule, halved until it agrees with the step before
AGREE = 1e-8  # relative; what is returned is nearer by far, as the rule converges geometrically
NEGLIGIBLE = 1e-15  # share of the integral
AT_ONCE = 16  # steps along the line
TINY = 1e-15  # what is left of d + t by rounding is 0


def upper(d: Array, alpha: float) -> float:
    """U: the mean of the differences is not above it, wrong at most with alpha. Rounded away from the data.

    Raises EvidenceError where d is empty, holds NaN or leaves [-1, 1], GateError where alpha is not between 0 and 1.
    """
    require_share("alpha", alpha)
    least = float(checked(d).min())  # W is between it and 1
    return halved(lambda x: tail(d, -x) < alpha, least, 1.0, HALVINGS)[1]


def lower(d: Array, alpha: float) -> float:
    """L: the mean of the differences is not below it, wrong at most with alpha. Rounds and raises as `upper`."""
    return -upper(-checked(d), alpha)


def tail(d: Array, t: float) -> float:
    """P(W >= -t): the p-value of "the mean of the differences is at least -t". Raises EvidenceError as `upper`."""
    values, counts = np.unique(checked(d), return_counts=True)
    a, n = _terms(values, counts[None, :].astype(np.float64), t)
    up, down = np.unique(a[a > 0]), -np.unique(a[a < 0])
    if len(up) == len(down) == 1:
        # Gamma(k) up >= Gamma(m) down: of k + m - 1 events of two Poisson streams, at least m are of the second
        return p_rate_above(int(n[a < 0].sum()), int(n[a != 0].sum()) - 1, float(up[0] / (up[0] + down[0])))
    return float(tails(values, counts[None, :], t)[0])


def tails(values: Array, counts: NDArray[np.generic], t: float) -> Array:
    """`tail` of many samples of the same values, by inversion alone: counts (samples, values), shares allowed."""
    a, n = _terms(values, np.asarray(counts, dtype=np.float64), t)
    lost, gained = (a < 0).any(axis=1), (a > 0).any(axis=1)
    p = np.where(lost, 0.0, 1.0)  # where all are on one side there is nothing to compute
    falls = (n * a).sum(axis=1) <= 0  # the mean of the sum: the smaller tail is inverted
    for rows, sign in ((lost & gained & falls, 1.0), (lost & gained & ~falls, -1.0)):
        if rows.any():
            found = _above_zero(sign * a[rows], n[rows])
            p[rows] = found if sign > 0 else 1 - found
    return p


def checked(d: Array) -> Array:
    """The differences as floats. Raises EvidenceError, one line, where no mean in [-1, 1] can be told from them."""
    d = np.asarray(d, dtype=np.float64)
    if d.ndim != 1 or not d.size:
        raise EvidenceError(
            f"paired differences of shape {d.shape}: should be one number a query, of at least one query"
        )
    wrong = np.flatnonzero(~(np.abs(d) <= 1))  # NaN is not <= 1
    if wrong.size:
        raise EvidenceError(
            f"paired difference {d[wrong[0]]} of query {wrong[0] + 1}, but should be within [-1, 1] ({wrong.size:,} of "
            f"{d.size:,} are not): divide by the measure's range, and count a missing answer as its worst value"
        )
    return d


def require_share(name: str, value: float) -> None:
    """Raises GateError where an error rate or a margin is not between 0 and 1."""
    if not 0 < value < 1:
        raise GateError(f"{name} is {value}, but should be between 0 and 1, such as .05 (a point is .01)")


def _terms(values: Array, counts: Array, t: float) -> tuple[Array, Array]:
    """a and how often each occurs, a row a sample; what a sample does not have is 0 in it, and adds nothing."""
    n = np.column_stack([counts, np.ones(len(counts))])
    a = np.append(values, 1.0) + t
    return np.where((n > 0) & (np.abs(a) > TINY), a, 0.0), n


def _above_zero(a: Array, n: Array) -> Array:
    """P(sum a e > 0) by rows, with n exponentials for each a; the mean is at most 0, but some a are positive."""
    a = a / a.max(axis=1, keepdims=True)
    c = _saddlepoint(a, n)[:, None]
    bend = c * a / (1 - c * a)  # 1 - (c + icy) a = (1 - ca) (1 - iy bend)
    scale = 1 / np.sqrt(1 + (n * bend**2).sum(axis=1))
    step = FIRST_STEP
    total = step * _along_line(bend, n, scale, 0.0, step)
    while True:
        between = step * _along_line(bend, n, scale, step / 2, step)
        apart, total, step = np.abs(between - total), (total + between) / 2, step / 2
        if (apart <= AGREE * total).all():
            at_saddlepoint = np.exp(-(n * np.log1p(-c * a)).sum(axis=1))
            return np.asarray(np.clip(at_saddlepoint * scale * total / np.pi, 0.0, 1.0))


def _along_line(bend: Array, n: Array, scale: Array, first: float, step: float) -> Array:
    """The real part of the integrand, summed at y = scale sinh u for u = first, first + step, ...

    Near the saddlepoint these are even steps; far from it, where the transform falls like a power of y, they grow.
    """
    total, passed, u = np.zeros(len(scale)), np.zeros(len(scale)), first + step * np.arange(AT_ONCE)
    n, bend = n[:, None, :], bend[:, None, :]
    while True:
        y = scale[:, None] * np.sinh(u)
        turned = y[:, :, None] * bend
        size = np.exp(-0.5 * ((n * np.log1p(turned**2)).sum(axis=2) + np.log1p(y**2))) * np.cosh(u)
        angle = (n * np.arctan(turned)).sum(axis=2) - np.arctan(y)
        half = np.where(u == 0, 0.5, 1.0)  # the other half of the line mirrors this one
        totals = total[:, None] + np.cumsum(size * np.cos(angle) * half, axis=1)
        so_far = passed[:, None] + np.cumsum(size, axis=1)
        negligible = (size <= NEGLIGIBLE * so_far).all(axis=0)
        if negligible.any():
            return np.asarray(totals[:, negligible.argmax()])
        total, passed, u = totals[:, -1], so_far[:, -1], u + AT_ONCE * step


def _saddlepoint(a: Array, n: Array) -> Array:
    """Where prod (1 - z a)^-n / z is least for 0 < z < 1, the largest a being 1: Newton on a convex function."""
    z = 1 - np.where(a == 1, n, 0.0).sum(axis=1) / (n.sum(axis=1) + 2)  # right of it: no step overshoots
    while True:
        left = 1 - z[:, None] * a
        step = ((n * z[:, None] * a / left).sum(axis=1) - 1) / (n * a / left**2).sum(axis=1)
        z -= step
        if (np.abs(step) <= 1e-6 * z).all():
            return np.asarray(z)
