"""Verbs: what a person starts. Each verb is a function here and a command of `longshore`; nobody imports this package."""
