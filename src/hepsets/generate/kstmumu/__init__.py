"""B⁰ → K*⁰μ⁺μ⁻ decays from their density, exact in ΔC9."""
