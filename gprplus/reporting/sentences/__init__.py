"""Results in words: the verdict and the sentences that support it."""
