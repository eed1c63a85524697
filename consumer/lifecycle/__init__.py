"""Another version of the model in the place of the one that answers, while it answers (docs/models.md)."""
