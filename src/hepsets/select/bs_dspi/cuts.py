"""What a B_s → D_sπ candidate must have before anything is learnt."""

from __future__ import annotations

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CandidateCuts:
    """A loose selection, looser than LHCb's of B → D h: about 0.15 signal per background in ± 50 MeV.

    Parameters
    ----------
    min_track_ip_chi2
        χ² by which each track must miss the primary vertex.
    max_track_momentum
        Of all tracks [GeV]: Cherenkov detectors tell K from π up to there.
    min_track_momentum, min_track_pt
        Of the daughters of the D_s [GeV].
    min_kaon_id, min_pion_id
        Of ``prob_nn_k`` for kaons, of ``prob_nn_pi`` for both pions.
    min_bachelor_momentum, min_bachelor_pt
        Of the pion beside the D_s [GeV].
    ds_mass
        Window of the mass of K K π [GeV].
    max_ds_doca, max_ds_chi2_per_ndf, min_ds_fd_chi2
        Largest distance of two daughters [cm]; vertex fit; flight from the primary vertex.
    max_bs_doca
        Distance of the D_s to the pion beside it [cm].
    bs_mass
        Window of the mass with the D_s mass constrained [GeV].
    max_bs_chi2, min_bs_fd_chi2, max_bs_ip_chi2, min_dira
        Vertex fit; flight; impact parameter; cosine between momentum and flight.
    min_decay_time
        In ps.
    """

    min_track_ip_chi2: float = 4.0
    max_track_momentum: float = 100.0
    min_track_momentum: float = 2.0
    min_track_pt: float = 0.25
    min_kaon_id: float = 0.1
    min_pion_id: float = 0.2
    min_bachelor_momentum: float = 5.0
    min_bachelor_pt: float = 0.5
    ds_mass: tuple[float, float] = (1.930, 2.015)
    max_ds_doca: float = 0.05
    max_ds_chi2_per_ndf: float = 10.0
    min_ds_fd_chi2: float = 16.0
    max_bs_doca: float = 0.1
    bs_mass: tuple[float, float] = (5.0, 6.0)
    max_bs_chi2: float = 25.0
    min_bs_fd_chi2: float = 16.0
    max_bs_ip_chi2: float = 200.0
    min_dira: float = 0.99
    min_decay_time: float = 0.2
