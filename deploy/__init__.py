"""What shikyu is deployed and watched with. Mostly files for other programs, and here and there what makes them."""
