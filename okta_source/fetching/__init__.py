"""Requests beside the worker's loop: threads, budgets and connections that the tenants of a process share."""
