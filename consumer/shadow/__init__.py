"""A second model that answers a share of the traffic when nothing else is to be done (docs/models.md)."""
