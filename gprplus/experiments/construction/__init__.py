"""Construction of a training set in rounds: plan, render, train, score, plan again."""
