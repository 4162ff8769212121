"""`python -m flows.backtest`: what rules would have said of the events in the archives. Nothing is sent."""
