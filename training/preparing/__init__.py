"""A recipe's messages as splits, and what they are like, before anything is fitted on them."""
