"""Flavour tagging: B⁰ or B̄⁰, by the other B of the event.

The charges of leptons, kaons and slow pions tell what it was when it decayed, each not quite reliably.
"""

import matplotlib.pyplot as plt
import numpy as np

import hepsets as hs

EVENTS = 5_000


# Each B of an event is taken out once: what is left is the other one, and the label q says which it is.
def sets(seed):
    """Both tag sides of some events."""
    seen = hs.simulate(hs.generate("mixed", EVENTS, seed=seed), seed=seed)
    return hs.ParticleSets.concatenate([hs.tag_sides(seen, signal=signal) for signal in (0, 1)])


train, test = sets(seed=1), sets(seed=2)
q = test.columns["q"]

# In our model each track votes for the sign of its charge, so it tags both flavours alike.
taggers = {
    name: hs.fit(name, train, train.columns["q"] > 0, epochs=6, learning_rate=3e-3, batch=128)
    for name in ("whole_event_deep_sets", "charge_votes")
}
for name, tagger in taggers.items():
    r = 2 * hs.score(tagger, test) - 1
    edges = np.quantile(np.abs(r), np.linspace(0, 1, 8))[1:-1]
    bins = np.digitize(np.abs(r), edges)
    right = [(np.sign(r) == q)[bins == number].mean() for number in range(7)]
    print(name, f"effective tagging efficiency {np.mean((2 * np.array(right) - 1) ** 2):.3f}")
    plt.hist([r[q > 0], r[q < 0]], 40, histtype="step", label=[f"{name}: B⁰", f"{name}: B̄⁰"])
plt.gca().set(xlabel="r = q (1 − 2w)", ylabel="tag sides", yscale="log")
plt.legend()
plt.show()
