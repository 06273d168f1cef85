"""Masses, widths and flights of particles: the one place for each.

They are those of the Particle Data Group as the ``particle`` package has them (a test compares), unless a
line says otherwise. They are written out here, not looked up: kernels are compiled with them, and what we
compute must not change with a new version of a package.

Masses and widths in GeV, flights c τ in cm.
"""

from __future__ import annotations

M_E, M_MU = 0.00051099895, 0.1056583755
"""Charged leptons."""

M_PI, M_K, M_P = 0.13957039, 0.493677, 0.93827208816
"""Charged pion, charged kaon, proton; the latter as of 2022, 1.2 eV below that of the package."""

M_PI0, M_KS = 0.1349768, 0.497611
"""Neutral pion, K_S."""

M_D0, M_DPLUS, M_DS = 1.86484, 1.86966, 1.96835
"""Charm mesons."""

M_DS_STAR = 2.1122
"""D_s*⁺."""

M_LC = 2.28646
"""Λ_c⁺."""

M_JPSI = 3.0969
"""J/ψ."""

M_BS, M_LB = 5.36693, 5.61957
"""B_s⁰ and Λ_b⁰."""

M_B0 = 5.27966
"""B⁰ as of 2022, 60 keV below the package's: the density of B⁰ → K*⁰μ⁺μ⁻ was tabulated with this mass."""

M_RHO, WIDTH_RHO = 0.7753, 0.1491
"""ρ(770) of either charge; the package's ρ⁺ is 0.2 MeV lighter and as wide."""

M_KSTAR, WIDTH_KSTAR = 0.89555, 0.0473
"""K*(892)⁰ as of 2022, likewise: 10 keV lighter, 0.2 MeV wider than the package's."""

M_PHI, WIDTH_PHI = 1.01946, 0.004249
"""φ(1020)."""

M_DELTA, WIDTH_DELTA = 1.232, 0.117
"""Δ(1232)⁺⁺."""

M_LAMBDA_1520, WIDTH_LAMBDA_1520 = 1.519, 0.016
"""Λ(1520)."""

FLIGHT_PI, FLIGHT_K = 780.4, 371.1
"""c τ of charged pions and kaons, as rounded in the Review of Particle Physics."""

FLIGHT_B0 = 0.0455
"""c τ of the B⁰, of a mean life of 1.517 ps; the package's is 0.4 % shorter."""
