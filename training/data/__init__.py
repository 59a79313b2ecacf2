"""What there is to learn from: datasets, their annotations, joints and heads, and the folds."""
