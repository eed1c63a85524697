"""
What people say a decision should have been.

The topic of corrections is read to its present end, settled (who is heard, and what stands), and joined with the
answers that it speaks of. entries, settle and read are all that others need of it.
"""
