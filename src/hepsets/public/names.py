"""Public names that list names: analyses, samples, detectors, skims, models, filters."""

from __future__ import annotations

from hepsets.analyses.contract import ANALYSES
from hepsets.core.errors import InputError
from hepsets.core.extras import telling_extras
from hepsets.deploy.filter.shipped import SHIPPED


def list_analyses() -> list[str]:
    """Names of the analyses that :func:`run` knows, those of other packages last.

    Examples
    --------
    >>> import hepsets as hs
    >>> hs.list_analyses()[:3]
    ['bs-dspi', 'c4-images', 'continuum-suppression']
    """
    return list(ANALYSES)


def list_samples() -> list[str]:
    """Names of the samples that :func:`generate` makes.

    Examples
    --------
    >>> import hepsets as hs
    >>> hs.list_samples()[:7]
    ['mixed', 'charged', 'uubar', 'ddbar', 'ssbar', 'ccbar', 'taupair']
    >>> hs.list_samples()[7:11]
    ['zbb', 'zcc', 'zss', 'zud']
    >>> hs.list_samples()[11:]
    ['lhcb_bbbar', 'bs_dspi', 'bs_dsk', 'bs_dsstpi', 'bs_dsrho', 'b0_dpi', 'b0_dspi', 'lb_lcpi', 'kstmumu']
    """
    with telling_extras("list_samples"):
        from hepsets.generate.kstmumu.files import SAMPLE as KSTMUMU
        from hepsets.generate.samples import SAMPLES
    return [*SAMPLES, KSTMUMU]


def list_detectors() -> list[str]:
    """Names of the detectors that :func:`simulate` knows, those of other packages last.

    Examples
    --------
    >>> import hepsets as hs
    >>> "belle2" in hs.list_detectors()
    True
    """
    with telling_extras("list_detectors"):
        from hepsets.simulate.registry import DETECTORS
    return list(DETECTORS)


def list_skims() -> list[str]:
    """Names of the skims that :func:`skim` knows, those of other packages last.

    Examples
    --------
    >>> import hepsets as hs
    >>> hs.list_skims()[:3]
    ['hadronic_b0', 'hadronic_bplus', 'semileptonic_b0']
    """
    with telling_extras("list_skims"):
        from hepsets.select.skims.registry import SKIMS
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


def list_models(kind: str = "decay_trees") -> list[str]:
    """Names of the models of a kind, for :func:`fit`, those of other packages last.

    Parameters
    ----------
    kind
        What they are applied to: ``"decay_trees"``, ``"particle_sets"`` (candidates with the rest of the
        event), ``"tables"`` (one row per event), ``"data_sets"`` (many decays, one number),
        ``"vertexed_events"`` or ``"images"``.

    Returns
    -------
    list of str
        Of the first kind there is besides the family ``DS_{layers}_GCN_{indices}``.

    Raises
    ------
    InputError
        For another kind.

    Examples
    --------
    >>> import hepsets as hs
    >>> hs.list_models("tables")
    ['boosted_trees', 'class_trees']
    """
    with telling_extras("list_models"):
        from hepsets.learn.registry import KINDS, recipes
    for known in KINDS:
        if kind == known:
            return list(recipes(known))
    raise InputError(f"models of {kind!r}", f"one of {', '.join(KINDS)}")
