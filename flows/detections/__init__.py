"""`python -m flows.detections`: the rules in force, what is wrong with rules, and what one means."""
