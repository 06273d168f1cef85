"""A family of densities of four variables that is exactly quadratic in ΔC9, with everything known.

The reference density is flat; the amplitude is 1 + u(x) δ and, incoherent with it, v(x) δ.
"""

import numpy as np

from hepsets.core.event_frame import EventFrame
from hepsets.learn.data_sets.quadratic_likelihood import Rate

Q_SQUARED = (0.0, 20.0)


def coefficients(frame, prefix=""):
    """β and γ of each event."""
    q = frame[prefix + "q_squared"] / 20
    cos_l, cos_k = frame[prefix + "costheta_mu"], frame[prefix + "costheta_K"]
    u = 0.25 * (q - 0.4) + 0.3 * q * cos_l * (1 - cos_k**2) + 0.1 * cos_k * np.cos(frame[prefix + "chi"])
    v = 0.2 + 0.2 * (1 - q) * cos_k**2
    return 2 * u, u**2 + v**2


def rate():
    """The total rate, exactly: means of β and γ over the flat density."""
    # ⟨cos θ_K cos χ⟩ and odd powers of cos θ_l vanish; q is uniform in [0, 1]
    u, u2 = (
        0.25 * 0.1,
        0.25**2 * (1 / 3 - 0.4 + 0.16) + 0.09 * (1 / 3) * (1 / 3) * (8 / 15) + 0.01 * (1 / 3) / 2,
    )
    v2 = 0.04 + 2 * 0.2 * 0.2 * 0.5 / 3 + 0.04 * (1 / 3) / 5
    return Rate(2 * u, u2 + v2)


def flat(n, random):
    return EventFrame(
        {
            "q_squared": random.uniform(*Q_SQUARED, n),
            "costheta_mu": random.uniform(-1, 1, n),
            "costheta_K": random.uniform(-1, 1, n),
            "chi": random.uniform(-np.pi, np.pi, n),
        }
    )


def sample(n, delta_c9, random):
    """Exactly ``n`` events at ``delta_c9``, by acceptance and rejection."""
    parts, have = [], 0
    while have < n:
        frame = flat(2 * n + 1000, random)
        beta, gamma = coefficients(frame)
        density = 1 + delta_c9 * (beta + delta_c9 * gamma)
        top = (1 + abs(delta_c9) * 0.7) ** 2 + (0.4 * delta_c9) ** 2
        parts.append(frame[random.uniform(0, top, len(frame)) < density])
        have += len(parts[-1])
    frame = EventFrame.concatenate(parts)[:n]
    return frame.with_columns(delta_c9=np.full(n, float(delta_c9)))


def mixture(n, values, random):
    """``n`` events at each of ``values``."""
    return EventFrame.concatenate([sample(n, value, random) for value in values])


def seen(frame, random, keep=True):
    """As a detector sees the events: smeared, and more of them kept at high q²; truth beside."""
    n = len(frame)
    truth = {f"truth_{name}": frame[name] for name in ("q_squared", "costheta_mu", "costheta_K", "chi")}
    chi = frame["chi"] + random.normal(0, 0.1, n)
    smeared = frame.with_columns(
        q_squared=np.clip(frame["q_squared"] + random.normal(0, 0.5, n), 0, 20),
        costheta_mu=np.clip(frame["costheta_mu"] + random.normal(0, 0.05, n), -1, 1),
        costheta_K=np.clip(frame["costheta_K"] + random.normal(0, 0.05, n), -1, 1),
        chi=(chi + np.pi) % (2 * np.pi) - np.pi,
        **truth,
    )
    return smeared[random.random(n) < 0.3 + 0.03 * frame["q_squared"]] if keep else smeared


def candidates(frame, random, signal):
    """Adds what tells signal from background: a peak in Mbc against a slope."""
    n = len(frame)
    mbc = random.normal(5.2795, 0.0026, n) if signal else 5.29 - 0.02 * random.random(n) ** 0.7
    return frame.with_columns(
        mbc=np.clip(mbc, 5.27, 5.29),
        delta_e=random.normal(0, 0.012, n) if signal else random.uniform(-0.05, 0.05, n),
        m_kpi=0.892
        + np.clip((random.standard_cauchy(n) * 0.025) if signal else random.uniform(-0.1, 0.1, n), -0.1, 0.1),
        is_signal=np.full(n, signal),
    )
