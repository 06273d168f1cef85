"""Public names that list names: analyses, samples, detectors, skims, models, filters."""

from __future__ import annotations

from hepsets.analyses.contract import ANALYSES
from hepsets.deploy.filter.shipped import SHIPPED
from hepsets.generate.kstmumu.files import SAMPLE as KSTMUMU
from hepsets.generate.pythia import SAMPLES
from hepsets.select.skims.registry import SKIMS
from hepsets.simulate.registry import DETECTORS


def list_analyses() -> list[str]:
    """Names of the analyses that :func:`run` knows, those of other packages last.

    Examples
    --------
    >>> import hepsets as hs
    >>> hs.list_analyses()[:3]
    ['continuum-suppression', 'delta-c9', 'smart-background']
    """
    return list(ANALYSES)


def list_samples() -> list[str]:
    """Names of the samples that :func:`generate` makes.

    Examples
    --------
    >>> import hepsets as hs
    >>> hs.list_samples()
    ['mixed', 'charged', 'uubar', 'ddbar', 'ssbar', 'ccbar', 'kstmumu']
    """
    return [*SAMPLES, KSTMUMU]


def list_detectors() -> list[str]:
    """Names of the detectors that :func:`simulate` knows, those of other packages last.

    Examples
    --------
    >>> import hepsets as hs
    >>> "belle2" in hs.list_detectors()
    True
    """
    return list(DETECTORS)


def list_skims() -> list[str]:
    """Names of the skims that :func:`skim` knows, those of other packages last.

    Examples
    --------
    >>> import hepsets as hs
    >>> hs.list_skims()[:3]
    ['hadronic_b0', 'hadronic_bplus', 'semileptonic_b0']
    """
    return list(SKIMS)


def list_filters() -> list[str]:
    """Names of the filters that come with the package, for :func:`load_filter`.

    Examples
    --------
    >>> import hepsets as hs
    >>> hs.list_filters()
    ['hadronic_b0', 'all_skims']
    """
    return list(SHIPPED)
