"""`shikyu top`: watching's frame in a terminal. screen (frame to what is shown) -> live (again and again, until q)."""
