"""ΔC9 from a whole set of B⁰ → K*⁰μ⁺μ⁻ decays at once.

ΔC9 is the shift of one coupling of b → sℓℓ from the Standard Model, which new heavy particles could make. It
changes how the decays spread over q² and three angles, a little: only many of them tell it.
"""

import matplotlib.pyplot as plt
import numpy as np

import hepsets as hs

EVENTS = 10_000

# Simulate decays at some values of ΔC9, and learn their density as a function of it.
values = [-2.0, -1.4, -0.8, -0.2, 0.4, 1.1]
training = hs.generate("kstmumu", EVENTS, delta_c9=values, seed=1)
model = hs.fit("morphing", training, epochs=5)

# Now "measure" five data sets at a value of their own.
truth = -0.7
fits = [model.infer(hs.generate("kstmumu", 8000, delta_c9=truth, seed=seed)) for seed in range(2, 7)]
for fit in fits:
    print(f"ΔC9 = {fit.value:.2f}, 68 % interval {fit.low:.2f} to {fit.high:.2f}")
print(f"mean {np.mean([fit.value for fit in fits]):.2f}, true value {truth}")

# The log-likelihood of the first one: a parabola near its top.
plt.plot(fits[0].delta_c9, fits[0].log_likelihood)
plt.axvline(truth, color="grey", linestyle="dotted")
plt.axhline(-0.5, color="grey", linewidth=0.5)
plt.gca().set(xlim=(-1.5, 0), ylim=(-5, 0.2), xlabel="ΔC9", ylabel="log-likelihood")
plt.show()
