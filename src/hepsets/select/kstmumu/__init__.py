"""B⁰ → K*⁰μ⁺μ⁻ at Belle II: candidates, cuts, yields and the model of their background."""
