"""How many tokens the model takes at once: a short measurement when it is loaded."""

import statistics
import time
from collections.abc import Callable, Sequence

# Caches decide: larger batches spill out of them. Of fewer tokens than 256 a stream's texts fill too few, where the
# measurement's own come near; more than 1,024 never won, and each core takes 100 MB for such a batch.
BUDGETS = (256, 512, 1024)
GPU_BUDGETS = (1024, 4096, 16_384, 32_768)  # for each batch is some 300 kernels to start, whatever it holds
# Of the best rate, what fewer tokens may lack, since memory grows with them; and below what no second look is worth it.
AS_GOOD, HOPELESS = 0.98, 0.85
MOST_LOOKS, MOST_S = 4, 8.0


def fastest(rate: Callable[[int], float], budgets: Sequence[int] = BUDGETS) -> tuple[int, float]:
    """
    The fewest tokens at once with which the model is about as fast as with any, and its tokens a second then.

    `rate` measures those of a budget; `budgets` grow, but no further once half of MOST_S is over. They are looked at in
    turns, so that a neighbour who has the cores for a while slows all of them, and those that come near the best
    several times, as long as MOST_S lasts. One that raises, as an engine without the memory for it does, ends the
    search among smaller ones; with none, the rate is 0.
    """
    began = time.monotonic()
    looks: dict[int, list[float]] = {}
    behind = 0
    for budget in budgets:
        try:
            looks[budget] = [rate(budget)]
        except Exception:  # noqa: BLE001 - whatever the engine raises; a smaller one was well
            break
        behind = 0 if looks[budget][0] >= HOPELESS * _best(looks) else behind + 1
        if behind > 1 or time.monotonic() - began > MOST_S / 2:  # one may be chance
            break
    near = [budget for budget, (first,) in looks.items() if first >= HOPELESS * _best(looks)]
    for _ in range(MOST_LOOKS - 1 if len(near) > 1 else 1):
        for budget in list(near):
            try:
                looks[budget].append(rate(budget))
            except Exception:  # noqa: BLE001 - as above: somebody else took the memory meanwhile
                near.remove(budget)
                del looks[budget]
        if time.monotonic() - began > MOST_S:
            break
    # The first look laid out memory, and says little.
    medians = {budget: statistics.median(looks[budget][1:] or looks[budget]) for budget in near or looks}
    return next(
        ((budget, each) for budget, each in medians.items() if each >= AS_GOOD * max(medians.values())),
        (budgets[0], 0.0),
    )


def _best(looks: dict[int, list[float]]) -> float:
    return max(first for first, *_ in looks.values())
