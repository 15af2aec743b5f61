"""How large the step error of the leap is, measured for a model at hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remnant.dynamics.moments import moments
from remnant.dynamics.process import Process
from remnant.dynamics.simulate import Settings, simulate

__all__ = ["StepCheck", "check_step"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepCheck:
    """The leap beside a leap of half the step, and beside the exact moments where they exist.

    Attributes
    ----------
    names : tuple of str, length k
        Types.
    days : ndarray, shape (t,)
        Days.
    mean, half_step_mean, exact_mean : ndarray, shape (t, k)
        Expected cells; exact ones are NaN with feedback.
    sd, half_step_sd, exact_sd : ndarray, shape (t, k)
        Standard deviations.
    standard_error : ndarray, shape (t, k)
        Monte-Carlo error of the difference between `mean` and its reference.
    """

    names: tuple[str, ...]
    days: FloatArray
    mean: FloatArray
    half_step_mean: FloatArray
    exact_mean: FloatArray
    sd: FloatArray
    half_step_sd: FloatArray
    exact_sd: FloatArray
    standard_error: FloatArray

    @property
    def worst_z(self) -> float:
        """Largest difference from the reference mean in units of its Monte-Carlo error.

        Returns
        -------
        float
            Against the exact mean, or the half step where there is none; read it beside `worst_percent`.
        """
        seen = self.standard_error > 0.0
        if not seen.any():
            return 0.0
        return float(np.max(np.abs(self.mean - self._reference)[seen] / self.standard_error[seen]))

    @property
    def worst_percent(self) -> float:
        """Largest error of a mean beyond three Monte-Carlo errors, in per cent of the mean.

        Returns
        -------
        float
            The step's own error; a clone of 10^12 cells has almost no Monte-Carlo error, so that a tiny one shows.
        """
        beyond = np.abs(self.mean - self._reference) - 3.0 * self.standard_error
        return float(np.max(100.0 * np.maximum(beyond, 0.0) / np.maximum(self._reference, 1.0)))

    @property
    def _reference(self) -> FloatArray:
        return np.where(np.isnan(self.exact_mean), self.half_step_mean, self.exact_mean)


def check_step(
    process: Process, days: npt.ArrayLike, *, replicates: int, seed: int, settings: Settings | None = None
) -> StepCheck:
    """Measure the step error of the leap for a model.

    Parameters
    ----------
    process : Process
        Compiled model.
    days : array_like, shape (t,)
        Output days.
    replicates : int
        In each of the two runs.
    seed : int
        The second run uses the next seed.
    settings : Settings or None, default None
        The step to check.

    Returns
    -------
    StepCheck
        Means and standard deviations side by side.
    """
    chosen = settings or Settings()
    half = Settings(
        step_days=chosen.step_days / 2,
        largest_share=chosen.largest_share / 2,
        few_cells=chosen.few_cells,
        workers=chosen.workers,
    )
    one = simulate(process, days, replicates=replicates, seed=seed, settings=chosen).cells
    two = simulate(process, days, replicates=replicates, seed=seed + 1, settings=half).cells
    sd, half_sd = one.std(axis=0, ddof=1), two.std(axis=0, ddof=1)
    exact_mean, exact_sd = np.full_like(sd, np.nan), np.full_like(sd, np.nan)
    error = np.sqrt((sd**2 + half_sd**2) / replicates)
    if process.is_linear:
        exact = moments(process, days)
        exact_mean, exact_sd, error = exact.mean, exact.sd, exact.sd / np.sqrt(replicates)
    return StepCheck(
        names=process.names,
        days=np.atleast_1d(np.asarray(days, dtype=float)),
        mean=one.mean(axis=0),
        half_step_mean=two.mean(axis=0),
        exact_mean=exact_mean,
        sd=sd,
        half_step_sd=half_sd,
        exact_sd=exact_sd,
        standard_error=error,
    )
