"""The LHCb detector in numbers, with their sources.

Momentum and impact parameter resolution and the identification of hadrons are those of RapidSim (G. Cowan,
D. Craik, M. Needham, Comput. Phys. Commun. 214 (2017) 239, arXiv:1612.07489), which has them from LHCb's full
simulation; acceptance and p_T threshold are those of Delphes' card for LHCb. What a number means says the
part of the engine that takes it.
"""

from __future__ import annotations

from hepsets.simulate.forward import (
    ForwardConfig,
    ForwardTrackerConfig,
    HadronIdConfig,
    PrimaryVertexConfig,
    TrackTriggerConfig,
)

TRACKER = ForwardTrackerConfig(
    min_eta=2.0,
    max_eta=5.0,
    min_pt=0.1,
    min_momentum=2.0,
    efficiency=0.96,
    max_radius=2.5,
    max_z=40.0,
    impact_constant=12.6e-4,
    impact_slope=24.0e-4,
    lever=0.8,
    momenta=(5.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 150.0, 235.0),
    momentum_resolution=(0.0050, 0.0048, 0.0052, 0.0060, 0.0070, 0.0080, 0.0086, 0.0096, 0.0112),
    chi2_ndf=20,
)
"""Tracks through the whole spectrometer: found with 96 % (LHCb, arXiv:1412.6352) above 2 GeV, if they begin
where the vertex detector measures them. Its first measurement is 8 mm from the beam."""

HADRON_ID = HadronIdConfig(
    edges=(40.0, 80.0, 120.0),
    kaon=((0.03, 0.12, 0.40, 0.68), (0.97, 0.92, 0.81, 0.81), (0.31, 0.31, 0.31, 0.31)),
    proton=((0.03, 0.12, 0.40, 0.68), (0.31, 0.31, 0.31, 0.31), (0.97, 0.92, 0.81, 0.81)),
    pion=(0.945, 0.14, 0.12),
    loose=0.2,
    width=2.15,
    correlation=-0.8,
)
"""ProbNNk > 0.2 by momentum for π and K, for p on average; ProbNNpi > 0.5 on average. The width is that for
which ProbNNk > 0.5 keeps 82 % of kaons, 2.3 % of pions, 13 % of protons. For ProbNNp there is no such table:
it is ProbNNk with proton and kaon exchanged, and the correlation is assumed."""

PRIMARY_VERTEX = PrimaryVertexConfig(sigma_xy=13e-4, sigma_z=71e-4, n_tracks=25.0, least_tracks=5.0)
"""LHCb, arXiv:1412.6352, for 25 tracks."""

TRIGGER = TrackTriggerConfig(min_pt=1.7, min_momentum=10.0, min_ip=0.01, min_ip_chi2=16.0, min_sum_pt=5.0)
"""As the selections of B → D h decays behind LHCb's topological trigger demand; no hardware trigger."""

LHCB = ForwardConfig(tracker=TRACKER, hadron_id=HADRON_ID, primary_vertex=PRIMARY_VERTEX, trigger=TRIGGER)
"""LHCb in Run 2."""
