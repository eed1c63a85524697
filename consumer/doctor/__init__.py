"""
Everything between here and a classified message, looked at without changing anything (`shikyu doctor`).

No group is joined, nothing is committed, produced or created; no customer's text and no secret is told.
"""
