"""Errors that the rows of one batch share, taken apart by who shares them.

In a population measured with shared errors three parts behave differently: what all rows have in common moves
them together and cannot be seen in their scatter; what a group has in common (samples of one run) moves the group;
the rest is each row's own. Sizes that differ between the rows that share a name enter by their mean product.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from remnant.evidence.batch import Floats, Integers, SharedErrors
from remnant.evidence.kinds import ErrorTerm, Evidence

__all__ = ["SharedParts", "relative", "shared_parts", "weighted_terms"]


@dataclass(frozen=True, slots=True, eq=False)
class SharedParts:
    """Variance of log10 q that comes from named errors, in three parts.

    Attributes
    ----------
    common_variance : float
        What all rows have in common.
    group : ndarray of int, shape (n,)
        Group of each row, from 0: rows that a name links which not every row has.
    group_variance : ndarray of float, shape (g,)
        What the rows of a group have in common beyond that; 0 for a row that stands alone.
    own_variance : ndarray of float, shape (n,)
        What is left to each row.
    """

    common_variance: float
    group: Integers
    group_variance: Floats
    own_variance: Floats

    @property
    def total(self) -> Floats:
        """Variance of each row.

        Returns
        -------
        ndarray of float, shape (n,)
            The three parts together.
        """
        return self.common_variance + self.group_variance[self.group] + self.own_variance


def shared_parts(errors: SharedErrors, classes: Iterable[str]) -> SharedParts:
    """Variance of the named errors, taken apart.

    Parameters
    ----------
    errors : SharedErrors, n rows
        Named errors.
    classes : iterable of str
        Error classes that count.

    Returns
    -------
    SharedParts
        Common, group and own part.

    Examples
    --------
    >>> def row(run, sample): return [ErrorTerm(name=n, sd_log10=s) for n, s in
    ...     (("curve:laboratory:WT1", 0.3), (f"run:{run}", 0.2), (f"rt:{sample}", 0.1))]
    >>> errors = SharedErrors.of([row("R1", "A"), row("R1", "B"), row("R2", "C"), row("R2", "D")])
    >>> parts = shared_parts(errors, {"curve", "run", "rt"})
    >>> round(parts.common_variance, 4), parts.group.tolist()
    (0.09, [0, 0, 1, 1])
    >>> parts.group_variance.round(4).tolist(), parts.own_variance.round(4).tolist()
    ([0.04, 0.04], [0.01, 0.01, 0.01, 0.01])
    """
    _, sizes = _by_name(errors, classes)
    held = np.asarray((sizes > 0).sum(axis=0)).ravel()
    count = sizes.shape[0]
    links = sizes[:, np.flatnonzero((held >= 2) & (held < count))]
    groups, labels = connected_components(links @ links.T, directed=False)
    group: Integers = labels.astype(np.int64)
    covariance = (sizes @ sizes.T).toarray()
    variance = covariance.diagonal().copy()
    total = covariance.sum() - variance.sum()
    members = np.bincount(group, minlength=groups)
    within = np.array([covariance[np.ix_(rows, rows)].sum() for rows in _rows_of(group, groups)])
    within -= np.bincount(group, weights=variance, minlength=groups)
    inside = members * (members - 1)
    between = count * (count - 1) - inside.sum()
    if groups == 1:
        common = float(max(total, 0.0) / max(int(inside[0]), 1))
        shared = np.zeros(1)
    else:
        common = max(float((total - within.sum()) / between), 0.0)
        shared = np.where(inside > 0, np.maximum(within / np.maximum(inside, 1) - common, 0.0), 0.0)
    return SharedParts(
        common_variance=common,
        group=group,
        group_variance=shared,
        own_variance=np.maximum(variance - common - shared[group], 0.0),
    )


def weighted_terms(errors: SharedErrors, weights: Floats, classes: Iterable[str]) -> tuple[ErrorTerm, ...]:
    """Named errors of a weighted mean of log10 q over the rows.

    Parameters
    ----------
    errors : SharedErrors, n rows
        Named errors.
    weights : ndarray of float, shape (n,)
        Weight of each row.
    classes : iterable of str
        Error classes that count.

    Returns
    -------
    tuple of ErrorTerm
        One a name, by name: the weighted sum of its sizes.

    Examples
    --------
    >>> rows = [[ErrorTerm(name="run:R1", sd_log10=0.2)], [ErrorTerm(name="run:R2", sd_log10=0.2)]]
    >>> [(term.name, round(term.sd_log10, 2)) for term in
    ...     weighted_terms(SharedErrors.of(rows), np.array([0.25, 0.75]), {"run"})]
    [('run:R1', 0.05), ('run:R2', 0.15)]
    """
    names, sizes = _by_name(errors, classes)
    sums: list[float] = np.asarray(sizes.T @ weights).tolist()
    return tuple(
        ErrorTerm(name=name, sd_log10=size)
        for name, size in sorted(zip(names, sums, strict=True))
        if size > 0
    )


def relative(evidence: Evidence, terms: Iterable[ErrorTerm]) -> Evidence:
    """Evidence of a quantity relative to one that was measured with some of the same errors.

    Parameters
    ----------
    evidence : Evidence
        Of the quantity.
    terms : iterable of ErrorTerm
        Named errors of the other one.

    Returns
    -------
    Evidence
        The same, the size of each error that both name less that of the other.

    Examples
    --------
    >>> from remnant.evidence.kinds import ReportedEvidence
    >>> line, rt = ErrorTerm(name="curve:laboratory:WT1", sd_log10=0.3), ErrorTerm(name="rt:C1", sd_log10=0.1)
    >>> one = ReportedEvidence(value=2.0, sd_log10=0.1, upper_limit=None, lower_limit=None,
    ...     log10_low=-3, log10_high=6, errors=(line, rt))
    >>> [term.name for term in relative(one, [line]).errors]
    ['rt:C1']
    """
    theirs = {term.name: term.sd_log10 for term in terms}
    if theirs.keys().isdisjoint(term.name for term in evidence.errors):
        return evidence
    sizes = ((term.name, abs(term.sd_log10 - theirs.get(term.name, 0.0))) for term in evidence.errors)
    return replace(
        evidence, errors=tuple(ErrorTerm(name=name, sd_log10=size) for name, size in sizes if size > 0)
    )


def _by_name(errors: SharedErrors, classes: Iterable[str]) -> tuple[list[str], csr_array]:
    """Names that count, and the size of each in every row."""
    sd = errors.included(classes)
    row, column = np.nonzero(sd)
    codes, place = np.unique(errors.name[row, column], return_inverse=True)
    sizes = csr_array((sd[row, column], (row, place)), shape=(len(sd), len(codes)))
    return [errors.names[code] for code in codes.tolist()], sizes


def _rows_of(group: Integers, groups: int) -> list[Integers]:
    ordered = np.argsort(group, kind="stable")
    return np.split(ordered, np.cumsum(np.bincount(group, minlength=groups))[:-1])
