"""Continuum suppression: B B̄ against two jets.

e⁺e⁻ → q q̄ is three times as frequent as Υ(4S) → B B̄. Its two jets are back to back; B decays at rest are
round.
"""

import matplotlib.pyplot as plt
import numpy as np

import hepsets as hs

EVENTS = 20_000


# One B is reconstructed in hadronic decays; the rest of the event tells what it was.
def candidates(seed):
    """B candidates in B B̄ and in continuum, and which is which."""
    samples = [hs.generate(name, EVENTS, seed=seed) for name in ("charged", "uubar")]
    parts = [hs.candidates(hs.simulate(events, seed=seed)) for events in samples]
    return hs.ParticleSets.concatenate(parts), np.repeat([True, False], [len(part) for part in parts])


train, train_signal = candidates(seed=1)
test, signal = candidates(seed=2)
print(f"{signal.sum()} candidates in B B̄ and {(~signal).sum()} in continuum to test on")

# The classic variable is R2, a ratio of Fox–Wolfram moments: small for round events. Ours are learnt.
model = hs.fit("learned_moments", train, train_signal, epochs=8)
scores = {"1 - R2": 1 - test.columns["R2"], "learned_moments": hs.score(model, test)}
for name, score in scores.items():
    print(f"AUC of {name}: {hs.auc(signal, score)}")

# What is left of the continuum at each efficiency of the signal.
efficiency = np.linspace(0.1, 1, 40)
for name, score in scores.items():
    cuts = np.quantile(score[signal], 1 - efficiency)
    plt.plot(efficiency, [(score[~signal] >= cut).mean() for cut in cuts], label=name)
plt.gca().set(xlabel="signal efficiency", ylabel="background efficiency")
plt.legend()
plt.show()
