"""The filter: skip events before the simulation, keep what they stand for.

hepsets ships trained filters. An event is kept with a probability of its own and gets the inverse as its
weight, so that weighted distributions come out as if nothing had been skipped.
"""

import matplotlib.pyplot as plt
import numpy as np

import hepsets as hs

EVENTS = 6_000

# Weights of generated events, one column per skim; an event of weight 0 is not to be simulated.
events = hs.generate("mixed", EVENTS, seed=7)
weight = hs.load_filter("hadronic_b0").weights(events)[:, 0]
print(f"{(weight > 0).mean():.1%} of the events are simulated, with weights up to {weight.max():.1f}")

# Is the yield of the skim unbiased? Simulate everything once, to compare.
passes = hs.skim(hs.simulate(events, seed=7), "hadronic_b0")
kept = weight[passes]
skipped = np.sqrt((kept * (kept - 1)).sum())  # what the choice of the events adds to the error
print(f"events in the skim: {passes.sum()}; from the kept ones {kept.sum():.0f} ± {skipped:.0f}")
print(f"they are worth {kept.sum() ** 2 / (kept**2).sum() / passes.sum():.0%} of all (Kish)")

# Any distribution comes out, such as that of the number of generated particles.
options = {"bins": 12, "range": (0, 36), "histtype": "step"}
particles = events.multiplicity[passes]
plt.hist(particles, label="all simulated", **options)
plt.hist(particles, weights=kept, label="filtered, weighted", **options)
plt.xlabel("generated particles in the event")
plt.ylabel("events in the skim")
plt.legend()
plt.show()
