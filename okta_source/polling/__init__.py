"""Polling one organisation, without a socket: pages, cursor, window, pace, verdicts and the state that resumes them."""
