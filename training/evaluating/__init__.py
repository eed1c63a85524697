"""What a model's answers to labelled messages say of it."""
