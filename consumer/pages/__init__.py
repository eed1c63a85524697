"""What every page of ours is made of: a head that lets no script run, one style, and words for figures."""
