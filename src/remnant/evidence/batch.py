"""Evidence in columns: one row a measurement, a struct of arrays grouped by kind.

The records of `remnant.evidence.kinds` are views of one row. Verbs work on batches only.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from remnant.errors import MeasurementError
from remnant.evidence.kinds import (
    KNOTS,
    CountsEvidence,
    ErrorTerm,
    Evidence,
    FractionEvidence,
    PartitionsEvidence,
    ProfileEvidence,
    ReportedEvidence,
)

__all__ = ["KINDS", "EvidenceBatch", "Floats", "Integers", "SharedErrors"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

KINDS: Final = ("counts", "fraction", "partitions", "profile", "reported")
"""Order of the kind codes in `EvidenceBatch.kind`."""


@dataclass(frozen=True, slots=True, eq=False)
class SharedErrors:
    """Named log-normal errors of a batch, padded.

    Attributes
    ----------
    names : tuple of str
        Every name used, once.
    name : ndarray of int, shape (n, t)
        Index into `names`; -1 pads.
    sd_log10 : ndarray of float, shape (n, t)
        Standard deviations; 0 where padded.
    classes : tuple of str
        Every error class used, once.
    error_class : ndarray of int, shape (n, t)
        Index into `classes`, the term's name up to the first colon; -1 pads.
    """

    names: tuple[str, ...]
    name: Integers
    sd_log10: Floats
    classes: tuple[str, ...]
    error_class: Integers

    @classmethod
    def of(cls, terms: Sequence[Sequence[ErrorTerm]]) -> Self:
        """Columns of a list of terms a row.

        Parameters
        ----------
        terms : sequence of sequence of ErrorTerm, length n
            Terms of each row.

        Returns
        -------
        SharedErrors
            The same, padded to the longest row.
        """
        lengths = np.fromiter((len(row) for row in terms), dtype=np.int64, count=len(terms))
        width = int(lengths.max(initial=0))
        flat = list(itertools.chain.from_iterable(terms))
        index: dict[str, int] = {}
        codes = [index.setdefault(term.name, len(index)) for term in flat]
        name = np.full((len(terms), width), -1, dtype=np.int64)
        sd = np.zeros((len(terms), width))
        filled = np.arange(width) < lengths[:, None]
        name[filled] = codes
        sd[filled] = [term.sd_log10 for term in flat]
        return cls.of_arrays(tuple(index), name, sd)

    @classmethod
    def of_arrays(cls, names: tuple[str, ...], name: Integers, sd_log10: Floats) -> Self:
        """Columns that are already arrays.

        Parameters
        ----------
        names : tuple of str
            Every name used, once.
        name : ndarray of int, shape (n, t)
            Index into `names`; -1 pads.
        sd_log10 : ndarray of float, shape (n, t)
            Standard deviations.

        Returns
        -------
        SharedErrors
            With the class of each term looked up.
        """
        index: dict[str, int] = {}
        codes = [index.setdefault(text.partition(":")[0], len(index)) for text in names]
        lookup = np.array([*codes, -1], dtype=np.int64)
        return cls(names, name, sd_log10, tuple(index), lookup[name])

    def included(self, classes: Iterable[str]) -> Floats:
        """Standard deviations of the terms of some classes.

        Parameters
        ----------
        classes : iterable of str
            Error classes that count; the others become 0.

        Returns
        -------
        ndarray of float, shape (n, t)
            Standard deviations.
        """
        wanted = frozenset(classes)
        keep = np.array([*(text in wanted for text in self.classes), False])
        return np.where(keep[self.error_class], self.sd_log10, 0.0)

    def variance(self, classes: Iterable[str]) -> Floats:
        """Total variance of log10 q from the terms of some classes.

        Parameters
        ----------
        classes : iterable of str
            Error classes that count.

        Returns
        -------
        ndarray of float, shape (n,)
            Sum of squares.
        """
        variance: Floats = np.square(self.included(classes)).sum(axis=1)
        return variance

    def covariance(self, other: SharedErrors, classes: Iterable[str]) -> Floats:
        """Covariance, row by row, from the terms that two batches share by name.

        Parameters
        ----------
        other : SharedErrors, n rows
            Errors of the partner of each row.
        classes : iterable of str
            Error classes that count.

        Returns
        -------
        ndarray of float, shape (n,)
            Sum over common names of the product of the two standard deviations.
        """
        wanted = frozenset(classes)
        mine, theirs = self.included(wanted), other.included(wanted)
        partner = other.name
        if other.names is not self.names:
            index = {text: i for i, text in enumerate(self.names)}
            lookup = np.array([index.get(text, -2) for text in other.names] + [-2], dtype=np.int64)
            partner = lookup[other.name]
        total = np.zeros(len(self.name))
        for column in range(self.name.shape[1]):
            same = (partner == self.name[:, column : column + 1]) & (partner >= 0)
            total += mine[:, column] * np.where(same, theirs, 0.0).sum(axis=1)
        return total

    def variance_apart(self, terms: Iterable[ErrorTerm], classes: Iterable[str]) -> Floats:
        """Variance of each row's difference from one quantity that has named errors of its own.

        Parameters
        ----------
        terms : iterable of ErrorTerm
            Errors of the other quantity.
        classes : iterable of str
            Error classes that count.

        Returns
        -------
        ndarray of float, shape (n,)
            A name that both have is the same draw: its sizes are subtracted before they are squared.
        """
        wanted = frozenset(classes)
        variance = self.variance(wanted)
        theirs = {term.name: term.sd_log10 for term in terms if term.error_class in wanted}
        if theirs:
            variance += sum(sd**2 for sd in theirs.values())
            variance -= 2.0 * (self.included(wanted) * self._sizes(theirs)).sum(axis=1)
        return np.maximum(variance, 0.0)

    def variance_cancelled(self, terms: Iterable[ErrorTerm], classes: Iterable[str]) -> Floats:
        """Part of each row's variance that a quantity with some of its errors takes away.

        Parameters
        ----------
        terms : iterable of ErrorTerm
            Errors of the other quantity; those that a row does not name are nothing to it.
        classes : iterable of str
            Error classes that count.

        Returns
        -------
        ndarray of float, shape (n,)
            Square of the size less square of the difference of sizes, summed over the names of both.
        """
        wanted = frozenset(classes)
        theirs = {term.name: term.sd_log10 for term in terms if term.error_class in wanted}
        if not theirs:
            return np.zeros(len(self.name))
        mine, size = self.included(wanted), self._sizes(theirs)
        cancelled: Floats = np.where(mine > 0, size * (2.0 * mine - size), 0.0).sum(axis=1)
        return cancelled

    def _sizes(self, by_name: Mapping[str, float]) -> Floats:
        """Another quantity's size of each term; 0 where it has none."""
        sizes: Floats = np.array([*(by_name.get(name, 0.0) for name in self.names), 0.0])[self.name]
        return sizes

    def row(self, i: int) -> tuple[ErrorTerm, ...]:
        """Terms of one row as records.

        Parameters
        ----------
        i : int
            Row.

        Returns
        -------
        tuple of ErrorTerm
            Its terms, in order.
        """
        return tuple(
            ErrorTerm(name=self.names[code], sd_log10=float(sd))
            for code, sd in zip(self.name[i], self.sd_log10[i], strict=True)
            if code >= 0
        )

    def take(self, rows: Integers) -> Self:
        """Errors of some rows.

        Parameters
        ----------
        rows : ndarray of int
            Row numbers.

        Returns
        -------
        SharedErrors
            Those rows; the table of names is shared.
        """
        return type(self)(
            self.names, self.name[rows], self.sd_log10[rows], self.classes, self.error_class[rows]
        )


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceBatch:
    """Evidence of n measurements in columns.

    Build it with `EvidenceBatch.of` from records, or `EvidenceBatch.of_profiles` from arrays.

    Attributes
    ----------
    kind : ndarray of int, shape (n,)
        Index into `KINDS`.
    row : ndarray of int, shape (n,)
        Row of the kind's own array.
    log10_low, log10_high : ndarray of float, shape (n,)
        Declared range of log10 q.
    counts : ndarray of float, shape (n_counts, 4)
        k, exposure, background, dispersion.
    fraction : ndarray of float, shape (n_fraction, 5)
        k, n, false_positive, false_negative, weight of the own compartment.
    partitions : ndarray of float, shape (n_partitions, 6)
        k, n, volume_ul, volume_cv, false_positive, false_positive_sd.
    profile : ndarray of float, shape (n_profile, KNOTS)
        Log-likelihood at the knots.
    profile_at_zero : ndarray of float, shape (n_profile,)
        Log-likelihood of q = 0.
    reported : ndarray of float, shape (n_reported, 4)
        log10 value (or -inf), sd_log10, log10 upper limit (or inf), log10 lower limit (or -inf).
    errors : SharedErrors
        Named errors.
    """

    kind: Integers
    row: Integers
    log10_low: Floats
    log10_high: Floats
    counts: Floats
    fraction: Floats
    partitions: Floats
    profile: Floats
    profile_at_zero: Floats
    reported: Floats
    errors: SharedErrors

    def __len__(self) -> int:
        return len(self.kind)

    @classmethod
    def of(cls, records: Iterable[Evidence]) -> Self:
        """Columns of evidence records.

        Parameters
        ----------
        records : iterable of Evidence
            Any mixture of kinds.

        Returns
        -------
        EvidenceBatch
            One row a record, in order.

        Raises
        ------
        MeasurementError
            If a record cannot be: all such rows are named at once.
        """
        items = list(records)
        problems = [f"row {i}: {text}" for i, item in enumerate(items) for text in _problems(item)]
        if problems:
            raise MeasurementError(
                where="evidence",
                found=f"{len(problems)} impossible values",
                needed="counts, rates and ranges that can be",
                advice="Correct the rows below.",
                problems=problems,
            )
        kind = np.array([KINDS.index(item.kind) for item in items], dtype=np.int64)
        row = np.zeros(len(items), dtype=np.int64)
        for code in range(len(KINDS)):
            row[kind == code] = np.arange(int((kind == code).sum()))
        profiles = [item for item in items if isinstance(item, ProfileEvidence)]
        return cls(
            kind=kind,
            row=row,
            log10_low=np.array([item.log10_low for item in items], dtype=float),
            log10_high=np.array([item.log10_high for item in items], dtype=float),
            counts=_block(items, CountsEvidence),
            fraction=_block(items, FractionEvidence),
            partitions=_block(items, PartitionsEvidence),
            profile=np.array([p.log_likelihood for p in profiles], dtype=float).reshape(-1, KNOTS),
            profile_at_zero=np.array([p.log_likelihood_at_zero for p in profiles], dtype=float),
            reported=_block(items, ReportedEvidence),
            errors=SharedErrors.of([item.errors for item in items]),
        )

    @classmethod
    def of_profiles(
        cls,
        log_likelihood: Floats,
        at_zero: Floats,
        *,
        log10_low: Floats,
        log10_high: Floats,
        errors: SharedErrors,
    ) -> Self:
        """Columns of profiles that are already arrays.

        Parameters
        ----------
        log_likelihood : ndarray of float, shape (n, KNOTS)
            Log-likelihood at equally spaced knots of each row's own range.
        at_zero : ndarray of float, shape (n,)
            Log-likelihood of q = 0.
        log10_low, log10_high : ndarray of float, shape (n,)
            Ranges.
        errors : SharedErrors
            Named errors of the rows.

        Returns
        -------
        EvidenceBatch
            n rows of kind ``profile``.
        """
        n = len(at_zero)
        return cls(
            kind=np.full(n, KINDS.index("profile"), dtype=np.int64),
            row=np.arange(n),
            log10_low=log10_low,
            log10_high=log10_high,
            counts=np.zeros((0, 4)),
            fraction=np.zeros((0, 5)),
            partitions=np.zeros((0, 6)),
            profile=log_likelihood,
            profile_at_zero=at_zero,
            reported=np.zeros((0, 4)),
            errors=errors,
        )

    def take(self, rows: Integers) -> Self:
        """Some rows, in the order asked.

        Parameters
        ----------
        rows : ndarray of int or bool
            Row numbers, or a mask.

        Returns
        -------
        EvidenceBatch
            Those rows; the kinds' arrays are shared, not copied.
        """
        index = np.arange(len(self))[rows]
        return type(self)(
            kind=self.kind[index],
            row=self.row[index],
            log10_low=self.log10_low[index],
            log10_high=self.log10_high[index],
            counts=self.counts,
            fraction=self.fraction,
            partitions=self.partitions,
            profile=self.profile,
            profile_at_zero=self.profile_at_zero,
            reported=self.reported,
            errors=self.errors.take(index),
        )

    def records(self) -> list[Evidence]:
        """Row by row as records.

        Returns
        -------
        list of Evidence
            One a row. Names of compartments are not kept in columns: a fraction comes back with its own
            compartment only.
        """
        return [self._record(i) for i in range(len(self))]

    def _record(self, i: int) -> Evidence:
        at = int(self.row[i])
        low, high, errors = float(self.log10_low[i]), float(self.log10_high[i]), self.errors.row(i)
        match KINDS[self.kind[i]]:
            case "counts":
                k, exposure, background, dispersion = map(float, self.counts[at])
                return CountsEvidence(
                    k=k, exposure=exposure, background=background, dispersion=dispersion,
                    log10_low=low, log10_high=high, errors=errors,
                )  # fmt: skip
            case "fraction":
                k, n, fp, fn, weight = map(float, self.fraction[at])
                return FractionEvidence(
                    k=int(k), n=int(n), false_positive=fp, false_negative=fn, weights=(weight,),
                    compartments=("own",), log10_low=low, log10_high=high, errors=errors,
                )  # fmt: skip
            case "partitions":
                k, n, volume, cv, fp, fp_sd = map(float, self.partitions[at])
                return PartitionsEvidence(
                    k=int(k), n=int(n), volume_ul=volume, volume_cv=cv, false_positive=fp,
                    log10_low=low, log10_high=high, errors=errors, false_positive_sd=fp_sd,
                )  # fmt: skip
            case "profile":
                return ProfileEvidence(
                    log_likelihood=tuple(self.profile[at].tolist()),
                    log_likelihood_at_zero=float(self.profile_at_zero[at]),
                    log10_low=low, log10_high=high, errors=errors,
                )  # fmt: skip
            case _:
                value, sd, upper, lower = map(float, self.reported[at])
                return ReportedEvidence(
                    value=10.0**value if np.isfinite(value) else None, sd_log10=sd,
                    upper_limit=10.0**upper if np.isfinite(upper) else None,
                    lower_limit=10.0**lower if np.isfinite(lower) else None,
                    log10_low=low, log10_high=high, errors=errors,
                )  # fmt: skip


def _values(item: Evidence) -> tuple[float, ...]:
    """Columns of one record of any kind but a profile."""
    match item:
        case CountsEvidence():
            return (item.k, item.exposure, item.background, item.dispersion)
        case FractionEvidence():
            return (item.k, item.n, item.false_positive, item.false_negative, item.weights[0])
        case PartitionsEvidence():
            return (
                item.k,
                item.n,
                item.volume_ul,
                item.volume_cv,
                item.false_positive,
                item.false_positive_sd,
            )
        case ReportedEvidence():
            return (
                -np.inf if item.value is None else float(np.log10(item.value)),
                item.sd_log10,
                np.inf if item.upper_limit is None else float(np.log10(item.upper_limit)),
                -np.inf if item.lower_limit is None else float(np.log10(item.lower_limit)),
            )
        case ProfileEvidence():
            return ()


_WIDTH: Final[dict[type, int]] = {
    CountsEvidence: 4,
    FractionEvidence: 5,
    PartitionsEvidence: 6,
    ReportedEvidence: 4,
}


def _block(items: Sequence[Evidence], cls: type) -> Floats:
    rows = [_values(item) for item in items if isinstance(item, cls)]
    return np.array(rows, dtype=float).reshape(-1, _WIDTH[cls])


def _problems(item: Evidence) -> list[str]:
    """What is impossible in one record."""
    problems = [] if item.log10_low < item.log10_high else ["log10_low is not below log10_high"]
    problems += [f"error {t.name!r} has a negative sd" for t in item.errors if not t.sd_log10 >= 0]
    match item:
        case CountsEvidence():
            if not (item.k >= 0 and item.exposure > 0 and item.background >= 0 and item.dispersion >= 0):
                problems.append("counts need k, background, dispersion >= 0 and exposure > 0")
        case FractionEvidence():
            problems += _fraction_problems(item)
        case PartitionsEvidence():
            if not (
                0 <= item.k <= item.n and item.n > 0 and item.volume_ul > 0 and 0 <= item.false_positive < 1
            ):
                problems.append(f"{item.k} positive of {item.n} partitions of {item.volume_ul} µl cannot be")
            fp = item.false_positive
            if item.false_positive_sd and not 0 < item.false_positive_sd**2 < fp * (1 - fp):
                problems.append(f"no Beta posterior has mean {fp:g} and sd {item.false_positive_sd:g}")
        case ProfileEvidence():
            if len(item.log_likelihood) != KNOTS or not np.all(np.isfinite(item.log_likelihood)):
                problems.append(f"a profile needs {KNOTS} finite knots")
        case ReportedEvidence():
            given = [v for v in (item.value, item.upper_limit, item.lower_limit) if v is not None]
            if len(given) != 1 or not given[0] > 0 or not item.sd_log10 >= 0:
                problems.append("exactly one of value, upper_limit, lower_limit must be set, and positive")
    return problems


def _fraction_problems(item: FractionEvidence) -> list[str]:
    problems = []
    if not (0 <= item.k <= item.n and item.n > 0):
        problems.append(f"{item.k} positive of {item.n} cannot be")
    if not (
        item.false_positive >= 0
        and item.false_negative >= 0
        and item.false_positive + item.false_negative < 1
    ):
        problems.append("false_positive and false_negative must be rates that sum to less than 1")
    if len(item.weights) != 1:
        problems.append("several compartments are known only jointly: this batch takes one weight a row")
    elif not 0 < item.weights[0] <= 1:
        problems.append("the weight must lie in (0, 1]")
    return problems
